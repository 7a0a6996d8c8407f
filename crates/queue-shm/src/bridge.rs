//! Tasks that wait. A task cannot sleep in the kernel, so a thread does it for all tasks of this process that wait at
//! one bell of one queue, and wakes them when it rings. There is such a thread only after a task has waited.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use descriptor_core::wait::WaitList;
use descriptor_core::{Error, ErrorKind};

use crate::layout::Bell;
use crate::segment::Segment;
use crate::sleep::{Asleep, NIGHT_WATCH};
use crate::sys;

#[derive(Default)]
struct Post {
    // Tasks began to wait since the thread last looked.
    called: bool,
    ended: bool,
    thread: Option<JoinHandle<()>>,
}

/// What thread and queue share.
struct Shared {
    list: WaitList,
    post: Mutex<Post>,
    change: Condvar,
}

/// The tasks of this process that wait at one bell.
pub(crate) struct Bridge {
    segment: Arc<Segment>,
    shared: Arc<Shared>,
    bell: Bell,
    // How many of those who wait would find what they wait for.
    ready: fn(&Segment) -> usize,
}

impl Bridge {
    pub(crate) fn new(segment: &Arc<Segment>, bell: Bell, ready: fn(&Segment) -> usize) -> Self {
        Self {
            segment: Arc::clone(segment),
            shared: Arc::new(Shared {
                list: WaitList::new(),
                post: Mutex::default(),
                change: Condvar::new(),
            }),
            bell,
            ready,
        }
    }

    /// Where tasks register.
    pub(crate) fn list(&self) -> &WaitList {
        &self.shared.list
    }

    /// A task has registered: from here on its bell is heard.
    ///
    /// # Errors
    /// `ResourceExhausted` when the system has no thread for us.
    pub(crate) fn call(&self) -> Result<(), Error> {
        let mut post = self.shared.post.lock().unwrap_or_else(PoisonError::into_inner);
        if post.called {
            return Ok(());
        }
        post.called = true;
        if post.thread.is_none() {
            let (segment, shared) = (Arc::clone(&self.segment), Arc::clone(&self.shared));
            let (bell, ready) = (self.bell, self.ready);
            let thread = Builder::new()
                .name("shm-waiter".into())
                .spawn(move || keep_watch(&segment, &shared, bell, ready))
                .map_err(|error| {
                    post.called = false;
                    self.segment
                        .error(ErrorKind::ResourceExhausted, "wait")
                        .expected("a thread that waits for the tasks of this process")
                        .remedy("raise the limit of threads, or use the calls that block")
                        .caused_by(error)
                })?;
            post.thread = Some(thread);
        }
        drop(post);
        self.shared.change.notify_one();
        Ok(())
    }

    /// A task gave up: a wake-up that was meant for it goes to somebody else, maybe in another process.
    pub(crate) fn pass_on(&self) {
        // A forked child has nothing to look at.
        let is_mine = self.segment.map.is_mine();
        if is_mine && self.shared.list.waiting() == 0 && (self.ready)(&self.segment) > 0 {
            self.segment.ring(self.bell, 1);
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let thread = {
            let mut post = self.shared.post.lock().unwrap_or_else(PoisonError::into_inner);
            post.ended = true;
            post.thread.take()
        };
        self.shared.change.notify_one();
        if let Some(thread) = thread {
            if self.segment.map.is_mine() {
                self.segment.ring_loudly(self.bell, usize::MAX);
            }
            // A waker may have dropped the last handle: then this is that thread, which ends by itself. A forked child does
            // not have it.
            if thread.thread().id() != std::thread::current().id() && self.segment.map.is_mine() {
                let _ = thread.join();
            }
        }
    }
}

fn keep_watch(segment: &Segment, shared: &Shared, bell: Bell, ready: fn(&Segment) -> usize) {
    loop {
        {
            let mut post = shared.post.lock().unwrap_or_else(PoisonError::into_inner);
            while !post.called && !post.ended {
                post = shared.change.wait(post).unwrap_or_else(PoisonError::into_inner);
            }
            if post.ended {
                return;
            }
            // Who registers after this calls again.
            post.called = false;
        }
        let _asleep = Asleep::new(segment, bell);
        while shared.list.waiting() > 0 {
            let seen = segment.look_after_all(bell);
            let count = ready(segment);
            if count > 0 {
                shared.list.notify(count);
            }
            if shared.post.lock().unwrap_or_else(PoisonError::into_inner).ended {
                return;
            }
            sys::futex_wait(segment.map.u32(bell.rings), seen, NIGHT_WATCH);
        }
        // The bell may have rung for one who is no longer here.
        if ready(segment) > 0 {
            segment.ring(bell, 1);
        }
    }
}
