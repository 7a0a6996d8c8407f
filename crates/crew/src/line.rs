//! Messages between two processes, over a pair of sockets or over queues.

use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind as Io, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use descriptor_core::{Codec, Error, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Fate;
use crate::queues::{Ear, Mouth};

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 64 << 20;
/// How long a message may take to be written while the other side does not read.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came over the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<M> {
    /// A message.
    Message(M),
    /// Nothing within the time that was given.
    Nothing,
    /// The other side has ended, or was silent for too long, and nothing more will come.
    End,
}

/// The end of a line that messages are written to. Clones share it.
#[derive(Clone)]
pub struct Speaker {
    make: Speaks,
}

#[derive(Clone)]
enum Speaks {
    Socket(Arc<Mutex<UnixStream>>),
    Queue(Arc<Mouth>),
}

/// The end of a line that messages are read from.
pub struct Listener {
    make: Listens,
}

enum Listens {
    Socket(Wire),
    Queue(Ear),
}

/// The reading half of a socket.
struct Wire {
    socket: BufReader<UnixStream>,
    // A message whose end has not come yet.
    begun: Vec<u8>,
}

/// Both directions of one socket.
pub(crate) fn line(socket: UnixStream) -> Result<(Speaker, Listener), Error> {
    let speak = socket.try_clone().and_then(|socket| {
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(socket)
    });
    let speak = speak.map_err(|error| broken("connect", error))?;
    let speaker = Speaker {
        make: Speaks::Socket(Arc::new(Mutex::new(speak))),
    };
    let listener = Listener {
        make: Listens::Socket(Wire {
            socket: BufReader::new(socket),
            begun: Vec::new(),
        }),
    };
    Ok((speaker, listener))
}

impl Speaker {
    pub(crate) fn over(mouth: Arc<Mouth>) -> Self {
        Self {
            make: Speaks::Queue(mouth),
        }
    }

    /// Writes one message.
    ///
    /// # Errors
    /// `Disconnected` when the other side has ended, or has not read for twenty seconds, or when the server between the two
    /// cannot be reached; the line is of no use after that. `NotSerializable` and `TooLarge` as [`Codec::encode`].
    pub fn say<M: Serialize>(&self, message: &M) -> Result<(), Error> {
        let socket = match &self.make {
            Speaks::Socket(socket) => socket,
            Speaks::Queue(mouth) => return mouth.say(message),
        };
        let mut bytes = Vec::new();
        Codec::Json.encode(message, MAX_MESSAGE, &mut bytes)?;
        bytes.push(b'\n');
        let mut socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket.write_all(&bytes).map_err(|error| {
            // Half a message would spoil the next one.
            let _ = socket.shutdown(std::net::Shutdown::Write);
            broken("send message", error)
        })
    }

    /// Says nothing more: the other side hears the end of the line behind everything that was said. A process that ends
    /// does so by itself where the line is a socket.
    pub fn hang_up(&self) {
        match &self.make {
            Speaks::Socket(socket) => {
                let socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
                // Of a line that is broken the other side knows.
                let _ = socket.shutdown(std::net::Shutdown::Write);
            }
            Speaks::Queue(mouth) => mouth.close(),
        }
    }

    /// True when the other side has ended the line in order, and may live on. Where the line is a pair of sockets its end is
    /// that of the process.
    #[must_use]
    pub fn is_dismissed(&self) -> bool {
        let fate = self.life().and_then(|life| life.fate());
        matches!(fate, Some(Fate::Left))
    }

    /// True where what was said is kept for the other side whether or not that lives: only an answer tells that it was heard.
    #[must_use]
    pub const fn is_heard_late(&self) -> bool {
        matches!(self.make, Speaks::Queue(_))
    }

    /// What both ends here know of a line over queues.
    pub(crate) fn life(&self) -> Option<&Arc<crate::queues::Life>> {
        match &self.make {
            Speaks::Socket(_) => None,
            Speaks::Queue(mouth) => Some(&mouth.life),
        }
    }
}

impl Listener {
    pub(crate) const fn over(ear: Ear) -> Self {
        Self {
            make: Listens::Queue(ear),
        }
    }

