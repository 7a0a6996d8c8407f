//! One connection: bytes from the socket to the broker, and back.

use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use queue_core::ErrorKind;
use rpc_broker::ConnectionId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::habit::Habit;
use crate::hub::{Hub, State};

/// How long the last words may take to be sent.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// And how long a peer may take then to close its side.
const HEARING_OUT: Duration = Duration::from_millis(500);
/// Bytes that are thrown away while a peer is heard out.
const HEARD_OUT: u64 = 1 << 20;
/// Writes in a row before others have their turn.
const WRITES: usize = 4;

/// A connection that the broker knows. Dropped, it is over.
pub(crate) struct Connection<S> {
    hub: Arc<Hub>,
    id: ConnectionId,
    address: Option<IpAddr>,
    stream: S,
    read: Habit,
    /// What is being written: from `written` on.
    outgoing: Vec<u8>,
    written: usize,
    wrote: Habit,
    /// False while a layer between may still hold bytes back.
    flushed: bool,
}

/// What a read left.
enum Read {
    /// Nothing, or nothing that is to be read now.
    All,
    /// There may be more.
    Some,
    /// There will be no more.
    Gone,
}

/// Why nothing more goes over a connection.
enum End {
    /// The broker has said all.
    Over,
    /// The peer has gone.
    Gone,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) const fn new(hub: Arc<Hub>, id: ConnectionId, address: Option<IpAddr>, stream: S) -> Self {
        Self {
            hub,
            id,
            address,
            stream,
            read: Habit::new(),
            outgoing: Vec::new(),
            written: 0,
            wrote: Habit::new(),
            flushed: true,
        }
    }

    /// Until its end, whichever side it comes from.
    pub(crate) async fn run(mut self) {
        let end = std::future::poll_fn(|cx| self.poll(cx)).await;
        if let End::Over = end {
            let rest = self.outgoing.get(self.written..).unwrap_or_default().to_vec();
            let (last, why) = {
                let broker = &mut self.hub.lock().broker;
                let last = broker.output(self.id).map(std::mem::take);
                let who = broker.describe(self.id).unwrap_or_default();
                (
                    last.unwrap_or_default(),
                    broker.complaint(self.id).map(|(kind, why)| (who, kind, why)),
                )
            };
            self.hub.leave(self.id);
            if let Some((who, kind, why)) = why {
                self.hub.complain(&who, self.address, &why);
                if kind == ErrorKind::Unauthenticated {
                    // Its place is taken meanwhile, also when it does not wait for the answer: so those who come beside it wait too.
                    sleep(self.hub.stranger(self.address)).await;
                }
            }
            say(&mut self.stream, &[&rest, &last]).await;
        }
    }

    /// One read, then as much of the output as the socket takes.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let hub = Arc::clone(&self.hub);
        let mut state = hub.lock();
        state.wait(self.id, cx.waker());
        let read = self.poll_read(&mut state, cx);
        // What it had to say before it left may have an answer.
        let is_reading = state.broker.reads(self.id);
        if state.broker.is_over(self.id) {
            // Its last words may have to wait.
            hub.settle(&mut state);
            return Poll::Ready(End::Over);
        }
        let wrote = self.poll_write(&mut state, cx);
        hub.settle(&mut state);
        if state.broker.is_over(self.id) {
            return Poll::Ready(End::Over);
        }
        let mut again = !is_reading && state.broker.reads(self.id);
        match read {
            Read::All => {}
            Read::Some => again = true,
            Read::Gone => return Poll::Ready(End::Gone),
        }
        match wrote {
            Poll::Ready(Err(_)) => return Poll::Ready(End::Gone),
            Poll::Ready(Ok(())) if self.has_output(&mut state) => again = true,
            _ => {}
        }
        if again {
            // Behind everybody who is ready too.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Straight into the broker's buffer, as much as there is room for.
    fn poll_read(&mut self, state: &mut State, cx: &mut Context<'_>) -> Read {
        if !state.broker.reads(self.id) {
            return Read::All;
        }
        let Some(buffer) = state.broker.buffer(self.id) else {
            return Read::All;
        };
        if buffer.is_empty() && self.read.is_excess(buffer.capacity()) {
            *buffer = BytesMut::new();
        }
        if buffer.capacity() - buffer.len() < self.read.size() / 4 {
            buffer.reserve(self.read.size());
        }
        let before = buffer.len();
        // TLS gives a record at a time.
        let read = loop {
            if buffer.len() == buffer.capacity() {
                break Read::Some;
            }
            match pin!(self.stream.read_buf(buffer)).poll(cx) {
                Poll::Pending => break Read::All,
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) if buffer.len() == before => break Read::Gone,
                // What came before the end comes first; then it is told again.
                Poll::Ready(Ok(0) | Err(_)) => break Read::Some,
            }
        };
        let count = buffer.len() - before;
        if count > 0 {
            self.read.saw(count);
            state.broker.received(self.id, Instant::now());
        }
        read
    }

    fn poll_write(&mut self, state: &mut State, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..WRITES {
            if !self.has_output(state) {
                break;
            }
            let rest = self.outgoing.get(self.written..).unwrap_or_default();
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.flushed = false;
            self.written += count;
            if self.written == self.outgoing.len() {
                self.wrote.saw(self.written);
                self.written = 0;
                self.outgoing.clear();
                if self.wrote.is_excess(self.outgoing.capacity()) {
                    self.outgoing = Vec::new();
                }
                state.broker.wrote(self.id, Instant::now());
            }
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether there is something to write; takes it from the broker when all before is written.
    fn has_output(&mut self, state: &mut State) -> bool {
        if self.outgoing.is_empty()
            && let Some(output) = state.broker.output(self.id)
        {
            std::mem::swap(output, &mut self.outgoing);
        }
        !self.outgoing.is_empty()
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.hub.leave(self.id);
    }
}

/// Last words, then the end. A socket that is closed with something unread may take its last words back: so the peer is heard out.
pub(crate) async fn say(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), words: &[&[u8]]) {
    let said = timeout(LINGER, async {
        for words in words {
            stream.write_all(words).await?;
        }
        stream.shutdown().await
    });
    // Whoever does not listen has had the chance.
    if let Ok(Ok(())) = said.await {
        let mut rest = stream.take(HEARD_OUT);
        let mut nowhere = tokio::io::sink();
        let _ = timeout(HEARING_OUT, tokio::io::copy(&mut rest, &mut nowhere)).await;
    }
}
