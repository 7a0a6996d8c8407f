//! The thread that all connections of the process run on.

use std::sync::{Mutex, PoisonError};

use descriptor_core::{Error, ErrorKind};
use tokio::runtime::{Builder, Handle};

const NAME: &str = "sage-rpc";

/// Whether the caller is that thread: it must not wait for what it does itself.
pub(crate) fn is_this_thread() -> bool {
    std::thread::current().name() == Some(NAME)
}

static RUNTIME: Mutex<Option<(u32, Handle)>> = Mutex::new(None);

/// Its runtime; started when it is needed first. A forked child starts its own, as the thread stays with the parent.
///
/// # Errors
/// `ResourceExhausted` when the system refuses a thread or what a runtime needs.
pub(super) fn handle() -> Result<Handle, Error> {
    let mut known = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some((owner, handle)) = &*known
        && *owner == process
    {
        return Ok(handle.clone());
    }
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::ResourceExhausted, "open")
            .backend("rpc")
            .expected("a thread for the connections of this process")
            .found(error.to_string())
            .remedy("raise the limits of threads and open files")
    };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name(NAME.into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(failed)?;
    *known = Some((process, handle.clone()));
    Ok(handle)
}
