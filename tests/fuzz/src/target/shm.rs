//! A segment of shared memory, whatever is in it: looked at from outside, then opened and used like any other.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::OnceLock;

use bytes::Bytes;
use sage_comm::{Queue, QueueCore, QueueId, ShmFolder, ShmQueue, ShmSpec, Wait};

/// What never changes, with its checksum at the end.
const HEADER: usize = 1024;
/// What names the file of locks of this host, in the header.
const CONTROL: std::ops::Range<usize> = 64..80;
/// What counts loans, and what became of them.
const COUNTS: std::ops::Range<usize> = 1560..1616;
const CAPACITY: usize = 8;
const LARGEST: usize = 64;
/// More than there is room for.
const FEW: usize = 10;

/// A sound segment, and its place.
struct Sound {
    id: QueueId,
    path: PathBuf,
    bytes: Vec<u8>,
}

/// It outlives its user, so what is in the file is what the next one finds.
fn spec() -> ShmSpec {
    ShmSpec::bounded(CAPACITY).max_item(LARGEST).keep()
}

impl Sound {
    /// Made once, in the folder of this user. It is there only while somebody looks at it.
    fn get() -> &'static Self {
        static SOUND: OnceLock<Sound> = OnceLock::new();
        SOUND.get_or_init(|| {
            let id = QueueId::generated("fuzz");
            let queue = ShmQueue::<Bytes>::open(&id, &spec()).expect("shared memory");
            for number in 0..6_u8 {
                queue.put(vec![number; usize::from(number) * 9].into()).expect("room");
            }
            // One that is on loan, one that came back, and one that was taken.
            let lent = queue.lease(Wait::Never).expect("an item");
            drop(queue.lease(Wait::Never).expect("an item"));
            queue.get().expect("an item");
            let path = ShmFolder::of_this_user().path().join(id.as_str());
            let bytes = fs::read(&path).expect("a segment");
            drop((lent, queue));
            fs::remove_file(&path).expect("a segment of ours");
            Self { id, path, bytes }
        })
    }
}

/// The bytes are those of the segment, as far as they go. Its head is made to fit this host and its checksum: without that nothing
/// behind it would ever be read.
pub(crate) fn run(bytes: &[u8]) {
    let sound = Sound::get();
    let mut segment = sound.bytes.clone();
    for (byte, new) in segment.iter_mut().zip(bytes) {
        *byte = *new;
    }
    for (byte, right) in segment
        .iter_mut()
        .zip(&sound.bytes)
        .skip(CONTROL.start)
        .take(CONTROL.len())
    {
        *byte = *right;
    }
    if let Some((covered, sum)) = segment.get_mut(..HEADER).and_then(<[u8]>::split_last_chunk_mut) {
        *sum = crc32c::crc32c(covered).to_le_bytes();
    }
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(&sound.path);
    made.and_then(|mut file: File| file.write_all(&segment))
        .expect("shared memory");
    look(&sound.id);
    if let Ok(queue) = ShmQueue::<Bytes>::open(&sound.id, &spec()) {
        use_it(&queue);
        look(&sound.id);
    }
    // Opening may have put another one into its place, which has gone by itself.
    let _ = fs::remove_file(&sound.path);
}

fn look(id: &QueueId) {
    let folder = ShmFolder::of_this_user();
    if let Ok(Some(entry)) = folder.find(id)
        && let Some(segment) = entry.segment
    {
        assert!(segment.depth <= segment.capacity && segment.away <= segment.capacity);
    }
    if let Ok(Some(peek)) = folder.peek(id, 1, 5) {
        assert!(peek.items.len() <= 5);
    }
}

/// Whatever comes of each call: what was inside may be given up, and a lock may be with somebody who seems to live.
fn use_it(queue: &ShmQueue<Bytes>) {
    drop(queue.lease(Wait::Never));
    let held = queue.lease(Wait::Never);
    let mut batch = Vec::new();
    let got = queue.get_batch(&mut batch, 2, Wait::Never);
    assert_eq!(batch.len(), got.unwrap_or(0));
    for number in 0..FEW {
        let _ = queue.try_put(vec![7; number * 7].into());
    }
    if let Ok(item) = queue.try_get() {
        assert!(item.len() <= LARGEST);
    }
    drop(held);
    assert!(queue.depth().is_none_or(|depth| depth <= CAPACITY));
    let _ = (queue.totals(), queue.leases(), queue.damage());
    queue.close();
    for _ in 0..FEW {
        let _ = queue.try_get();
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let sound = &Sound::get().bytes;
    // What counts is as high as it goes.
    let mut high = sound.clone();
    for byte in high.iter_mut().take(COUNTS.end).skip(COUNTS.start) {
        *byte = 0xff;
    }
    vec![sound.clone(), high]
}
