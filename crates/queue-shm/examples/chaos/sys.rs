//! The system calls that the standard library has no name for.

use std::io;

/// Nanoseconds of the clock that all processes of the host share and nobody sets.
pub(crate) fn now() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec, which is ours. Leaned on by every campaign.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// How often threads of this process went to sleep, but for the one that asks.
pub(crate) fn sleeps_of_others() -> u64 {
    let count = |who| {
        // SAFETY: a struct of integers, for which zero is a value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: writes the struct, which is ours. Leaned on by the campaign `wakes`.
        unsafe { libc::getrusage(who, &raw mut usage) };
        u64::try_from(usage.ru_nvcsw).unwrap_or(0)
    };
    count(libc::RUSAGE_SELF).saturating_sub(count(libc::RUSAGE_THREAD))
}

/// Sends a signal to a process that we started and did not yet wait for.
pub(crate) fn signal(pid: u32, signal: i32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: takes two numbers. Leaned on by the campaigns `kill9` and `stop`.
    if unsafe { libc::kill(pid, signal) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A child that was forked and executes no other program.
pub(crate) struct Forked(libc::pid_t);

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildEnd {
    Code(i32),
    Signal(i32),
}

/// Forks; `None` in the child.
pub(crate) fn fork() -> io::Result<Option<Forked>> {
    // SAFETY: beside this thread there is at most the one that watches leases, and the child takes no lock that it may have
    // held: those of the allocator are the C library's, which sees to them. Leaned on by the campaign `fork`.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some(Forked(pid))),
    }
}

/// Ends a child without anything that was meant for the end of its parent.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: ends the process. Leaned on by the campaign `fork`.
    unsafe { libc::_exit(code) }
}

impl Forked {
    pub(crate) fn wait(self) -> io::Result<ChildEnd> {
        let mut status = 0;
        // SAFETY: writes one number, which is ours; the child is ours and nobody else waits for it.
        if unsafe { libc::waitpid(self.0, &raw mut status, 0) } != self.0 {
            return Err(io::Error::last_os_error());
        }
        Ok(if libc::WIFEXITED(status) {
            ChildEnd::Code(libc::WEXITSTATUS(status))
        } else {
            ChildEnd::Signal(libc::WTERMSIG(status))
        })
    }
}
