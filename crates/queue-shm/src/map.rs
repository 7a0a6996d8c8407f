//! A segment in the address space: fixed words in front, then the ring, twice in a row.
//!
//! Everybody who may write the file may write here at any moment. So words are read as atomics and nothing else, each
//! offset is checked before it is used, and bytes are copied out before anybody looks at them.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::layout::{END_OF_WORDS, Layout};

/// Where bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// So many bytes of the ring since ever.
    Ring(u64),
    /// An offset of the fixed part.
    Fixed(usize),
}

impl At {
    /// `bytes` further on.
    pub(crate) const fn after(self, bytes: usize) -> Self {
        match self {
            Self::Ring(position) => Self::Ring(position + bytes as u64),
            Self::Fixed(offset) => Self::Fixed(offset + bytes),
        }
    }
}

/// A mapped segment.
pub(crate) struct Map {
    base: *mut u8,
    // What is mapped, the second view of the ring included.
    len: usize,
    // Where the fixed part ends and the ring begins.
    ring: usize,
    ring_bytes: usize,
    // One page that the kernel gives to a forked child empty.
    fork: *const AtomicU8,
}

// SAFETY: the memory is shared between processes as it is, and only reached through atomics and through copies whose
// exclusion is the lock of a side. Leaned on by the conformance tests with threads.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

/// How far ahead lines are fetched: a few small records, in about the time that a line takes from one processor to the other.
#[cfg(target_arch = "x86_64")]
const AHEAD: u64 = 320;
/// The most bytes fetched at once; copying more than that finds its own way.
#[cfg(target_arch = "x86_64")]
const FETCHED: usize = 512;
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

const SHARED: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;

impl Map {
    /// Maps the file. Its size must have been checked: touching a page behind the end of the file is fatal.
    pub(crate) fn new(file: &File, layout: &Layout) -> io::Result<Self> {
        let (ring, ring_bytes) = (layout.ring, layout.ring_bytes);
        let len = ring
            .checked_add(ring_bytes)
            .and_then(|len| len.checked_add(ring_bytes))
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let fork = map(
            std::ptr::null_mut(),
            crate::sys::page(),
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            None,
            0,
        )?;
        let reserved = map(
            std::ptr::null_mut(),
            len,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            None,
            0,
        );
        let base = match reserved {
            Ok(base) => base,
            Err(error) => {
                unmap(fork, crate::sys::page());
                return Err(error);
            }
        };
        let mapped = Self {
            base,
            len,
            ring,
            ring_bytes,
            fork: fork.cast(),
        };
        let fixed = libc::MAP_SHARED | libc::MAP_FIXED;
        // SAFETY: both addresses are inside the `len` bytes reserved above, which nobody else knows yet.
        // Leaned on by the tests that wrap around the end of the ring.
        let (first, second) = unsafe { (base.add(0), base.add(ring + ring_bytes)) };
        map(first, ring + ring_bytes, fixed, Some(file), 0)?;
        map(second, ring_bytes, fixed, Some(file), ring)?;
        mapped.keep_from_children(layout)?;
        Ok(mapped)
    }

    /// A forked child has no business here: it must not hold the memory, and must notice that it is one.
    fn keep_from_children(&self, layout: &Layout) -> io::Result<()> {
        // SAFETY: both ranges are mappings of ours. The page is written before anybody else knows it.
        // Leaned on by the fork test.
        unsafe {
            if libc::madvise(self.base.cast(), self.len, libc::MADV_DONTFORK) != 0
                || libc::madvise(self.fork.cast_mut().cast(), crate::sys::page(), libc::MADV_WIPEONFORK) != 0
            {
                return Err(io::Error::last_os_error());
            }
            (*self.fork).store(1, Ordering::Relaxed);
        }
        // Page faults now and not in the first calls. Refused by kernels before 5.14, and no harm done.
        let _ = self.populate(0, layout.loans);
        let _ = self.populate_at(At::Ring(0), self.ring_bytes);
        Ok(())
    }

