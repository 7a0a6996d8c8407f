//! Labelled steps at which a test can have its process die or stop.

/// Does nothing, unless a test built with feature `kill-points` chose this step.
#[cfg(not(feature = "kill-points"))]
#[inline]
pub(crate) const fn reach(_step: &str) {}

/// Whether a test planted this fault, to see whether it is noticed. Never without feature `kill-points`.
#[cfg(not(feature = "kill-points"))]
#[inline]
pub(crate) const fn planted(_fault: &str) -> bool {
    false
}

#[cfg(feature = "kill-points")]
pub use chosen::{LEASE_STEPS, STEPS};
#[cfg(feature = "kill-points")]
pub(crate) use chosen::{planted, reach};

#[cfg(feature = "kill-points")]
mod chosen {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Every step, in the order of the code.
    pub const STEPS: &[&str] = &[
        "create.file",
        "create.sized",
        "create.filled",
        "create.named",
        "attach.mapped",
        "attach.claimed",
        "attach.done",
        "lock.taken",
        "lock.robbed",
        "unlock.before",
        "unlock.after",
        "put.reserved",
        "put.half",
        "put.written",
        "put.published",
        "put.rung",
        "get.read",
        "get.marked",
        "get.published",
        "get.counted",
        "get.rung",
        "repair.put",
        "repair.get",
        "sleep.counted",
        "sleep.registered",
        "sleep.woken",
        "sleep.ended",
        "close.marked",
        "detach.locked",
        "detach.freed",
        "detach.unlinked",
    ];

    /// Those of queues whose items are on loan.
    pub const LEASE_STEPS: &[&str] = &[
        "repair.loans",
        "lease.copied",
        "lease.marked",
        "lease.counted",
        "lease.published",
        "lease.again",
        "lease.ended",
        "lease.returned",
        "lease.rests",
        "lease.dying",
        "lease.buried",
        "back.marked",
        "back.taken",
    ];

    struct Plan {
        step: String,
        signal: i32,
        // Counts down to the visit that counts.
        left: AtomicU64,
    }

    fn plan() -> Option<&'static Plan> {
        static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
        PLAN.get_or_init(|| {
            // `STEP:VISIT:SIGNAL`, as in `put.half:3:9`.
            let text = std::env::var("SAGE_SHM_POINT").ok()?;
            let mut parts = text.split(':');
            Some(Plan {
                step: parts.next()?.into(),
                left: AtomicU64::new(parts.next().and_then(|part| part.parse().ok()).unwrap_or(1)),
                signal: parts.next().and_then(|part| part.parse().ok()).unwrap_or(libc::SIGKILL),
            })
        })
        .as_ref()
    }

    pub(crate) fn reach(step: &str) {
        if let Some(plan) = plan()
            && plan.step == step
            && plan.left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            crate::sys::kill_self(plan.signal);
        }
    }

    pub(crate) fn planted(fault: &str) -> bool {
        static PLANTED: OnceLock<Option<String>> = OnceLock::new();
        let planted = PLANTED.get_or_init(|| std::env::var("SAGE_SHM_PLANTED").ok());
        planted
            .as_deref()
            .is_some_and(|all| all.split(',').any(|one| one == fault))
    }
}
