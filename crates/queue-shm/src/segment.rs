//! A segment that this process takes part in: made or joined, left, and removed by the last one.
//!
//! All of that happens under the lock of the queue's name, so it needs no order of its own. A segment gets its name
//! when it is complete; one that is half made has a name that nobody looks for.

use std::fmt::Display;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use descriptor_core::{Error, ErrorKind, QueueId, TypeTag, Wait};

use crate::header::{Header, NOT_OURS};
use crate::host::{Host, NameLock, check_file, check_kind, io_error, open_options};
use crate::inspect::sweep;
use crate::layout::{
    EVICTED, FINISHED, GETTERS, HEADER, ITEMS, LOST_IN_FLIGHT, Layout, MAX_PARTICIPANTS, PARTICIPANT, PARTICIPANTS,
    PID, PUTTERS, ROOM, STAGE, TAKEN, TOKEN, UNDERTAKER,
};
use crate::linger::Naps;
use crate::map::Map;
use crate::participant::{self, Name};
use crate::{ShmSpec, point, sys};

/// Names of half made segments begin with this; the number of their maker follows.
pub(crate) const UNFINISHED: &str = ".new-";
/// How long those who join wait for the side of the getters, when there are dead to bury.
const BURIAL: Duration = Duration::from_millis(100);

/// One participant's view of a segment.
pub(crate) struct Segment {
    pub(crate) map: Map,
    pub(crate) host: &'static Host,
    pub(crate) me: Name,
    pub(crate) index: usize,
    pub(crate) header: Header,
    pub(crate) capacity: u64,
    pub(crate) layout: Layout,
    /// Where items go that were handed out too often.
    pub(crate) dead_letters: OnceLock<Arc<Self>>,
    pub(crate) naps: Naps,
    path: PathBuf,
    file_number: [u64; 2],
}

/// The file of a queue. Ids have no `+`, so no two of them share one.
pub(crate) fn file_name(id: &str) -> String {
    id.replace('/', "+")
}

fn refused(kind: ErrorKind, id: &QueueId) -> Error {
    Error::new(kind, "open").queue(id.as_str()).backend("shm")
}

impl Segment {
    /// Joins the queue of that id, or makes it.
    ///
    /// # Errors
    /// `TypeMismatch` and `Incompatible` when it is there and is another one; `OutOfSpace`, `PermissionDenied`,
    /// `ResourceExhausted`, `Unsupported`, `Corrupt`, `Timeout`, `Io` as the system has it.
    pub(crate) fn open(id: &QueueId, spec: &ShmSpec, tag: &TypeTag, codec: u8) -> Result<Self, Error> {
        Self::open_named(id, spec, tag, codec).map_err(|error| error.queue(id.as_str()))
    }

    fn open_named(id: &QueueId, spec: &ShmSpec, tag: &TypeTag, codec: u8) -> Result<Self, Error> {
        let host = Host::get()?;
        let file_name = file_name(spec.name(id));
        let path = host.folder().join(&file_name);
        if host.is_first() {
            sweep(host);
        }
        let lock = host.lock_name(&file_name)?;
        let mut epoch = 0;
        if let Some(file) = open_file(&path)? {
            let (header, layout) = inspect(&file, &path)?;
            if header.control != host.control_identity()? {
                return Err(refused(ErrorKind::StaleHandle, id)
                    .expected("a segment whose participants can be seen")
                    .found("one made before the file of locks was replaced")
                    .remedy("end the processes that use it, then `sage clean`"));
            }
            epoch = header.epoch;
            let map = Map::new(&file, &layout).map_err(|error| io_error("map", &path, error))?;
            point::reach("attach.mapped");
            let is_kept = header.keep && map.u32(STAGE).load(Ordering::Acquire) == 0;
            if is_kept || has_survivors(&file, &path, host)? {
                agree(&header, id, spec, tag, codec)?;
                let segment = Self::join(map, host, (header, layout), &file, path, &lock)?;
                segment.bury_the_dead();
                return Ok(segment);
            }
            remove(&path)?;
        }
        let (file, header, layout) = create(host, &path, id, spec, tag, codec, epoch)?;
        let map = Map::new(&file, &layout).map_err(|error| io_error("map", &path, error))?;
        Self::join(map, host, (header, layout), &file, path, &lock)
    }