    /// Has the system give memory to these bytes of the fixed part, of whole pages.
    pub(crate) fn populate(&self, offset: usize, len: usize) -> io::Result<()> {
        self.populate_at(At::Fixed(offset), len)
    }

    fn populate_at(&self, at: At, len: usize) -> io::Result<()> {
        let place = self.place(at, len);
        // SAFETY: mapped bytes of ours, as just checked, whose content this does not change.
        // Leaned on by every test that maps a segment.
        if unsafe { libc::madvise(place.cast(), len, libc::MADV_POPULATE_WRITE) } == 0 {
            return Ok(());
        }
        Err(io::Error::last_os_error())
    }

    /// False in a child that was forked after the segment was mapped: nothing is mapped there.
    #[inline]
    pub(crate) fn is_mine(&self) -> bool {
        // SAFETY: the page lives as long as `self`, and in a child it reads as zero.
        (unsafe { (*self.fork).load(Ordering::Relaxed) == 1 }) || crate::point::planted("child-is-parent")
    }

    #[inline]
    fn word<A>(&self, offset: usize) -> &A {
        assert!(
            offset.is_multiple_of(align_of::<A>())
                // The first part is known to the compiler for most words: every segment has these.
                && (offset + size_of::<A>() <= END_OF_WORDS || offset + size_of::<A>() <= self.ring),
            "a word outside of the fixed part"
        );
        // SAFETY: inside the fixed part and aligned, as just checked; only used with atomics, for which every bit
        // pattern is a value. Leaned on by all tests.
        unsafe { &*self.base.add(offset).cast::<A>() }
    }

    /// The atomic of 32 bits at this offset of the fixed part.
    #[inline]
    pub(crate) fn u32(&self, offset: usize) -> &AtomicU32 {
        self.word(offset)
    }

    /// The atomic of 64 bits at this offset of the fixed part.
    #[inline]
    pub(crate) fn u64(&self, offset: usize) -> &AtomicU64 {
        self.word(offset)
    }

    /// Where these `len` bytes begin.
    #[inline]
    fn place(&self, at: At, len: usize) -> *mut u8 {
        let offset = match at {
            At::Ring(position) => {
                assert!(len <= self.ring_bytes, "more bytes than the ring has");
                // A power of two, so it does not matter where the count wraps around.
                self.ring + (position & (self.ring_bytes as u64 - 1)) as usize
            }
            At::Fixed(offset) => {
                assert!(
                    offset <= self.ring && len <= self.ring - offset,
                    "bytes outside of the fixed part"
                );
                offset
            }
        };
        // SAFETY: as just checked, `len` bytes from there on are mapped: the fixed part ends where the ring begins, and the
        // ring is mapped twice in a row. Leaned on by the tests that wrap around the end of the ring.
        unsafe { self.base.add(offset) }
    }

    /// Copies bytes in. Only for who holds the lock of a side, to where nobody reads.
    #[inline]
    pub(crate) fn put(&self, at: At, bytes: &[u8]) {
        let place = self.place(at, bytes.len());
        // SAFETY: `place` has room for all of it, and cannot overlap with memory of this process.
        // Leaned on by the conformance tests.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
    }

    /// The eight bytes at `position`, which is a multiple of eight.
    #[inline]
    pub(crate) fn ring_word(&self, position: u64) -> &AtomicU64 {
        let place = self.place(At::Ring(position & !7), 8);
        // SAFETY: inside the ring and aligned, as pages are and eight divides the position.
        // Leaned on by the conformance tests.
        unsafe { &*place.cast::<AtomicU64>() }
    }

