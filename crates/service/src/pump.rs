//! The one thread that reads answers for asynchronous calls, and minds their deadlines.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use descriptor_core::{Error, ErrorKind};

use crate::mailbox::Inner;

static PUMP: Mutex<Pump> = Mutex::new(Pump {
    thread: None,
    mailboxes: Vec::new(),
});

struct Pump {
    thread: Option<Thread>,
    mailboxes: Vec<Arc<Inner>>,
}

/// Looks after this mailbox as long as it has watched calls.
pub(crate) fn watch(mailbox: &Arc<Inner>) -> Result<(), Error> {
    let mut pump = lock();
    if !pump.mailboxes.iter().any(|known| Arc::ptr_eq(known, mailbox)) {
        pump.mailboxes.push(Arc::clone(mailbox));
    }
    if let Some(thread) = &pump.thread {
        thread.unpark();
        return Ok(());
    }
    let spawned = thread::Builder::new().name("service-answers".into()).spawn(run);
    match spawned {
        Ok(handle) => {
            pump.thread = Some(handle.thread().clone());
            Ok(())
        }
        Err(cause) => {
            pump.mailboxes.clear();
            Err(Error::new(ErrorKind::ResourceExhausted, "call service")
                .expected("a thread for asynchronous calls")
                .caused_by(cause)
                .remedy("raise the limit of threads"))
        }
    }
}

/// Somebody may have to read.
pub(crate) fn wake() {
    if let Some(thread) = &lock().thread {
        thread.unpark();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn run() {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        let mailboxes = lock().mailboxes.clone();
        // Without the lock: those who are woken may call again at once.
        let next = mailboxes.iter().filter_map(|mailbox| mailbox.pump(&mut cx)).min();
        drop(mailboxes);
        // Looked at under both locks: a call that has just begun is watched before it asks for this.
        let idle = {
            let mut pump = lock();
            let (busy, idle) = std::mem::take(&mut pump.mailboxes)
                .into_iter()
                .partition::<Vec<_>, _>(|mailbox| mailbox.lock().watched > 0);
            pump.mailboxes = busy;
            idle
        };
        for mailbox in idle {
            // Gives up its place as reader, unless it has got calls again meanwhile and a place here.
            mailbox.pump(&mut cx);
        }
        match next {
            None => thread::park(),
            Some(next) => thread::park_timeout(next.saturating_duration_since(Instant::now())),
        }
    }
}

fn lock() -> MutexGuard<'static, Pump> {
    PUMP.lock().unwrap_or_else(PoisonError::into_inner)
}
