//! Checkpoints as files.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use descriptor_core::{Codec, Error, ErrorKind};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::round::LAST;

const LOCK: &str = "lock";
const MANIFEST: &str = "manifest.json";
const STATES: &str = "states";
const UNFINISHED: &str = "unfinished";
const PREFIX: &str = "checkpoint-";
const FORMAT: u32 = 1;
/// How many complete ones stay.
const KEPT: usize = 2;
/// A manifest has a line for each instance.
const MANIFEST_BYTES: usize = 64 << 20;

/// The state of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// What it said its state is.
    pub state: Vec<u8>,
    /// The instance had come to its end.
    pub over: bool,
}

impl Saved {
    /// That of one that had come to its end.
    #[must_use]
    pub fn ended(state: &[u8]) -> Self {
        Self {
            state: state.to_vec(),
            over: true,
        }
    }
}

/// What a checkpoint is of. Written behind its checksum.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    job: String,
    graph: String,
    number: u64,
    instances: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    bytes: u64,
    checksum: u64,
    over: bool,
}

/// The folder of one job; while this lives, nobody else has it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    state_bytes: usize,
    job: String,
    graph: String,
    instances: Vec<String>,
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is not there, and takes it.
    ///
    /// # Errors
    /// `PermissionDenied` for one that others can get into, `Overloaded` when a running job has it, and what the system
    /// says.
    pub fn take(
        path: PathBuf,
        state_bytes: usize,
        job: &str,
        graph: String,
        instances: Vec<String>,
    ) -> Result<Self, Error> {
        let fault = |error| io_error("open checkpoints", &path, error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
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
        Ok(Self {
            path,
            state_bytes,
            job: job.to_owned(),
            graph,
            instances,
            _lock: lock,
        })
    }

    /// The last complete checkpoint, if there is one.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged: an older one would repeat what sinks have committed, so that is for people to
    /// decide. `Incompatible` when it is of another job.
    pub fn last(&self) -> Result<Option<(u64, Vec<Saved>)>, Error> {
        match self.numbers()?.last() {
            Some(number) => Ok(Some((*number, self.read(*number)?))),
            None => Ok(None),
        }
    }

    fn at(&self, number: u64) -> PathBuf {
        self.path.join(named(number))
    }

    /// Ascending.
    fn numbers(&self) -> Result<Vec<u64>, Error> {
        let fault = |error| io_error("list checkpoints", &self.path, error);
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(fault)? {
            let name = entry.map_err(fault)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            let number = number.and_then(|number| number.parse::<u64>().ok());
            // What is not named as a checkpoint is none of ours, and behind the last number there is no next one.
            numbers.extend(number.filter(|it| name.to_str() == Some(&named(*it)) && *it < LAST - 1));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read(&self, number: u64) -> Result<Vec<Saved>, Error> {
        let folder = self.at(number);
        let damaged = |found: String| {
            Error::new(ErrorKind::Corrupt, "read checkpoint")
                .with("folder", folder.display().to_string())
                .expected("a checkpoint as it was written")
                .found(found)
                .remedy(
                    "restore its files; or remove this folder to go on from the one before, which may repeat output",
                )
        };
        let manifest = folder.join(MANIFEST);
        let text = read_file(&manifest, MANIFEST_BYTES)?;
        let (sum, text) = text
            .split_first_chunk::<16>()
            .ok_or_else(|| damaged("a manifest that is too short".into()))?;
        let text = text.strip_prefix(b"\n").unwrap_or(text);
        if *sum != *hex(xxh3_64(text)).as_bytes() {
            return Err(damaged("a manifest that does not fit its checksum".into()));
        }
        let manifest: Manifest = Codec::Json.decode(text, MANIFEST_BYTES)?;
        self.fits(&manifest, &folder)?;
        if manifest.number != number {
            return Err(damaged(format!("checkpoint {} under another name", manifest.number)));
        }
        let path = folder.join(STATES);
        let mut states = files()
            .write(false)
            .open(&path)
            .map_err(|error| io_error("open", &path, error))?;
        let mut all = Vec::new();
        for entry in manifest.instances {
            if entry.bytes > self.state_bytes as u64 {
                return Err(damaged(format!("{} bytes for `{}`", entry.bytes, entry.name))
                    .remedy("raise the limit of `state_bytes`"));
            }
            let mut state = Vec::new();
            let read = (&mut states).take(entry.bytes).read_to_end(&mut state);
            read.map_err(|error| io_error("read", &path, error))?;
            if state.len() as u64 != entry.bytes || xxh3_64(&state) != entry.checksum {
                return Err(damaged(format!(
                    "a state of `{}` that does not fit its checksum",
                    entry.name
                )));
            }
            all.push(Saved {
                state,
                over: entry.over,
            });
        }
        Ok(all)
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

    /// Writes a checkpoint beside the others and then gives it its name: it is there as a whole or not at all. Older ones
    /// go, but for the last two.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, number: u64, states: &[Saved]) -> Result<(), Error> {
        let unfinished = self.path.join(UNFINISHED);
        self.put(&unfinished, number, states)
            .map_err(|error| io_error("write checkpoint", &unfinished, error))?;
        let to = self.at(number);
        let named = fs::rename(&unfinished, &to).and_then(|()| sync(&self.path));
        named.map_err(|error| io_error("write checkpoint", &to, error))?;
        let numbers = self.numbers()?;
        for old in numbers.iter().rev().skip(KEPT) {
            let at = self.at(*old);
            if let Err(error) = fs::remove_dir_all(&at) {
                tracing::warn!(folder = %at.display(), %error, "an old checkpoint stays");
            }
        }
        Ok(())
    }

    fn put(&self, folder: &Path, number: u64, states: &[Saved]) -> io::Result<()> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(folder)?;
        let mut file = io::BufWriter::new(files().create_new(true).open(folder.join(STATES))?);
        for saved in states {
            file.write_all(&saved.state)?;
        }
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        let entries = self.instances.iter().zip(states).map(|(name, saved)| Entry {
            name: name.clone(),
            bytes: saved.state.len() as u64,
            checksum: xxh3_64(&saved.state),
            over: saved.over,
        });
        let manifest = Manifest {
            format: FORMAT,
            job: self.job.clone(),
            graph: self.graph.clone(),
            number,
            instances: entries.collect(),
        };
        let mut text = Vec::new();
        Codec::Json
            .encode(&manifest, MANIFEST_BYTES, &mut text)
            .map_err(io::Error::other)?;
        let mut file = files().create_new(true).open(folder.join(MANIFEST))?;
        file.write_all(hex(xxh3_64(&text)).as_bytes())?;
        file.write_all(b"\n")?;
        file.write_all(&text)?;
        file.sync_all()?;
        sync(folder)
    }
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