    /// Has the processor fetch what will be written some records after this one, which ends at `position` and took `bytes`:
    /// the other side has those lines, and giving back the lock waits for every line that was written.
    #[inline]
    pub(crate) fn expect_to_write(&self, position: u64, bytes: usize) {
        #[cfg(target_arch = "x86_64")]
        for line in (0..bytes.min(FETCHED)).step_by(LINE) {
            let place = self.place(At::Ring(position + AHEAD + line as u64), 1);
            // SAFETY: a hint that changes nothing, whatever the address. Leaned on by every test that puts.
            unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_ET0 }>(place.cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (position, bytes);
    }

    /// The same for what will be read, of which `left` bytes are there.
    #[inline]
    pub(crate) fn expect_to_read(&self, position: u64, bytes: usize, left: u64) {
        #[cfg(target_arch = "x86_64")]
        for line in (0..bytes.min(FETCHED)).step_by(LINE) {
            if left < AHEAD + line as u64 {
                break;
            }
            let place = self.place(At::Ring(position + AHEAD + line as u64), 1);
            // SAFETY: as above. Leaned on by every test that gets.
            unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (position, bytes, left);
    }

    /// Appends `len` bytes to `out`.
    #[inline]
    pub(crate) fn take(&self, at: At, len: usize, out: &mut Vec<u8>) {
        let place = self.place(at, len);
        out.reserve(len);
        // SAFETY: `len` bytes are there to read, room for them was reserved, and memory of this process cannot overlap.
        // What another process may write meanwhile is bytes as well. Leaned on by the conformance tests.
        unsafe {
            std::ptr::copy_nonoverlapping(place, out.as_mut_ptr().add(out.len()), len);
            out.set_len(out.len() + len);
        }
    }

    /// Fills `out` from there on.
    #[inline]
    pub(crate) fn copy_out(&self, at: At, out: &mut [u8]) {
        let place = self.place(at, out.len());
        // SAFETY: as many bytes are there to read, and memory of this process cannot overlap.
        // Leaned on by the tests of views.
        unsafe { std::ptr::copy_nonoverlapping(place, out.as_mut_ptr(), out.len()) };
    }

    /// The bytes themselves.
    ///
    /// # Safety
    /// Nobody, in whatever process, may write them while they are borrowed.
    pub(crate) unsafe fn slice(&self, at: At, len: usize) -> &[u8] {
        // SAFETY: mapped for as long as `self`, and any bytes are values; that nobody writes is the caller's promise.
        // Leaned on by the tests of views.
        unsafe { std::slice::from_raw_parts(self.place(at, len), len) }
    }

    /// The bytes themselves, to write.
    ///
    /// # Safety
    /// Nobody else, in whatever process, may read or write them while they are borrowed.
    #[expect(
        clippy::mut_from_ref,
        reason = "what makes it exclusive is the caller's promise, not the borrow"
    )]
    pub(crate) unsafe fn slice_mut(&self, at: At, len: usize) -> &mut [u8] {
        // SAFETY: mapped for as long as `self`, and any bytes are values; that it is exclusive is the caller's promise.
        // Leaned on by the tests of reservations.
        unsafe { std::slice::from_raw_parts_mut(self.place(at, len), len) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // In a forked child nothing is there to give back but the page.
        if self.is_mine() {
            unmap(self.base, self.len);
        }
        unmap(self.fork.cast_mut().cast(), crate::sys::page());
    }
}

fn map(at: *mut u8, len: usize, flags: libc::c_int, file: Option<&File>, offset: usize) -> io::Result<*mut u8> {
    let number = file.map_or(-1, AsRawFd::as_raw_fd);
    let offset = offset
        .try_into()
        .map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    // SAFETY: without MAP_FIXED the kernel chooses unused addresses; with it, callers give addresses that they reserved.
    // Leaned on by every test that maps a segment.
    let place = unsafe { libc::mmap(at.cast(), len, SHARED, flags, number, offset) };
    if place == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(place.cast())
}

fn unmap(at: *mut u8, len: usize) {
    // SAFETY: a mapping of ours that nobody refers to any more. Leaned on by the tests that count mappings.
    unsafe { libc::munmap(at.cast(), len) };
}
