//! A line over two queues: for processes that share a server of queues and no socket.
//!
//! Every message has a number, so that one that is missing, because the server was started anew in between, is noticed.
//! What is said once a second without a message tells that the process lives.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use descriptor_core::{Codec, DynQueue, Error, ErrorKind, GetError, PutError, Wait};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::line::{Heard, MAX_MESSAGE};
use crate::{Fate, Listener, Speaker};

/// How often a process says that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// How long the server may take for one message.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before a server is asked again that could not answer.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether the line is over, and how that came. Both of its ends here know it.
#[derive(Debug, Default)]
pub(crate) struct Life {
    fate: Mutex<Option<Fate>>,
    over: Condvar,
}

impl Life {
    fn lock(&self) -> MutexGuard<'_, Option<Fate>> {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fate(&self) -> Option<Fate> {
        *self.lock()
    }

    /// It is over; the first reason counts.
    pub(crate) fn end(&self, fate: Fate) {
        self.lock().get_or_insert(fate);
        self.over.notify_all();
    }

    /// Waits for the end.
    pub(crate) fn wait(&self, limit: Duration) -> Option<Fate> {
        let waited = self.over.wait_timeout_while(self.lock(), limit, |fate| fate.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The end that is spoken into.
pub(crate) struct Mouth {
    queue: DynQueue<String>,
    said: Mutex<u64>,
    pub(crate) life: Arc<Life>,
}

impl Mouth {
    /// Says one message and waits until the server has it.
    pub(crate) fn say<M: Serialize>(&self, message: &M) -> Result<(), Error> {
        let mut json = Vec::new();
        Codec::Json.encode(message, MAX_MESSAGE, &mut json)?;
        let wait = Wait::from(PATIENCE);
        let said = self
            .put(&String::from_utf8_lossy(&json), wait)
            .and_then(|()| self.queue.flush(wait));
        // Whether it was stored nobody knows, so nothing that follows would make sense.
        said.inspect_err(|_| self.life.end(Fate::Unreachable))
    }

    fn put(&self, json: &str, wait: Wait) -> Result<(), Error> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if self.life.fate().is_some() {
            return Err(gone().found("a line that is over"));
        }
        match self.queue.put_within(format!("{said} {json}"), wait) {
            Ok(()) => {
                *said += 1;
                Ok(())
            }
            Err(PutError::Closed(_)) => Err(gone().found("a line that was closed")),
            Err(PutError::Full(_)) => Err(gone().found("a line full of what it has not read")),
            Err(other) => Err(other.into()),
        }
    }

    /// Nothing more is said, and the other side hears so behind everything that was.
    pub(crate) fn close(&self) {
        self.queue.close();
        let _ = self.queue.flush(Wait::from(PATIENCE));
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Disconnected, "send message")
        .expected("the process at the other end of the line")
        .remedy("see how that process ended")
}

/// The end that is listened at.
pub(crate) struct Ear {
    queue: DynQueue<String>,
    heard: u64,
    last: Instant,
    silence: Duration,
    life: Arc<Life>,
}

impl Ear {
    pub(crate) fn expect(&mut self, silence: Duration) {
        (self.silence, self.last) = (silence, Instant::now());
    }

    /// The next message, as [`Listener::hear`]; silence for too long is the end.
    pub(crate) fn hear<M: DeserializeOwned>(&mut self, limit: Option<Duration>) -> Result<Heard<M>, Error> {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            let silent = self.last.checked_add(self.silence);
            let wait = [until, silent].into_iter().flatten().min();
            match self.queue.get_within(wait.map_or(Wait::Forever, Wait::Until)) {
                Ok(text) => {
                    self.last = Instant::now();
                    if let Some(message) = self.read(&text)? {
                        return Ok(Heard::Message(message));
                    }
                }
                Err(GetError::Empty) => {}
                Err(GetError::Closed) => {
                    self.life.end(Fate::Left);
                    return Ok(Heard::End);
                }
                // A server that cannot be reached for a while is as good as silence.
                Err(GetError::Failed(error)) if error.is_retryable() => thread::sleep(PAUSE),
                Err(other) => return Err(other.into()),
            }
            if self.life.fate().is_some() {
                return Ok(Heard::End);
            }
            if self.last.elapsed() >= self.silence {
                self.life.end(Fate::Silent(self.silence));
                return Ok(Heard::End);
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Heard::Nothing);
            }
        }
    }

    /// The message of a text, if there is one in it that was not heard before.
    fn read<M: DeserializeOwned>(&mut self, text: &str) -> Result<Option<M>, Error> {
        let wrong = |found: String| {
            Error::new(ErrorKind::Corrupt, "receive message")
                .expected(format!("message {}", self.heard))
                .found(found)
                .remedy("see whether the server of the queues was started anew, and leave the queues of the job alone")
        };
        let Some((Ok(number), json)) = text.split_once(' ').map(|(number, json)| (number.parse::<u64>(), json)) else {
            return Err(wrong(descriptor_core::excerpt(text)));
        };
        if number < self.heard {
            // A connection that was lost at the wrong moment brings some of them twice.
            return Ok(None);
        }
        if number > self.heard {
            return Err(wrong(format!("message {number}")));
        }
        self.heard += 1;
        if json.is_empty() {
            return Ok(None);
        }
        Codec::Json.decode(json.as_bytes(), MAX_MESSAGE).map(Some)
    }
}

