//! This side of the other process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Result};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;

use sage_comm::{Descriptor, Error, ErrorKind, QueueId, ShmSpec, TypeTag, Wire};
use sage_tests::hand::{Answer, PLANTED, Refusal, Request, Verb, receive, send};

type Wakers = Arc<Mutex<HashMap<u64, Waker>>>;

/// A process that does what it is asked. It ends with the last who holds this.
pub(crate) struct Hand {
    child: Child,
    address: SocketAddr,
    // Connections with no call on them; a call takes one of its own.
    idle: Mutex<Vec<BufReader<UnixStream>>>,
    wakers: Wakers,
    next: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hand {
    /// One that does everything right, unless a fault is planted.
    pub(crate) fn start(planted: Option<&str>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shm-hand"))
            .env(PLANTED, planted.unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("another process");
        let mut said = BufReader::new(child.stdout.take().expect("its output"));
        let mut name = String::new();
        said.read_line(&mut name).expect("the name of its socket");
        let wakers = Wakers::default();
        thread::spawn({
            let wakers = Arc::clone(&wakers);
            move || pass_on(said, &wakers)
        });
        Self {
            child,
            address: SocketAddr::from_abstract_name(name.trim_end()).expect("the name of a socket"),
            idle: Mutex::default(),
            wakers,
            next: AtomicU64::new(1),
        }
    }

    fn ask(&self, request: &Request) -> Result<Answer> {
        let idle = lock(&self.idle).pop();
        let mut line = match idle {
            Some(line) => line,
            None => BufReader::new(UnixStream::connect_addr(&self.address)?),
        };
        send(line.get_mut(), request)?;
        let answer = receive(&mut line)?;
        lock(&self.idle).push(line);
        Ok(answer)
    }

    /// A number that nothing else has.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// From now on the waker is called when the other process calls the one of this number.
    pub(crate) fn watch(&self, waker: &Waker) -> u64 {
        let number = self.number();
        lock(&self.wakers).insert(number, waker.clone());
        number
    }

    /// The waker of this number is not called any more.
    pub(crate) fn forget(&self, number: u64) {
        let waker = lock(&self.wakers).remove(&number);
        drop(waker);
    }
}

/// Calls the wakers whose numbers the other process says, until it ends.
fn pass_on(said: BufReader<ChildStdout>, wakers: &Wakers) {
    for number in said.lines().map_while(Result::ok) {
        let waker = lock(wakers).remove(&number.parse().expect("the number of a waker"));
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A queue that is open in the other process.
pub(crate) struct There {
    pub(crate) hand: Arc<Hand>,
    queue: u64,
}

impl There {
    /// Opens the queue by its record.
    pub(crate) fn open<T: Wire>(hand: &Arc<Hand>, id: &QueueId, spec: &ShmSpec) -> sage_comm::Result<Self> {
        let there = Self {
            hand: Arc::clone(hand),
            queue: hand.number(),
        };
        let open = Request::Open {
            queue: there.queue,
            tag: TypeTag::of::<T>().to_string(),
            uri: Descriptor::new(id.clone(), spec.clone())?.to_uri()?,
        };
        match there.ask(&open) {
            Answer::Done => Ok(there),
            Answer::Refused(Refusal::Failed(kind, text), _) => Err(error(kind, text)),
            other => panic!("opening a queue ended with {other:?}"),
        }
    }

    fn ask(&self, request: &Request) -> Answer {
        match self.hand.ask(request) {
            Ok(Answer::Panicked(text)) => panic!("in the other process: {text}"),
            Ok(answer) => answer,
            Err(error) => panic!("the other process does not answer {request:?}: {error}"),
        }
    }

    /// Has the other process do it.
    pub(crate) fn call(&self, verb: Verb) -> Answer {
        self.ask(&Request::Call(self.queue, verb))
    }

    /// Has it give something up, also for who panics, who must not panic once more.
    pub(crate) fn give_up(&self, verb: Verb) -> Answer {
        if !thread::panicking() {
            return self.call(verb);
        }
        let _ = self.hand.ask(&Request::Call(self.queue, verb));
        Answer::Done
    }
}

impl Drop for There {
    fn drop(&mut self) {
        // It may have ended by now.
        let _ = self.hand.ask(&Request::Leave(self.queue));
    }
}

/// An error of the other process, in its words.
pub(crate) fn error(kind: usize, text: String) -> Error {
    let kind = ErrorKind::ALL.get(kind).expect("the place of a kind");
    Error::new(*kind, "ask another process").found(text)
}
