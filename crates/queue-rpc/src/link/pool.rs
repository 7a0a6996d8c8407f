//! One connection per server and identity for the whole process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use descriptor_core::Error;

use super::target::Target;
use super::{Link, runtime, task};
use crate::status::ConnectionState;
use crate::{RpcSpec, ServerLife};

type Pool = HashMap<Target, Arc<Link>>;

static POOL: Mutex<Option<(u32, Pool)>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<(u32, Pool)>> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connections of this process: those of one that it was forked from are not.
fn mine(slot: &mut Option<(u32, Pool)>) -> &mut Pool {
    let process = std::process::id();
    if slot.as_ref().is_some_and(|(owner, _)| *owner != process) {
        // Not dropped: their sockets belong to the other process too.
        std::mem::forget(slot.take());
    }
    &mut slot.get_or_insert_with(|| (process, Pool::new())).1
}

/// The connection to that server, which the caller has entered.
///
/// # Errors
/// When there is no token where one should be, or the system has no thread left.
pub(crate) fn shared(spec: &RpcSpec, life: Option<&ServerLife>) -> Result<Arc<Link>, Error> {
    let target = Target::of(spec, life)?;
    let runtime = runtime::handle()?;
    let mut pool = lock();
    let pool = mine(&mut pool);
    if let Some(link) = pool.get(&target) {
        link.with(|session| session.enter());
        return Ok(Arc::clone(link));
    }
    let link = Link::new(target.clone(), spec.connection_timeout, spec.retry_count, true, life);
    link.with(|session| session.enter());
    pool.insert(target, Arc::clone(&link));
    runtime.spawn(task::run(Arc::clone(&link)));
    Ok(link)
}

/// A connection that nobody else uses, which the caller has entered.
///
/// # Errors
/// As [`shared`].
pub(crate) fn private(spec: &RpcSpec, life: Option<&ServerLife>) -> Result<Arc<Link>, Error> {
    let runtime = runtime::handle()?;
    let target = Target::of(spec, life)?;
    let link = Link::new(target, spec.connection_timeout, spec.retry_count, false, life);
    link.with(|session| session.enter());
    runtime.spawn(task::run(Arc::clone(&link)));
    Ok(link)
}

/// Another connection to the same server that nobody else uses, which the caller has entered.
///
/// # Errors
/// As [`shared`].
pub(crate) fn another(link: &Link) -> Result<Arc<Link>, Error> {
    let runtime = runtime::handle()?;
    let link = Link::new(
        link.target.clone(),
        link.timeout,
        link.retries,
        false,
        link.life.as_ref(),
    );
    link.with(|session| session.enter());
    runtime.spawn(task::run(Arc::clone(&link)));
    Ok(link)
}

/// Takes a connection out of use, for good. With `only_idle` when nobody needs it: false when somebody does.
pub(super) fn retire(link: &Arc<Link>, only_idle: bool) -> bool {
    let mut pool = lock();
    let pool = mine(&mut pool);
    if only_idle && !link.with(|session| session.is_idle()) {
        return false;
    }
    if link.is_pooled && pool.get(&link.target).is_some_and(|known| Arc::ptr_eq(known, link)) {
        pool.remove(&link.target);
    }
    if only_idle {
        link.report(ConnectionState::Ended, None);
    }
    true
}