/// Both ends of a line over a queue for each direction. As long as somebody can speak, the other side hears once a second
/// that this process lives.
pub(crate) fn line(
    out: DynQueue<String>,
    input: DynQueue<String>,
    silence: Duration,
) -> Result<(Speaker, Listener), Error> {
    let life = Arc::new(Life::default());
    let mouth = Arc::new(Mouth {
        queue: out,
        said: Mutex::new(0),
        life: Arc::clone(&life),
    });
    let beating = Arc::downgrade(&mouth);
    let spawned = thread::Builder::new()
        .name("crew-beat".into())
        .spawn(move || beat(&beating));
    spawned.map_err(|cause| {
        Error::new(ErrorKind::ResourceExhausted, "connect")
            .expected("a thread that says that this process lives")
            .caused_by(cause)
            .remedy("use fewer workers, or raise the limit of threads")
    })?;
    let ear = Ear {
        queue: input,
        heard: 0,
        last: Instant::now(),
        silence,
        life,
    };
    Ok((Speaker::over(mouth), Listener::over(ear)))
}

fn beat(mouth: &Weak<Mouth>) {
    loop {
        let Some(mouth) = mouth.upgrade() else { return };
        // Where there is no room nobody is short of signs.
        let _ = mouth.put("", Wait::Never);
        let life = Arc::clone(&mouth.life);
        drop(mouth);
        if life.wait(BEAT).is_some() {
            return;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A queue that nobody else has.
    pub(crate) fn queue() -> DynQueue<String> {
        let unbounded = queue_local::LocalSpec::unbounded();
        descriptor_core::Descriptor::generated(unbounded)
            .unwrap()
            .queue()
            .unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    /// A line, and the queue that its listener reads.
    fn pair(silence: Duration) -> (DynQueue<String>, Speaker, Listener) {
        let (out, input) = (queue(), queue());
        let (speaker, listener) = line(out, Arc::clone(&input), silence).unwrap();
        (input, speaker, listener)
    }

    #[test]
    fn both_sides_hear_each_other_and_no_beats() {
        let (there, back) = (queue(), queue());
        let (one, mut from_other) = line(Arc::clone(&there), Arc::clone(&back), LONG).unwrap();
        let (other, mut from_one) = line(back, there, LONG).unwrap();
        one.say(&"two\nlines").unwrap();
        assert_eq!(
            from_one.hear::<String>(None).unwrap(),
            Heard::Message("two\nlines".into())
        );
        other.say(&3).unwrap();
        assert_eq!(from_other.hear::<u8>(None).unwrap(), Heard::Message(3));
        assert_eq!(from_other.hear::<u8>(Some(Duration::ZERO)).unwrap(), Heard::Nothing);
        other.hang_up();
        assert_eq!(from_other.hear::<u8>(None).unwrap(), Heard::End);
        assert_eq!(one.life().unwrap().fate(), Some(Fate::Left));
        assert_eq!(one.say(&4).unwrap_err().kind(), ErrorKind::Disconnected);
    }

    #[test]
    fn silence_is_the_end_and_a_beat_is_none() {
        let silence = Duration::from_millis(300);
        let (input, speaker, mut listener) = pair(silence);
        let start = Instant::now();
        input.put("0 ".into()).unwrap();
        assert_eq!(listener.hear::<u8>(None).unwrap(), Heard::End);
        assert!(start.elapsed() >= silence);
        assert_eq!(speaker.life().unwrap().fate(), Some(Fate::Silent(silence)));
        assert_eq!(Fate::Silent(silence).to_string(), "was not heard of for 0.3 s");
    }

    #[test]
    fn what_comes_twice_is_heard_once_and_what_is_missing_is_noticed() {
        let (input, _speaker, mut listener) = pair(LONG);
        for text in ["0 7", "0 7", "1 8", "3 9"] {
            input.put(text.into()).unwrap();
        }
        assert_eq!(listener.hear::<u8>(None).unwrap(), Heard::Message(7));
        assert_eq!(listener.hear::<u8>(None).unwrap(), Heard::Message(8));
        let error = listener.hear::<u8>(None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(
            error.to_string().contains("expected message 2, found message 3"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in ["", "7", "x 7", "-1 7", "0 {"] {
            let (input, _speaker, mut listener) = pair(LONG);
            input.put(text.into()).unwrap();
            let kind = listener.hear::<u8>(None).unwrap_err().kind();
            assert_eq!(kind, ErrorKind::Corrupt, "{text:?}");
        }
    }
}
