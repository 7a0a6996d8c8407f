//! The side of a socket that is written to: by the task of its connection, and by callers while that sleeps.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;
use tokio::net::{tcp, unix};

/// Pieces of one write.
const PIECES: usize = 32;

/// Of a socket whose bytes are what was said. TLS has a state of its own, which only its task touches.
#[derive(Debug)]
pub(super) enum Shore {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

impl Shore {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => half.try_write_vectored(slices),
            Self::Unix(half) => half.try_write_vectored(slices),
        }
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(half) => half.as_ref().poll_write_ready(cx),
            Self::Unix(half) => half.as_ref().poll_write_ready(cx),
        }
    }

    /// Writes as much as the socket takes now. Whatever keeps it from taking the rest shows again when the task tries.
    pub(super) fn write_now(&self, pieces: &mut VecDeque<Bytes>) {
        while !pieces.is_empty() {
            match with_slices(pieces, |slices| self.try_write(slices)) {
                Ok(written @ 1..) => advance(pieces, written),
                Ok(0) | Err(_) => return,
            }
        }
    }
}

/// A [`Shore`] as its task sees it.
#[derive(Debug)]
pub(super) struct Berth(pub(super) Arc<Shore>);

impl AsyncWrite for Berth {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_ready(cx))?;
            match self.0.try_write(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Nothing: dropping the last one says that nothing more will come.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The first pieces, for one write.
pub(super) fn with_slices<R>(pieces: &VecDeque<Bytes>, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
    let mut slices = [IoSlice::new(&[]); PIECES];
    let mut count = 0;
    for (slice, piece) in slices.iter_mut().zip(pieces) {
        *slice = IoSlice::new(piece);
        count += 1;
    }
    write(slices.get(..count).unwrap_or_default())
}

/// So many bytes of them are written.
pub(super) fn advance(pieces: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(front) = pieces.front_mut() {
        if written < front.len() {
            front.advance(written);
            return;
        }
        written -= front.len();
        pieces.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// What a socket does not take stays, in order and whole.
    #[test]
    fn what_does_not_fit_is_left_for_later() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.expect("a runtime");
        let (near, far) = std::os::unix::net::UnixStream::pair().expect("two ends");
        near.set_nonblocking(true).expect("an end that does not wait");
        let stream = runtime.block_on(async { tokio::net::UnixStream::from_std(near).expect("an end") });
        let said: Vec<u8> = (0..4_u32 << 20).map(|number| number as u8).collect();
        let mut pieces: VecDeque<Bytes> = said.chunks(100_003).map(Bytes::copy_from_slice).collect();
        runtime.block_on(stream.writable()).expect("room for something");
        let (_reader, half) = stream.into_split();
        let shore = Arc::new(Shore::Unix(half));
        shore.write_now(&mut pieces);
        let left: usize = pieces.iter().map(Bytes::len).sum();
        assert!(0 < left && left < said.len(), "{left} bytes are left");
        let heard = std::thread::spawn(move || {
            let mut heard = Vec::new();
            (&far).read_to_end(&mut heard).map(|_| heard)
        });
        runtime.block_on(async move {
            let mut berth = Berth(shore);
            while !pieces.is_empty() {
                let written = std::future::poll_fn(|cx| {
                    with_slices(&pieces, |slices| Pin::new(&mut berth).poll_write_vectored(cx, slices))
                });
                let written = written.await.expect("a peer that reads");
                advance(&mut pieces, written);
            }
        });
        let heard = heard.join().expect("a reader").expect("all that was said");
        assert!(heard == said, "{} bytes instead of {}", heard.len(), said.len());
    }
}
