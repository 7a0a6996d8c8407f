//! How the connection is, now and from change to change.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use descriptor_core::Wait;
use tokio::sync::watch;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What a connection is up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Not made yet, or made again after it was lost. Puts and calls wait for it.
    #[default]
    Connecting,
    /// Made: both sides have said who they are.
    Connected,
    /// Lost for longer than `connection_timeout`: calls fail at once, and it is still tried again.
    Down,
    /// Ended for good: nobody needs it any more, or the server refused this client.
    Ended,
}

/// The connection of a queue.
#[doc(alias = "get_connection_status")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionStatus {
    /// What it is up to.
    pub state: ConnectionState,
    /// The server, such as `tcp://localhost:7420` or `unix:/run/sage.sock`.
    pub peer: String,
    /// How often it was made anew after it had been lost.
    pub reconnects: u64,
    /// Which life of the server it is, once that is known.
    pub epoch: u64,
    /// Why it was lost or could not be made, until it is made again.
    pub error: Option<String>,
}

/// The changes of a connection, one after the other; of several that came at once only the last is seen.
#[derive(Clone, Debug)]
pub struct StatusChanges {
    receiver: watch::Receiver<ConnectionStatus>,
}

impl StatusChanges {
    pub(crate) const fn new(receiver: watch::Receiver<ConnectionStatus>) -> Self {
        Self { receiver }
    }

    /// The status now.
    #[must_use]
    pub fn now(&self) -> ConnectionStatus {
        self.receiver.borrow().clone()
    }

    /// Blocks until the status is another one than this saw last; false when the wait ended before, or there will be none.
    pub fn wait(&mut self, wait: Wait) -> bool {
        let deadline = match wait {
            Wait::Never => return self.receiver.has_changed().unwrap_or(false),
            Wait::Until(deadline) => Some(deadline),
            Wait::Forever => None,
        };
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut change = pin!(self.receiver.changed());
        loop {
            if let Poll::Ready(end) = change.as_mut().poll(&mut context) {
                return end.is_ok();
            }
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => std::thread::park(),
                Some(Duration::ZERO) => return false,
                Some(left) => std::thread::park_timeout(left),
            }
        }
    }

    /// Waits until the status is another one than this saw last; `None` once there will be none. Needs no runtime.
    pub async fn next(&mut self) -> Option<ConnectionStatus> {
        self.receiver.changed().await.ok()?;
        Some(self.receiver.borrow_and_update().clone())
    }
}