    fn join(
        map: Map,
        host: &'static Host,
        (header, layout): (Header, Layout),
        file: &File,
        path: PathBuf,
        _lock: &NameLock<'_>,
    ) -> Result<Self, Error> {
        let meta = file.metadata().map_err(|error| io_error("look at", &path, error))?;
        let claimed = participant::claim(&map, host);
        let me = claimed.unwrap_or_else(|| participant::claim_to_bury(&map, host));
        point::reach("attach.claimed");
        let mut segment = Self {
            map,
            host,
            me,
            index: me.index().unwrap_or_default(),
            capacity: header.capacity,
            header,
            layout,
            dead_letters: OnceLock::new(),
            naps: Naps::new(),
            path,
            file_number: [meta.dev(), meta.ino()],
        };
        if claimed.is_none() {
            segment.take_the_place_of_the_dead()?;
        }
        point::reach("attach.done");
        Ok(segment)
    }

    /// From the entry of who buries the dead to one of those that become free by that. Only under the lock of the queue's
    /// name.
    fn take_the_place_of_the_dead(&mut self) -> Result<(), Error> {
        self.bury_the_dead();
        participant::free(&self.map, self.index);
        let me = participant::claim(&self.map, self.host).ok_or_else(|| {
            Error::new(ErrorKind::ResourceExhausted, "open")
                .backend("shm")
                .expected(format!("at most {MAX_PARTICIPANTS} participants"))
                .found("that many")
                .remedy("open the queue once per process and share the handle")
        })?;
        self.me = me;
        self.index = me.index().unwrap_or_default();
        Ok(())
    }

    /// An error that names this queue.
    #[cold]
    pub(crate) fn error(&self, kind: ErrorKind, operation: &'static str) -> Error {
        Error::new(kind, operation)
            .queue(self.header.id.as_str())
            .backend("shm")
    }

    /// Whether this handle may still be used.
    ///
    /// # Errors
    /// `StaleHandle` in a forked child, and when an operator took the queue away.
    #[inline]
    pub(crate) fn check(&self, operation: &'static str) -> Result<(), Error> {
        if self.map.is_mine() && self.map.u32(STAGE).load(Ordering::Relaxed) != EVICTED {
            return Ok(());
        }
        Err(self.stale(operation))
    }

    #[cold]
    fn stale(&self, operation: &'static str) -> Error {
        let error = self.error(ErrorKind::StaleHandle, operation);
        if self.map.is_mine() {
            error
                .expected("a queue in use")
                .found("one that an operator evicted")
                .remedy("open it again: that makes a new one")
        } else {
            error
                .expected("the process that opened the queue")
                .found("a child forked from it")
                .remedy("open the queue again in the child")
        }
    }

    /// Puts in order what dead participants left, and frees their entries. Only under the lock of the queue's name.
    fn bury_the_dead(&self) {
        let dead: Vec<usize> = (0..MAX_PARTICIPANTS)
            .filter(|index| {
                let token = participant::token_of(&self.map, *index);
                token != 0 && !self.host.is_alive(token)
            })
            .collect();
        if dead.is_empty() {
            return;
        }
        for index in &dead {
            if let Some(name) = participant::name_of(&self.map, *index) {
                self.release_dead(name, PUTTERS);
            }
        }
        // What a dead one took is known when its side has been put in order, by whomever. A living one may hold the side, and
        // may be stopped: then the next one who comes buries the dead.
        let Some(_getters) = self.lock(GETTERS, Wait::from(BURIAL)) else {
            return;
        };
        for index in dead {
            let taken = self.map.u64(participant::at(index, TAKEN)).load(Ordering::Acquire);
            let finished = self.map.u64(participant::at(index, FINISHED)).load(Ordering::Acquire);
            self.map
                .u64(LOST_IN_FLIGHT)
                .fetch_add(taken.wrapping_sub(finished), Ordering::AcqRel);
            for bell in [ITEMS, ROOM] {
                participant::forget_sleepers(&self.map, index, bell);
            }
            participant::free(&self.map, index);
        }
    }

