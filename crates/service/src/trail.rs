//! Which services wait for the work of this thread.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

/// The deepest that services may call services.
pub(crate) const DEEPEST: usize = 64;

/// What a handler at work hands on to the calls it makes.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    /// The services that wait for this one, the outermost first.
    pub(crate) outer: Option<Box<[String]>>,
    /// This one.
    pub(crate) own: Arc<str>,
    /// When the request at hand is over: nothing that is called for it may take longer.
    pub(crate) until: Instant,
}

impl Trail {
    /// All services that wait, the outermost first.
    pub(crate) fn into_names(self) -> Vec<String> {
        let mut names = self.outer.map_or_else(Vec::new, <[String]>::into_vec);
        names.push(self.own.as_ref().into());
        names
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Trail>> = const { RefCell::new(None) };
}

/// What this thread works on, when that is a request.
pub(crate) fn current() -> Option<Trail> {
    CURRENT.with(|current| current.borrow().clone())
}

/// Says that this thread works on a request until it is [left](At::leave).
pub(crate) fn enter(trail: Trail) -> At {
    At {
        before: CURRENT.with(|current| current.replace(Some(trail))),
    }
}

#[derive(Debug)]
#[must_use]
pub(crate) struct At {
    before: Option<Trail>,
}

impl At {
    /// The work is done; what it was about.
    pub(crate) fn leave(self) -> Option<Trail> {
        CURRENT.with(|current| current.replace(self.before))
    }
}