    /// The next message, waiting for `limit` at most.
    ///
    /// # Errors
    /// `Corrupt` for a message that is not an `M`, and when messages are missing; `TooLarge` for one of more than
    /// [`MAX_MESSAGE`] bytes, `Disconnected` when the line breaks.
    pub fn hear<M: DeserializeOwned>(&mut self, limit: Option<Duration>) -> Result<Heard<M>, Error> {
        match &mut self.make {
            Listens::Socket(wire) => wire.hear(limit),
            Listens::Queue(ear) => ear.hear(limit),
        }
    }

    /// From now on the other side has ended when it is silent for so long; on a line of sockets it need not say anything.
    pub(crate) fn expect(&mut self, silence: Duration) {
        if let Listens::Queue(ear) = &mut self.make {
            ear.expect(silence);
        }
    }
}

impl Wire {
    fn hear<M: DeserializeOwned>(&mut self, limit: Option<Duration>) -> Result<Heard<M>, Error> {
        // Zero would mean without a limit.
        let limit = limit.map(|limit| limit.max(Duration::from_millis(1)));
        let set = self.socket.get_ref().set_read_timeout(limit);
        set.map_err(|error| broken("receive message", error))?;
        loop {
            let room = (MAX_MESSAGE + 2).saturating_sub(self.begun.len()) as u64;
            let read = (&mut self.socket).take(room).read_until(b'\n', &mut self.begun);
            match read {
                Ok(_) if self.begun.last() == Some(&b'\n') => {
                    self.begun.pop();
                    let message = Codec::Json.decode(&self.begun, MAX_MESSAGE);
                    self.begun.clear();
                    return message.map(Heard::Message);
                }
                Ok(_) if self.begun.len() > MAX_MESSAGE => {
                    return Err(Error::new(ErrorKind::TooLarge, "receive message")
                        .expected(format!("at most {MAX_MESSAGE} bytes"))
                        .found("more")
                        .remedy("split the job into smaller ones"));
                }
                // What was begun will never be whole.
                Ok(_) => return Ok(Heard::End),
                Err(error) if error.kind() == Io::Interrupted => {}
                Err(error) if matches!(error.kind(), Io::WouldBlock | Io::TimedOut) => return Ok(Heard::Nothing),
                Err(error) if error.kind() == Io::ConnectionReset => return Ok(Heard::End),
                Err(error) => return Err(broken("receive message", error)),
            }
        }
    }
}

fn broken(operation: &'static str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Disconnected, operation)
        .expected("the process at the other end of the line")
        .remedy("see how that process ended")
        .caused_by(error)
}

impl fmt::Debug for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speaker").finish_non_exhaustive()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UnixStream, Speaker, Listener) {
        let (mine, theirs) = UnixStream::pair().unwrap();
        let (speaker, listener) = line(mine).unwrap();
        (theirs, speaker, listener)
    }

    #[test]
    fn a_message_in_pieces_is_one_message() {
        let (mut other, _speaker, mut listener) = pair();
        let short = Some(Duration::from_millis(1));
        other.write_all(b"\"two\\nli").unwrap();
        assert_eq!(listener.hear::<String>(short).unwrap(), Heard::Nothing);
        other.write_all(b"nes\"\n3\n").unwrap();
        assert_eq!(
            listener.hear::<String>(None).unwrap(),
            Heard::Message("two\nlines".into())
        );
        assert_eq!(listener.hear::<u8>(None).unwrap(), Heard::Message(3));
    }

    #[test]
    fn half_a_message_is_none() {
        let (mut other, speaker, mut listener) = pair();
        other.write_all(b"[1,2").unwrap();
        drop(other);
        assert_eq!(listener.hear::<Vec<u8>>(None).unwrap(), Heard::End);
        assert_eq!(speaker.say(&1).unwrap_err().kind(), ErrorKind::Disconnected);
    }

    #[test]
    fn another_message_is_told_from_none() {
        let (mut other, _speaker, mut listener) = pair();
        other.write_all(b"\"text\"\n7\n").unwrap();
        assert_eq!(listener.hear::<u8>(None).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(listener.hear::<u8>(None).unwrap(), Heard::Message(7));
    }
}
