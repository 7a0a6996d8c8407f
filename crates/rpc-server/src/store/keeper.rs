//! The thread that writes down what the broker says: while one batch is on its way to the disk, the next one gathers.
//!
//! Those who wait for a commit put again as soon as it has come. Without patience a batch would begin with the first of them, and
//! each commit would have half of those who take part. So a batch waits for as many puts as took part lately: for half the time of
//! a commit at most, and not at all for one who is alone. Databases know this as a commit delay with commit siblings.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use queue_core::{Error, ErrorKind};

use super::Store;
use crate::hub::Hub;

/// After a failure it tries again so soon.
const RETRY: Duration = Duration::from_secs(1);
/// The longest that puts are waited for, however slow the disk.
const PATIENCE: Duration = Duration::from_millis(2);

/// How the keeper is told that there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    /// Set when it was told and has not looked since.
    asked: AtomicBool,
    /// With fewer puts it need not be told.
    enough: AtomicUsize,
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct State {
    work: bool,
    end: bool,
}

impl Signal {
    /// There is a batch of so many puts.
    pub(crate) fn ask(&self, puts: usize) {
        if puts >= self.enough.load(Ordering::Relaxed) && !self.asked.swap(true, Ordering::AcqRel) {
            self.tell(|state| state.work = true);
        }
    }

    fn tell(&self, what: impl FnOnce(&mut State)) {
        what(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.told.notify_one();
    }

    /// Waits until somebody tells something, or until then: which of the two it was.
    fn is_told(&self, until: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.work && !state.end {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.told.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.work = false;
        self.asked.store(false, Ordering::Release);
        !state.end
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

/// How many puts a commit may have, if all those who take part come in time.
#[derive(Debug, Default)]
struct Company {
    /// With the last commit went so many, and so many had come when it was done.
    expected: usize,
    patience: Duration,
}

impl Company {
    fn saw(&mut self, went: usize, came: usize, took: Duration) {
        self.expected = went + came;
        self.patience = (took / 2).min(PATIENCE);
    }

    /// Waits until they are there.
    fn await_in(&self, hub: &Hub, signal: &Signal) {
        if self.expected < 2 {
            return;
        }
        let until = Instant::now() + self.patience;
        signal.enough.store(self.expected, Ordering::Relaxed);
        // Those that came before that are seen here, those that come after it tell.
        while hub.lock().broker.gathered_puts() < self.expected && signal.is_told(until) {}
        signal.enough.store(0, Ordering::Relaxed);
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
    let mut company = Company::default();
    loop {
        let ends = signal.wait(fails.then_some(RETRY));
        loop {
            if !ends && hub.lock().broker.has_batch() {
                company.await_in(hub, signal);
            }
            let Some(batch) = hub.lock().broker.take_batch() else {
                break;
            };
            let begun = Instant::now();
            // Without entries it is only a mark that waits for those before.
            let written = match batch.entries() {
                [] if !fails => Ok(()),
                entries => store.write(entries),
            };
            let mut state = hub.lock();
            let now = Instant::now();
            match written {
                Ok(()) => {
                    company.saw(batch.puts(), state.broker.gathered_puts(), now - begun);
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
