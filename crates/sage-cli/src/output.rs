//! Standard output that may be closed at any time, as by `head`.

use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};

use crate::failure::Failure;

/// Buffered standard output. When the reader has gone, the rest is dropped in silence: it has what it wanted.
#[derive(Debug)]
pub(crate) struct Output {
    out: Closable<BufWriter<StdoutLock<'static>>>,
}

impl Output {
    pub(crate) fn stdout() -> Self {
        Self {
            out: Closable::new(BufWriter::with_capacity(1 << 16, io::stdout().lock())),
        }
    }

    /// Writes everything that `write` writes, and flushes.
    pub(crate) fn print(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        write(&mut self.out)
            .and_then(|()| self.out.flush())
            .map_err(|cause| Failure::new(format_args!("standard output: {cause}; send it where there is room")))
    }

    /// True when the reader has gone, so that all that is written from now on is for nobody.
    pub(crate) fn is_closed(&self) -> bool {
        self.out.closed
    }
}

/// Swallows what is written after the other end was closed.
#[derive(Debug)]
struct Closable<W> {
    inner: W,
    closed: bool,
}

impl<W: Write> Closable<W> {
    fn new(inner: W) -> Self {
        Self { inner, closed: false }
    }

    fn attempt<R>(&mut self, when_closed: R, write: impl FnOnce(&mut W) -> io::Result<R>) -> io::Result<R> {
        if self.closed {
            return Ok(when_closed);
        }
        match write(&mut self.inner) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(when_closed)
            }
            result => result,
        }
    }
}

impl<W: Write> Write for Closable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `room` bytes and then fails.
    struct Ending {
        room: usize,
        taken: Vec<u8>,
        error: ErrorKind,
    }

    impl Write for Ending {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = bytes.len().min(self.room - self.taken.len());
            if n == 0 && !bytes.is_empty() {
                return Err(self.error.into());
            }
            self.taken.extend_from_slice(&bytes[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write_ten(error: ErrorKind) -> (io::Result<()>, Vec<u8>) {
        let mut out = Closable::new(Ending {
            room: 4,
            taken: Vec::new(),
            error,
        });
        let result = (0..10).try_for_each(|_| out.write_all(b"x"));
        (result, out.inner.taken)
    }

    #[test]
    fn a_reader_that_left_is_no_error() {
        let (result, taken) = write_ten(ErrorKind::BrokenPipe);
        assert!(result.is_ok());
        assert_eq!(taken, b"xxxx");
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let (result, _) = write_ten(ErrorKind::StorageFull);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