    /// Others that live, this handle not counted.
    fn has_company(&self) -> bool {
        (0..MAX_PARTICIPANTS).any(|index| {
            let token = participant::token_of(&self.map, index);
            index != self.index && token != 0 && self.host.is_alive(token)
        })
    }

    fn leave(&self) -> Result<(), Error> {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let _lock = self.host.lock_name(name)?;
        point::reach("detach.locked");
        participant::free(&self.map, self.index);
        point::reach("detach.freed");
        let is_ours = self
            .path
            .symlink_metadata()
            .is_ok_and(|meta| [meta.dev(), meta.ino()] == self.file_number);
        let keeps = self.header.keep && self.map.u32(STAGE).load(Ordering::Acquire) == 0;
        if is_ours && !keeps && !self.has_company() {
            remove(&self.path)?;
            point::reach("detach.unlinked");
        }
        Ok(())
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // A forked child has nothing here that is its own, and who found no place leaves none.
        if self.map.is_mine() && self.index != UNDERTAKER {
            // What cannot be removed now looks dead from outside and is removed by the next one who comes.
            let _ = self.leave();
        }
    }
}

/// The file, or `None` where there is none.
pub(crate) fn open_file(path: &Path) -> Result<Option<File>, Error> {
    // Looked at before it is opened: opening a device may do anything, and closing a second name of the file of locks
    // would give up the proof that we live.
    match path.symlink_metadata() {
        Ok(meta) => check_kind(&meta, path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("look at", path, error)),
    }
    match open_options().open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("open", path, error)),
    }
}

pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_error("remove", path, error)),
        _ => Ok(()),
    }
}

/// Reads and checks what a file says about itself, before any of it is mapped.
pub(crate) fn inspect(file: &File, path: &Path) -> Result<(Header, Layout), Error> {
    let meta = check_file(file, path)?;
    let mut bytes = [0; HEADER];
    file.read_exact_at(&mut bytes, 0).map_err(|error| {
        Error::new(ErrorKind::Corrupt, "open")
            .backend("shm")
            .expected(format!("{HEADER} bytes of header"))
            .found(format!("{} bytes", meta.len()))
            .remedy(NOT_OURS)
            .caused_by(error)
    })?;
    let header = Header::from_bytes(&bytes)?;
    let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
    let (ring_bytes, capacity, max_item) = (header.ring_bytes, header.capacity, header.max_item);
    let layout = Layout::new(size(ring_bytes), size(capacity), size(max_item), sys::page())?;
    let fits = layout.ring as u64 == header.ring
        && layout.ring_bytes as u64 == header.ring_bytes
        && layout.file() as u64 == meta.len();
    if fits {
        return Ok((header, layout));
    }
    Err(Error::new(ErrorKind::Corrupt, "open")
        .backend("shm")
        .expected(format!("a file of {} bytes", layout.file()))
        .found(format!("{} bytes", meta.len()))
        .remedy("remove it with `sage clean`"))
}

/// Whether anybody in the file lives.
fn has_survivors(file: &File, path: &Path, host: &Host) -> Result<bool, Error> {
    let tokens = tokens(file).map_err(|error| io_error("read", path, error))?;
    Ok(tokens.iter().any(|(token, _)| host.is_alive(*token)))
}

/// The tokens in a file, read without mapping it.
pub(crate) fn tokens(file: &File) -> std::io::Result<Vec<(u64, u32)>> {
    let mut bytes = vec![0; MAX_PARTICIPANTS * PARTICIPANT];
    file.read_exact_at(&mut bytes, PARTICIPANTS as u64)?;
    Ok(bytes
        .chunks_exact(PARTICIPANT)
        .filter_map(|entry| {
            let token = u64::from_le_bytes(*entry.get(TOKEN..)?.first_chunk()?);
            let pid = u32::from_le_bytes(*entry.get(PID..)?.first_chunk()?);
            (token != 0).then_some((token, pid))
        })
        .collect())
}

