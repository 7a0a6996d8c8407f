//! Checkpoints as files.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use descriptor_core::{Codec, Error, ErrorKind};
use xxhash_rust::xxh3::xxh3_64;

use crate::Saved;
use crate::manifest::{Entry, FORMAT, Manifest, Part, PartEntry};
use crate::round::LAST;

const LOCK: &str = "lock";
const MANIFEST: &str = "manifest.json";
const STATES: &str = "states";
const UNFINISHED: &str = "unfinished";
const PREFIX: &str = "checkpoint-";
/// How many complete ones stay.
const KEPT: usize = 2;
/// A manifest has a line for each instance.
const MANIFEST_BYTES: usize = 64 << 20;

/// Where the checkpoints of one job are, for every process of it.
#[derive(Clone, Debug)]
pub struct Shelf {
    path: PathBuf,
    state_bytes: usize,
    job: String,
    graph: String,
    document: Option<String>,
    made_with: Option<String>,
    instances: Vec<String>,
}

/// The shelf of one job; while this lives, nobody else has it.
#[derive(Debug)]
pub struct Folder {
    shelf: Shelf,
    lock: Arc<File>,
}

impl Shelf {
    /// Of this job, whose graph has this fingerprint and whose instances have these names. Looks at nothing yet.
    #[must_use]
    pub fn new(path: PathBuf, state_bytes: usize, job: &str, graph: String, instances: Vec<String>) -> Self {
        Self {
            path,
            state_bytes,
            job: job.to_owned(),
            graph,
            document: None,
            made_with: None,
            instances,
        }
    }

    /// With all that the graph says, so that a later one can tell in what it differs.
    #[must_use]
    pub fn with_document(self, document: String) -> Self {
        Self {
            document: Some(document),
            ..self
        }
    }

