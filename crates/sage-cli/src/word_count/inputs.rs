//! The files to read, in order, as one stream of bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::failure::{Failure, one_line};

/// Bytes asked for at once.
const BLOCK: usize = 256 * 1024;
/// Blocks that wait for the source, so that reading and counting overlap.
const AHEAD: usize = 4;

/// What the reader has to say.
#[derive(Debug)]
pub(super) enum FromReader {
    Block(Vec<u8>),
    Failed(String),
    End,
}

/// Files that could be opened.
#[derive(Debug)]
pub(super) struct Inputs {
    inputs: Vec<Input>,
    size: Option<u64>,
}

#[derive(Debug)]
enum Input {
    Stdin,
    /// Opened again when its turn comes: there may be more files than a process may have open.
    Regular(PathBuf),
    /// A pipe or device can be opened only once.
    Other(PathBuf, File),
}

impl Inputs {
    /// Opens every file, so that one that cannot be read is found before anything is counted. `-` is standard input.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut inputs = Vec::with_capacity(paths.len());
        let mut size = Some(0_u64);
        for path in paths {
            if path.as_os_str() == "-" {
                inputs.push(Input::Stdin);
                size = None;
                continue;
            }
            let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
            let (metadata, file) = opened.map_err(|cause| refused(path, &cause))?;
            if metadata.is_dir() {
                return Err(Failure::new(format_args!(
                    "{} is a directory; name the files in it, for example {}",
                    shown(path),
                    shown(&path.join("*")),
                )));
            }
            if metadata.is_file() {
                size = size.map(|size| size.saturating_add(metadata.len()));
                inputs.push(Input::Regular(path.clone()));
            } else {
                size = None;
                inputs.push(Input::Other(path.clone(), file));
            }
        }
        Ok(Self { inputs, size })
    }

    /// Bytes in all the files; unknown with a pipe among them.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    pub(super) fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Reads on a thread of its own and adds up in `bytes` what was read. A source that waited for a terminal or a
    /// pipe itself could not be told to stop; this thread is left waiting instead and ends with the process.
    pub(super) fn read(self, bytes: Arc<AtomicU64>) -> io::Result<Receiver<FromReader>> {
        let (sender, receiver) = sync_channel(AHEAD);
        thread::Builder::new().name("reader".to_owned()).spawn(move || {
            for input in self.inputs {
                let (name, result) = match input {
                    Input::Stdin => ("standard input".to_owned(), copy(io::stdin().lock(), &sender, &bytes)),
                    Input::Regular(path) => (
                        shown(&path),
                        File::open(&path).and_then(|file| copy(file, &sender, &bytes)),
                    ),
                    Input::Other(path, file) => (shown(&path), copy(file, &sender, &bytes)),
                };
                match result {
                    Ok(Wanted::More) => {}
                    Ok(Wanted::Nothing) => return,
                    Err(cause) => {
                        // Without a receiver nobody waits for the answer.
                        let _ = sender.send(FromReader::Failed(format!(
                            "cannot read {name}: {cause}; check it or leave it out"
                        )));
                        return;
                    }
                }
            }
            let _ = sender.send(FromReader::End);
        })?;
        Ok(receiver)
    }
}

/// Whether there is somebody to read for.
enum Wanted {
    More,
    Nothing,
}

fn copy(mut from: impl Read, to: &SyncSender<FromReader>, bytes: &AtomicU64) -> io::Result<Wanted> {
    let mut block = vec![0; BLOCK];
    loop {
        let n = match from.read(&mut block) {
            Ok(0) => return Ok(Wanted::More),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        bytes.fetch_add(n as u64, Ordering::Relaxed);
        let read = block.get(..n).unwrap_or_default().to_vec();
        if to.send(FromReader::Block(read)).is_err() {
            return Ok(Wanted::Nothing);
        }
    }
}

fn shown(path: &Path) -> String {
    format!("`{}`", one_line(&path.to_string_lossy()))
}

fn refused(path: &Path, cause: &io::Error) -> Failure {
    let remedy = match cause.kind() {
        io::ErrorKind::NotFound => "check the name",
        io::ErrorKind::PermissionDenied => "ask for the right to read it",
        _ => "name a file that can be read, or `-` for standard input",
    };
    Failure::new(format_args!("cannot open {}: {cause}; {remedy}", shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")
    }

    fn refusal(path: impl Into<PathBuf>) -> String {
        Inputs::open(&[manifest(), path.into()]).unwrap_err().to_string()
    }

    #[test]
    fn files_are_read_one_after_the_other() {
        let inputs = Inputs::open(&[manifest(), manifest()]).unwrap();
        let once = std::fs::read(manifest()).unwrap();
        assert_eq!(inputs.size(), Some(2 * once.len() as u64));
        assert_eq!(inputs.len(), 2);

        let count = Arc::new(AtomicU64::new(0));
        let mut all = Vec::new();
        for read in inputs.read(Arc::clone(&count)).unwrap() {
            match read {
                FromReader::Block(mut block) => all.append(&mut block),
                FromReader::End => break,
                FromReader::Failed(message) => panic!("{message}"),
            }
        }
        assert_eq!(all, once.repeat(2));
        assert_eq!(count.load(Ordering::Relaxed), all.len() as u64);
    }

    #[test]
    fn what_cannot_be_read_is_found_at_once() {
        let missing = refusal("no/such\nfile");
        assert!(missing.starts_with(r"sage: cannot open `no/such\nfile`: "), "{missing}");
        assert!(missing.ends_with("; check the name"), "{missing}");
        let directory = refusal(env!("CARGO_MANIFEST_DIR"));
        assert!(
            directory.contains("is a directory; name the files in it"),
            "{directory}"
        );
    }

    #[test]
    fn the_size_of_standard_input_is_unknown() {
        assert_eq!(Inputs::open(&["-".into(), manifest()]).unwrap().size(), None);
    }

    #[test]
    fn a_reader_that_nobody_listens_to_ends() {
        let inputs = Inputs::open(&[manifest()]).unwrap();
        drop(inputs.read(Arc::new(AtomicU64::new(0))).unwrap());
    }
}