fn agree(header: &Header, id: &QueueId, spec: &ShmSpec, tag: &TypeTag, codec: u8) -> Result<(), Error> {
    let mut asked = header.clone();
    asked.set_type(tag);
    if (asked.shape, asked.tag_sum) != (header.shape, header.tag_sum) {
        return Err(refused(ErrorKind::TypeMismatch, id)
            .expected(format!("items of type {}", header.tag_line()))
            .found(asked.tag_line())
            .remedy("use the same item type, built from the same source, in all processes"));
    }
    let wanted = spec.header(id);
    let differs = |name: &str, mine: &dyn Display, theirs: &dyn Display| {
        refused(ErrorKind::Incompatible, id)
            .expected(format!("`{name}`={theirs} as the live queue has it"))
            .found(format!("`{name}`={mine}"))
            .remedy("open it with the same parameters, or choose another queue id")
    };
    for (name, mine, theirs) in [
        ("maxsize", wanted.capacity, header.capacity),
        ("max_bytes", wanted.max_bytes, header.max_bytes),
        ("max_item", wanted.max_item, header.max_item),
        ("codec", codec.into(), header.codec.into()),
        ("auto_cleanup", u64::from(!wanted.keep), u64::from(!header.keep)),
        ("max_deliveries", wanted.max_deliveries, header.max_deliveries),
    ] {
        if mine != theirs {
            return Err(differs(name, &mine, &theirs));
        }
    }
    if wanted.lease_time != header.lease_time {
        let [mine, theirs] =
            [wanted.lease_time, header.lease_time].map(|time| Duration::from_nanos(time).as_secs_f64());
        return Err(differs("lease_time", &mine, &theirs));
    }
    if wanted.dead_letter != header.dead_letter {
        return Err(differs("dead_letter", &wanted.dead_letter, &header.dead_letter));
    }
    Ok(())
}

fn create(
    host: &Host,
    path: &Path,
    id: &QueueId,
    spec: &ShmSpec,
    tag: &TypeTag,
    codec: u8,
    last_epoch: u64,
) -> Result<(File, Header, Layout), Error> {
    let layout = Layout::new(spec.ring_bytes(), spec.capacity, spec.max_item, sys::page())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut header = spec.header(id);
    header.set_type(tag);
    header.codec = codec;
    header.created = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    // The clock makes epochs differ when nothing is left of the one before.
    header.epoch = sys::monotonic().max(last_epoch.saturating_add(1));
    header.control = host.control_identity()?;
    header.ring = layout.ring as u64;
    header.ring_bytes = layout.ring_bytes as u64;

    let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let unfinished = format!("{UNFINISHED}{:016x}{}", host.token(), unfinished_end(file_name));
    let unfinished = host.folder().join(unfinished);
    remove(&unfinished)?;
    let file = open_options()
        .create_new(true)
        .open(&unfinished)
        .map_err(|error| io_error("make", &unfinished, error))?;
    let filled = fill(&file, &header, &layout).map_err(|error| {
        let needed = layout.loans + layout.ring_bytes;
        let free = sys::free_bytes(&file).unwrap_or_default();
        io_error("fill", path, error)
            .with("needed_bytes", needed)
            .with("free_bytes", free)
    });
    point::reach("create.filled");
    let named = filled.and_then(|()| std::fs::rename(&unfinished, path).map_err(|error| io_error("name", path, error)));
    if let Err(error) = named {
        // Nothing is left behind, not even by a full device.
        let _ = remove(&unfinished);
        return Err(error);
    }
    point::reach("create.named");
    Ok((file, header, layout))
}

/// What the name of a half made segment ends with that was to have this one.
pub(crate) fn unfinished_end(file_name: &str) -> String {
    format!("-{:08x}", crc32c::crc32c(file_name.as_bytes()))
}

fn fill(file: &File, header: &Header, layout: &Layout) -> std::io::Result<()> {
    point::reach("create.file");
    file.set_len(layout.file() as u64)?;
    sys::allocate(file, 0, layout.loans as u64)?;
    sys::allocate(file, layout.ring as u64, layout.ring_bytes as u64)?;
    point::reach("create.sized");
    file.write_all_at(&header.to_bytes(), 0)
}