    /// With what the code of the job was made with, where the graph does not show it: a checkpoint of a job that was made
    /// with something else is refused.
    #[must_use]
    pub fn with_parameters(self, made_with: String) -> Self {
        Self {
            made_with: Some(made_with),
            ..self
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn at(&self, number: u64) -> PathBuf {
        self.path.join(named(number))
    }

    /// No two runs of a job write into one folder before it has its name, whatever is left of the first.
    fn unfinished(&self, run: &str, number: u64) -> PathBuf {
        self.path.join(format!("{UNFINISHED}-{run}-{number}"))
    }

    /// Ascending.
    fn numbers(&self) -> Result<Vec<u64>, Error> {
        let mut numbers = Vec::new();
        for name in self.names()? {
            let number = name.strip_prefix(PREFIX).and_then(|number| number.parse::<u64>().ok());
            // What is not named as a checkpoint is none of ours, and behind the last number there is no next one.
            numbers.extend(number.filter(|it| name == named(*it) && *it < LAST - 1));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let fault = |error| io_error("list checkpoints", &self.path, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(fault)? {
            names.extend(entry.map_err(fault)?.file_name().into_string());
        }
        Ok(names)
    }

    /// The states of a checkpoint that are wanted, by the place of their instance; `None` for the others.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged: an older one would repeat what sinks have committed, so that is for people to
    /// decide. `Incompatible` when it is of another job.
    pub fn read(&self, number: u64, wanted: impl Fn(usize) -> bool) -> Result<Vec<Option<Saved>>, Error> {
        let folder = self.at(number);
        let damaged = |found: String| damaged(&folder, found);
        let manifest = self.manifest(number, &folder)?;
        self.fits(&manifest, &folder)?;
        let mut files_of: BTreeMap<u32, (PathBuf, File)> = BTreeMap::new();
        let mut all = Vec::new();
        for (place, entry) in manifest.instances.into_iter().enumerate() {
            if entry.bytes > self.state_bytes as u64 {
                return Err(damaged(format!("{} bytes for `{}`", entry.bytes, entry.name))
                    .remedy("raise the limit of `state_bytes`"));
            }
            let (path, states) = match files_of.entry(entry.part) {
                std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
                std::collections::btree_map::Entry::Vacant(closed) => {
                    let path = folder.join(part_named(entry.part));
                    let file = files().write(false).open(&path);
                    closed.insert((path.clone(), file.map_err(|error| io_error("open", &path, error))?))
                }
            };
            if !wanted(place) {
                let passed = states.seek(SeekFrom::Current(entry.bytes.cast_signed()));
                passed.map_err(|error| io_error("read", path, error))?;
                all.push(None);
                continue;
            }
            let mut state = Vec::new();
            let read = states.take(entry.bytes).read_to_end(&mut state);
            read.map_err(|error| io_error("read", path, error))?;
            if state.len() as u64 != entry.bytes || xxh3_64(&state) != entry.checksum {
                return Err(damaged(format!(
                    "a state of `{}` that does not fit its checksum",
                    entry.name
                )));
            }
            all.push(Some(Saved {
                state,
                over: entry.over,
                sent: 0,
            }));
        }
        Ok(all)
    }

    /// What the graph says that a checkpoint is of, when it is another one. A shelf of that graph has its states.
    ///
    /// # Errors
    /// As [`read`](Self::read); `Incompatible` when it is not known what that graph says.
    pub fn other_graph(&self, number: u64) -> Result<Option<String>, Error> {
        let folder = self.at(number);
        let manifest = self.manifest(number, &folder)?;
        match (self.fits(&manifest, &folder), manifest.document) {
            (Ok(()), _) => Ok(None),
            (Err(_), Some(document)) if manifest.format == FORMAT => Ok(Some(document)),
            (Err(error), _) => Err(error),
        }
    }

    fn manifest(&self, number: u64, folder: &Path) -> Result<Manifest, Error> {
        let text = read_file(&folder.join(MANIFEST), MANIFEST_BYTES)?;
        let (sum, text) = text
            .split_first_chunk::<16>()
            .ok_or_else(|| damaged(folder, "a manifest that is too short".into()))?;
        let text = text.strip_prefix(b"\n").unwrap_or(text);
        if *sum != *hex(xxh3_64(text)).as_bytes() {
            return Err(damaged(folder, "a manifest that does not fit its checksum".into()));
        }
        let manifest: Manifest = Codec::Json.decode(text, MANIFEST_BYTES)?;
        if manifest.number != number {
            return Err(damaged(
                folder,
                format!("checkpoint {} under another name", manifest.number),
            ));
        }
        match (&self.made_with, &manifest.made_with) {
            (Some(ours), Some(theirs)) if ours != theirs => Err(Error::new(ErrorKind::Incompatible, "read checkpoint")
                .with("folder", folder.display().to_string())
                .expected(format!("one of a job made with `{ours}`"))
                .found(format!("`{theirs}`"))
                .remedy("start the job as it was, or take another folder")),
            _ => Ok(manifest),
        }
    }

    fn fits(&self, manifest: &Manifest, folder: &Path) -> Result<(), Error> {
        let names = manifest.instances.iter().map(|entry| &entry.name);
        if manifest.format == FORMAT && manifest.graph == self.graph && names.eq(&self.instances) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Incompatible, "read checkpoint")
            .with("folder", folder.display().to_string())
            .expected(format!(
                "format {FORMAT}, job `{}` with graph {} and {} instances",
                self.job,
                self.graph,
                self.instances.len()
            ))
            .found(format!(
                "format {}, job `{}` with graph {} and {} instances",
                manifest.format,
                manifest.job,
                manifest.graph,
                manifest.instances.len()
            ))
            .remedy("start the job that made it, or take another folder"))
    }

    /// Writes the states of one part of the job into the checkpoint that was [begun](Folder::begin) for that run. They are
    /// on disk when this returns.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_part(&self, run: &str, number: u64, part: u32, states: &[(usize, Saved)]) -> Result<Part, Error> {
        let path = self.unfinished(run, number).join(part_named(part));
        put_part(&path, states).map_err(|error| io_error("write checkpoint", &path, error))?;
        let entries = states.iter().map(|(place, saved)| PartEntry {
            place: *place,
            bytes: saved.state.len() as u64,
            checksum: xxh3_64(&saved.state),
            over: saved.over,
            sent: saved.sent,
        });
        Ok(Part {
            part,
            entries: entries.collect(),
        })
    }
}

impl Folder {
    /// Makes the folder where it is not there, and takes it.
    ///
    /// # Errors
    /// `PermissionDenied` for one that others can get into, `Overloaded` when a running job has it, and what the system
    /// says.
    pub fn take(shelf: Shelf) -> Result<Self, Error> {
        let path = &shelf.path;
        let fault = |error| io_error("open checkpoints", path, error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(fault)?;
        let meta = path.symlink_metadata().map_err(fault)?;
        if !meta.is_dir() || meta.mode() & 0o077 != 0 {
            return Err(Error::new(ErrorKind::PermissionDenied, "open checkpoints")
                .with("folder", path.display().to_string())
                .expected("a folder with mode 0700")
                .found(format!("mode {:04o}", meta.mode() & 0o7777))
                .remedy("take another folder, or take the rights of others away"));
        }
        let at = path.join(LOCK);
        let lock = files().create(true).truncate(false).open(&at).map_err(fault)?;
        lock.try_lock().map_err(|refused| match refused {
            fs::TryLockError::WouldBlock => Error::new(ErrorKind::Overloaded, "open checkpoints")
                .with("folder", path.display().to_string())
                .expected("a folder that no running job has")
                .remedy("wait for the end of the other job, or take another folder"),
            fs::TryLockError::Error(error) => io_error("lock", &at, error),
        })?;
        let lock = Arc::new(lock);
        Ok(Self { shelf, lock })
    }

    /// The same folder for another shelf in it. It is given up with the last one of them.
    #[must_use]
    pub fn with_shelf(&self, shelf: Shelf) -> Self {
        Self {
            shelf,
            lock: Arc::clone(&self.lock),
        }
    }

    /// What other processes of the job may know of it too.
    #[must_use]
    pub const fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The number of the last complete checkpoint, if there is one.
    ///
    /// # Errors
    /// What the system says.
    pub fn last(&self) -> Result<Option<u64>, Error> {
        Ok(self.shelf.numbers()?.last().copied())
    }

    /// Makes room for the checkpoint of this number, for all parts of the job to write into. What was begun before and not
    /// completed goes.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(&self, run: &str, number: u64) -> Result<(), Error> {
        self.sweep()?;
        let at = self.shelf.unfinished(run, number);
        let made = DirBuilder::new().mode(0o700).create(&at);
        made.map_err(|error| io_error("write checkpoint", &at, error))
    }

