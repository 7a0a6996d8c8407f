//! The thread that writes down what the broker says: while one batch is on its way to the disk, the next one gathers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use queue_core::{Error, ErrorKind};

use super::Store;
use crate::hub::Hub;

/// After a failure it tries again so soon.
const RETRY: Duration = Duration::from_secs(1);

/// How the keeper is told that there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    /// Set when it was told and has not looked since.
    asked: AtomicBool,
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct State {
    work: bool,
    end: bool,
}

impl Signal {
    /// There is a batch.
    pub(crate) fn ask(&self) {
        if !self.asked.swap(true, Ordering::AcqRel) {
            self.tell(|state| state.work = true);
        }
    }

    fn tell(&self, what: impl FnOnce(&mut State)) {
        what(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.told.notify_one();
    }

    /// Waits for work, or for `pause`; whether it is the end.
    fn wait(&self, pause: Option<Duration>) -> bool {
        let until = pause.map(|pause| Instant::now() + pause);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let is_due = left.map_or(state.work, |left| left.is_zero());
            if state.end || is_due {
                state.work = false;
                self.asked.store(false, Ordering::Release);
                return state.end;
            }
            state = match left {
                None => self.told.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let waited = self.told.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// The thread. Dropped, it writes down what there is, and ends.
pub(crate) struct Keeper {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(store: Store, hub: Arc<Hub>, signal: Arc<Signal>) -> Result<Self, Error> {
        let told = Arc::clone(&signal);
        let thread = thread::Builder::new()
            .name("rpc-store".to_owned())
            .spawn(move || keep(store, &hub, &told))
            .map_err(|cause| {
                Error::new(ErrorKind::ResourceExhausted, "start the server")
                    .backend("rpc")
                    .caused_by(cause)
                    .remedy("raise the limit of threads")
            })?;
        Ok(Self {
            signal,
            thread: Some(thread),
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.signal.tell(|state| state.end = true);
        if let Some(thread) = self.thread.take() {
            // A panic was said by the thread itself.
            let _ = thread.join();
        }
    }
}

fn keep(mut store: Store, hub: &Hub, signal: &Signal) {
    let mut fails = false;
    loop {
        let ends = signal.wait(fails.then_some(RETRY));
        loop {
            let Some(batch) = hub.lock().broker.take_batch() else {
                break;
            };
            // Without entries it is only a mark that waits for those before.
            let written = match batch.entries() {
                [] if !fails => Ok(()),
                entries => store.write(entries),
            };
            let mut state = hub.lock();
            let now = Instant::now();
            match written {
                Ok(()) => {
                    state.broker.wrote_down(&batch, now);
                    hub.settle(&mut state);
                    drop(state);
                    if std::mem::take(&mut fails) {
                        tracing::warn!("durable queues take items again");
                    }
                }
                Err(error) => {
                    state.broker.not_written_down(batch, &error, now);
                    hub.settle(&mut state);
                    drop(state);
                    if !std::mem::replace(&mut fails, true) {
                        tracing::error!("durable queues take no items: {error}");
                    }
                    break;
                }
            }
        }
        if ends {
            return;
        }
    }
}
