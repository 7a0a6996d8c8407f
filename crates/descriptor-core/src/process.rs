//! Which process this is, and what may be opened in it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use xxhash_rust::xxh3::xxh3_128;

use crate::{Error, ErrorKind, QueueId, Scope};

static TOKEN: Mutex<Option<(u32, u128)>> = Mutex::new(None);

/// The number that stands for this process in [`Scope::Process`]: drawn once, at random. A forked child draws its own,
/// because the queues it inherited are copies that nobody else sees.
#[must_use]
pub fn process_token() -> u128 {
    let mut drawn = TOKEN.lock().unwrap_or_else(PoisonError::into_inner);
    token_for(std::process::id(), &mut drawn)
}

fn token_for(pid: u32, drawn: &mut Option<(u32, u128)>) -> u128 {
    match *drawn {
        Some((owner, token)) if owner == pid => token,
        _ => {
            let token = draw(pid);
            *drawn = Some((pid, token));
            token
        }
    }
}

/// 128 bits that no other process draws: time, process id, where the system loaded us, and the keys that the standard
/// library takes from the system's random source.
fn draw(pid: u32) -> u128 {
    let mut seed = Vec::with_capacity(64);
    seed.extend_from_slice(&since_epoch().as_nanos().to_le_bytes());
    seed.extend_from_slice(&pid.to_le_bytes());
    let (code, stack, heap) = (draw as fn(u32) -> u128, 0_u8, Box::new(0_u8));
    for address in [
        code as usize,
        std::ptr::from_ref(&stack).addr(),
        std::ptr::from_ref(&*heap).addr(),
        std::ptr::from_ref(&TOKEN).addr(),
    ] {
        seed.extend_from_slice(&address.to_le_bytes());
    }
    for word in 0..2_u64 {
        let mut keyed = RandomState::new().build_hasher();
        keyed.write_u64(word);
        seed.extend_from_slice(&keyed.finish().to_le_bytes());
    }
    xxh3_128(&seed)
}

/// Now, in seconds since 1970-01-01 UTC.
pub(crate) fn now_seconds() -> f64 {
    since_epoch().as_secs_f64()
}

fn since_epoch() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Lets a process-bound record in, or says which type would reach from here to there.
pub(crate) fn admit(kind: &'static str, id: &QueueId, scope: &Scope, worker: Option<u32>) -> Result<(), Error> {
    let refused = || {
        Error::new(ErrorKind::OutOfScope, "open")
            .queue(id.as_str())
            .backend(kind)
    };
    match (scope, worker) {
        (Scope::Unscoped, _) => Ok(()),
        (Scope::Process(token), _) if *token == process_token() => Ok(()),
        (Scope::Process(_), _) => Err(refused()
            .expected("a descriptor made in this process")
            .found("one of another process, where the queue lives")
            .remedy("use type `shm` to share a queue on this host, `rpc` to share it between hosts")),
        (Scope::Worker(number), Some(mine)) if *number == mine => Ok(()),
        (Scope::Worker(number), Some(mine)) => Err(refused()
            .expected(format!("a queue of worker {mine}"))
            .found(format!("one of worker {number}"))
            .remedy("use type `shm` or `rpc` for an edge between workers")),
        (Scope::Worker(number), None) => Err(refused()
            .expected(format!("to be worker {number}"))
            .found("a process that is no worker")
            .remedy("open it through `Registry::for_worker`, or use type `shm` or `rpc`")),
    }
}

#[cfg(test)]
mod tests {
    use super::{process_token, token_for};

    #[test]
    fn one_token_per_process_and_another_one_after_a_fork() {
        assert_eq!(process_token(), process_token());
        let mut drawn = None;
        let parent = token_for(100, &mut drawn);
        assert_eq!(token_for(100, &mut drawn), parent);
        let child = token_for(101, &mut drawn);
        assert_ne!(child, parent);
        assert_ne!(token_for(100, &mut drawn), parent, "a reused number is another process");
    }
}