    /// Takes away what was begun and not completed, for it will not be: on a full disk it is in the way of everybody. What
    /// cannot be taken away stays.
    ///
    /// # Errors
    /// What the system says to a look at the folder.
    pub fn sweep(&self) -> Result<(), Error> {
        for name in self.shelf.names()? {
            if name.starts_with(UNFINISHED) {
                let at = self.shelf.path.join(name);
                // A part of it may be written at this moment by a process that does not know yet.
                if let Err(error) = fs::remove_dir_all(&at) {
                    tracing::debug!(folder = %at.display(), %error, "an unfinished checkpoint stays");
                }
            }
        }
        Ok(())
    }

    /// Completes the checkpoint that was begun: its name is there when all of it is, or not at all. Older ones go, but for
    /// the last two.
    ///
    /// # Errors
    /// `Corrupt` when the parts are not all of the job, and what the system says.
    pub fn complete(&self, run: &str, number: u64, parts: &[Part]) -> Result<(), Error> {
        let unfinished = self.shelf.unfinished(run, number);
        let manifest = self.manifest(number, parts)?;
        put_manifest(&unfinished, &manifest).map_err(|error| io_error("write checkpoint", &unfinished, error))?;
        let to = self.shelf.at(number);
        let named = fs::rename(&unfinished, &to).and_then(|()| sync(&self.shelf.path));
        named.map_err(|error| io_error("write checkpoint", &to, error))?;
        for old in self.shelf.numbers()?.iter().rev().skip(KEPT) {
            let at = self.shelf.at(*old);
            if let Err(error) = fs::remove_dir_all(&at) {
                tracing::warn!(folder = %at.display(), %error, "an old checkpoint stays");
            }
        }
        Ok(())
    }

