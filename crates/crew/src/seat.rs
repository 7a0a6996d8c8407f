//! What a worker knows of itself.

use std::io::stdin;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};

use crate::hall::Desk;
use crate::line::{Listener, Speaker, line};

/// `NUMBER@PARENT`: which worker this is, and the process that started it as one; with [`TOLD`] behind it where its first
/// message says what its work is.
pub(crate) const WORKER: &str = "SAGE_WORKER";
/// Behind the number of the parent: the arguments of the program do not say what there is to do.
pub(crate) const TOLD: &str = "+told";

/// How long a process may take to end when its line has.
const DYING: Duration = Duration::from_millis(200);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// The variable that makes a process a worker of another host: the address of the server where it is needed.
pub const JOIN: &str = "SAGE_JOIN";

/// A worker's end of the line to the process that started it.
#[derive(Debug)]
pub struct Seat {
    /// Which worker this process is, from 0.
    pub worker: u32,
    /// What it hears.
    pub listener: Listener,
    /// What it says.
    pub speaker: Speaker,
    /// The queues of the line, where it is made of some.
    pub desk: Option<Arc<Desk>>,
}

/// Whether this process was started as a worker, by another process or by hand. Its seat need not have been taken.
#[must_use]
pub fn is_worker() -> bool {
    std::env::var_os(WORKER).is_some() || std::env::var_os(JOIN).is_some()
}

/// Whether this process was started as a worker that hears what its work is, see [`Member::start_told`](crate::Member::start_told).
#[must_use]
pub fn is_told() -> bool {
    std::env::var_os(WORKER).is_some_and(|value| value.to_string_lossy().ends_with(TOLD))
}

/// Whether the process that started this one as a worker lives on, for one whose line to it has ended. That may be for
/// another reason, as when it gave this one up; and a line ends a moment before its process does.
#[must_use]
pub fn parent_lives() -> bool {
    let value = std::env::var_os(WORKER).unwrap_or_default();
    let Some((_, parent)) = parse(&value.to_string_lossy()) else {
        return false;
    };
    let until = Instant::now() + DYING;
    // Of a process that has ended the system gives the children to another one.
    while parent == parent_id() {
        if Instant::now() >= until {
            return true;
        }
        sleep(LOOK);
    }
    false
}

impl Seat {
    /// The seat of this process, if it was started as a worker. To be asked for once: the line has one reader.
    ///
    /// # Errors
    /// `InvalidDescriptor` when the variable means another process: a child of a worker has inherited it, or the parent
    /// has ended already. `Io` when standard input is not the line.
    pub fn take() -> Result<Option<Self>, Error> {
        let Some(value) = std::env::var_os(WORKER) else {
            return Ok(None);
        };
        let value = value.to_string_lossy();
        let Some((worker, parent)) = parse(&value) else {
            return Err(refused().found(format!("{WORKER}={}", descriptor_core::excerpt(&value))));
        };
        if parent != parent_id() {
            return Err(refused().found(format!("{WORKER}={value} with the parent {}", parent_id())));
        }
        let socket = stdin().as_fd().try_clone_to_owned().and_then(|socket| {
            let socket = UnixStream::from(socket);
            socket.peer_addr()?;
            Ok(socket)
        });
        let socket = socket.map_err(|cause| {
            Error::new(ErrorKind::Io, "take the seat of a worker")
                .expected("standard input to be the line to the coordinator")
                .remedy("leave standard input of a worker alone")
                .caused_by(cause)
        })?;
        let (speaker, listener) = line(socket)?;
        Ok(Some(Self {
            worker,
            listener,
            speaker,
            desk: None,
        }))
    }
}

fn parse(value: &str) -> Option<(u32, u32)> {
    let (worker, parent) = value.strip_suffix(TOLD).unwrap_or(value).split_once('@')?;
    Some((worker.parse().ok()?, parent.parse().ok()?))
}

fn refused() -> Error {
    Error::new(ErrorKind::InvalidDescriptor, "take the seat of a worker")
        .expected(format!("{WORKER} as the parent of this process has set it"))
        .remedy(format!("remove {WORKER} from the environment of what a worker starts"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_variable_names_worker_and_parent() {
        assert_eq!(parse("3@4711"), Some((3, 4711)));
        assert_eq!(parse("3@4711+told"), Some((3, 4711)));
        for wrong in [
            "",
            "3",
            "@",
            "3@",
            "@7",
            "-1@7",
            "1@2@3",
            "+told",
            "3@7+",
            "3@7+told+told",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
