//! The system calls, each in a safe form. Nothing else of this crate calls the system but through here and `std`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use crate::point;

/// `F_SETSIG` of <fcntl.h>, which libc does not name.
const F_SETSIG: libc::c_int = 10;

/// Sleeps while `word` holds `expected`, at most `limit`. Wakes for no reason now and then.
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, mut limit: Duration) {
    // Who looks on its own now and then hides a wake-up that was lost, which a test may not want.
    if point::planted("no-night-watch") && limit >= Duration::from_millis(5) {
        limit = Duration::from_secs(3600);
    }
    let limit = libc::timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    // Not the private form: the word is known to several processes.
    // SAFETY: the word is borrowed for the call, the time lives on our stack; FUTEX_WAIT writes neither.
    // Leaned on by every blocking test between processes.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            std::ptr::from_ref(&limit),
        );
    }
}

/// Wakes up to `count` of those who sleep at `word`.
pub(crate) fn futex_wake(word: &AtomicU32, count: u32) {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    // SAFETY: FUTEX_WAKE takes the address as a name and reads nothing there.
    // Leaned on by every blocking test between processes.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count);
    }
}

/// The effective user.
pub(crate) fn user() -> u32 {
    // SAFETY: takes nothing, cannot fail. Leaned on by the tests of ownership.
    unsafe { libc::geteuid() }
}

/// Bytes of a page.
pub(crate) fn page() -> usize {
    // SAFETY: reads a constant of the system. Leaned on by every test that maps a segment.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// Nanoseconds of the clock that all processes of the host share and nobody sets.
pub(crate) fn monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec, which is ours. Leaned on by the tests of leases.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Reserves the blocks of `len` bytes from `offset` on, so that no write through a mapping can meet a full device.
pub(crate) fn allocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let (Ok(offset), Ok(len)) = (offset.try_into(), len.try_into()) else {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    };
    loop {
        // SAFETY: a number for a file that is open while we hold it. Leaned on by the tests on a small file system.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), offset, len) } {
            0 => return Ok(()),
            libc::EINTR => {}
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// Bytes that are free where the file lies.
pub(crate) fn free_bytes(file: &File) -> Option<u64> {
    // SAFETY: a struct of integers, for which zero is a value. Leaned on by the tests on a small file system.
    let mut space: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the file is open, the kernel writes the struct, which is ours. Leaned on as above.
    let done = unsafe { libc::fstatvfs(file.as_raw_fd(), &raw mut space) };
    (done == 0).then(|| space.f_bavail.saturating_mul(space.f_frsize))
}

fn range(kind: libc::c_int, start: u64) -> libc::flock {
    // SAFETY: a struct of integers, for which zero is a value. Leaned on by every test of liveness.
    let mut range: libc::flock = unsafe { std::mem::zeroed() };
    range.l_type = kind as libc::c_short;
    range.l_whence = libc::SEEK_SET as libc::c_short;
    range.l_start = i64::try_from(start).unwrap_or(i64::MAX);
    range.l_len = 1;
    range
}

/// Takes the lock of this process on one byte of a file; false when another process has it.
///
/// Such a lock belongs to the process: a forked child does not have it, the kernel gives it up with the last thread, and
/// closing *any* descriptor of that file gives it up as well, so the file must stay open.
pub(crate) fn lock_byte(file: &File, byte: u64) -> io::Result<bool> {
    let range = range(libc::F_WRLCK, byte);
    // SAFETY: the file is open, the range is ours for the call. Leaned on by every test of liveness.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const range) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        _ => Err(error),
    }
}

/// Gives up the lock of this process on one byte.
pub(crate) fn unlock_byte(file: &File, byte: u64) {
    let range = range(libc::F_UNLCK, byte);
    // SAFETY: as in `lock_byte`.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const range) };
}

/// The process that has the lock on one byte; `None` when no other process has it.
pub(crate) fn byte_holder(file: &File, byte: u64) -> io::Result<Option<i32>> {
    let mut range = range(libc::F_WRLCK, byte);
    // SAFETY: the file is open, the kernel writes the range, which is ours. Leaned on by every test of liveness.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut range) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((i32::from(range.l_type) != libc::F_UNLCK).then_some(range.l_pid))
}

/// Whether any process of this host has the file open for writing, or mapped from such an opening: asked by trying to
/// take a lease on it, which the kernel refuses then. For files of this user. An error proves nothing.
pub(crate) fn is_open_for_writing(path: &std::path::Path) -> io::Result<bool> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK)
        .open(path)?;
    let number = file.as_raw_fd();
    let ask = |command: libc::c_int, value: libc::c_int| {
        // SAFETY: the file is open, and these commands take a number. Leaned on by the tests of replaced locks.
        match unsafe { libc::fcntl(number, command, value) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // Who opens it meanwhile makes the kernel signal us: by one that is ignored unless somebody asks for it.
    ask(F_SETSIG, libc::SIGURG)?;
    match ask(libc::F_SETLEASE, libc::F_RDLCK as libc::c_int) {
        Ok(()) => ask(libc::F_SETLEASE, libc::F_UNLCK as libc::c_int).map(|()| false),
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Ends this process at once, as `kill -9` from outside does.
#[cfg(feature = "kill-points")]
pub(crate) fn kill_self(signal: libc::c_int) {
    // SAFETY: signals ourselves; SIGKILL does not return. Leaned on by the tests with kill points.
    unsafe { libc::kill(libc::getpid(), signal) };
}