    fn manifest(&self, number: u64, parts: &[Part]) -> Result<Manifest, Error> {
        let shelf = &self.shelf;
        let mut instances: Vec<Option<Entry>> = Vec::new();
        instances.resize_with(shelf.instances.len(), || None);
        let mut before: Option<(u32, usize)> = None;
        let mut sound = true;
        for (part, entry) in parts
            .iter()
            .flat_map(|part| part.entries.iter().map(move |it| (part.part, it)))
        {
            // The states of a part are in the order of their places, which is how they are found again.
            sound &= before.is_none_or(|(last, place)| last != part || place < entry.place);
            before = Some((part, entry.place));
            match (instances.get_mut(entry.place), shelf.instances.get(entry.place)) {
                (Some(free), Some(name)) if free.is_none() => *free = Some(entry.named(name.clone(), part)),
                _ => sound = false,
            }
        }
        match instances.into_iter().collect::<Option<Vec<_>>>().filter(|_| sound) {
            Some(instances) => Ok(Manifest {
                format: FORMAT,
                job: shelf.job.clone(),
                graph: shelf.graph.clone(),
                document: shelf.document.clone(),
                made_with: shelf.made_with.clone(),
                number,
                instances,
            }),
            None => Err(Error::new(ErrorKind::Corrupt, "write checkpoint")
                .with("number", number)
                .expected("a state of every instance, once")
                .remedy("report this: a process of the job has handed over what is not its own")),
        }
    }
}

fn damaged(folder: &Path, found: String) -> Error {
    Error::new(ErrorKind::Corrupt, "read checkpoint")
        .with("folder", folder.display().to_string())
        .expected("a checkpoint as it was written")
        .found(found)
        .remedy("restore its files; or remove this folder to go on from the one before, which may repeat output")
}

fn put_manifest(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    let mut text = Vec::new();
    Codec::Json
        .encode(manifest, MANIFEST_BYTES, &mut text)
        .map_err(io::Error::other)?;
    let mut file = files().create_new(true).open(folder.join(MANIFEST))?;
    file.write_all(hex(xxh3_64(&text)).as_bytes())?;
    file.write_all(b"\n")?;
    file.write_all(&text)?;
    file.sync_all()?;
    sync(folder)
}

/// The file of the states of one part: the coordinator, which is part 0, or a worker.
fn part_named(part: u32) -> String {
    match part.checked_sub(1) {
        None => STATES.into(),
        Some(worker) => format!("{STATES}-{worker}"),
    }
}

fn put_part(path: &Path, states: &[(usize, Saved)]) -> io::Result<()> {
    let mut file = io::BufWriter::new(files().create_new(true).open(path)?);
    for (_, saved) in states {
        file.write_all(&saved.state)?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn named(number: u64) -> String {
    format!("{PREFIX}{number:010}")
}

fn hex(sum: u64) -> String {
    format!("{sum:016x}")
}

fn files() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// A name is safe when its folder is.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>, Error> {
    let fault = |error| io_error("read checkpoint", path, error);
    let file = files().write(false).open(path).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() > limit {
        return Err(Error::new(ErrorKind::TooLarge, "read checkpoint")
            .with("file", path.display().to_string())
            .expected(format!("at most {limit} bytes"))
            .remedy("restore it, or take another folder"));
    }
    Ok(bytes)
}

fn io_error(operation: &'static str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::ResourceExhausted,
    };
    Error::new(kind, operation)
        .with("path", path.display().to_string())
        .caused_by(error)
        .remedy("see that the folder can be written to and has room, or take another one")
}
