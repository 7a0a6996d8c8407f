//! What keeps a connection: makes it, makes it anew when it is lost, and moves bytes.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use descriptor_core::ErrorKind;
use ring::rand::{SecureRandom, SystemRandom};
use rpc_wire::{Decoder, Goodbye, HANDSHAKE_FRAME, Message, Micros};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Sleep, sleep, timeout};

use super::connect::{Stream, connect};
use super::shore::{Berth, Shore, advance, with_slices};
use super::{Link, pool};
use crate::ServerLife;
use crate::session::{Cause, Line, OWN_LIMITS};
use crate::status::ConnectionState;

/// A connection that nobody needs is kept so long: perhaps another queue is opened.
const LINGER: Duration = Duration::from_secs(1);
/// Room for each read.
const READ: usize = 128 << 10;
/// With less room than this more is taken.
const LEAST_READ: usize = 16 << 10;
/// Reads in a row, after which all else has its turn: a server may have something to say at any moment.
const READS: u32 = 32;

/// The pauses between attempts, each longer than the one before, none like that of another client.
fn pauses() -> backon::ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .without_max_times()
        .with_jitter()
        .build()
}

/// How a connection ended.
enum End {
    /// Nobody needs it.
    Left,
    Lost(Cause),
}

/// Keeps the connection until nobody needs it.
pub(super) async fn run(link: Arc<Link>) {
    let mut waits = pauses();
    let mut attempts = 0;
    let mut was_up = false;
    let mut down = Instant::now();
    loop {
        let made = timeout(link.timeout, connect(&link.target)).await;
        let end = match made {
            Ok(Ok(stream)) => keep(&link, stream).await,
            Ok(Err(cause)) => End::Lost(cause),
            Err(_) => End::Lost(Cause::new(
                ErrorKind::Timeout,
                &format!("a server at {}", link.target.address),
                format!("nothing within {:?}", link.timeout),
                "check the address, or raise connection_timeout",
            )),
        };
        let End::Lost(mut cause) = end else { return };
        let obituary = link.life.as_ref().and_then(ServerLife::obituary);
        let has_died = obituary.is_some();
        if let Some(obituary) = obituary {
            cause = died(obituary);
        }
        let (had_been_up, is_over) = link.with(|session| {
            let up = session.is_up();
            session.disconnected(&cause);
            (up, has_died || is_final(&cause, was_up || up))
        });
        attempts += 1;
        if had_been_up {
            (was_up, attempts, down, waits) = (true, 0, Instant::now(), pauses());
        }
        if is_over || (!was_up && (attempts > link.retries || down.elapsed() >= link.timeout)) {
            pool::retire(&link, false);
            link.with(|session| session.give_all_up(&cause));
            link.report(ConnectionState::Ended, Some(cause.words()));
            return;
        }
        if was_up && down.elapsed() >= link.timeout {
            link.with(|session| session.give_all_up(&cause));
            link.report(ConnectionState::Down, Some(cause.words()));
        } else {
            link.report(ConnectionState::Connecting, Some(cause.words()));
        }
        if pool::retire(&link, true) {
            return;
        }
        sleep(waits.next().unwrap_or(Duration::from_secs(2))).await;
    }
}

/// The server is known to be dead.
fn died(obituary: String) -> Cause {
    Cause::new(
        ErrorKind::PeerDied,
        "the process that has the queue",
        obituary,
        "open the queue again, and put again what must not be missing",
    )
}

/// Whether trying again is in vain. A peer that understood this client before is no stranger: the first words of a connection
/// have no checksum, and one wrong bit makes them those of another protocol.
fn is_final(cause: &Cause, was_up: bool) -> bool {
    match cause.kind() {
        ErrorKind::Unauthenticated | ErrorKind::PermissionDenied | ErrorKind::Unsupported | ErrorKind::StaleHandle => {
            true
        }
        ErrorKind::Incompatible => !was_up,
        _ => false,
    }
}

async fn keep(link: &Arc<Link>, stream: Stream) -> End {
    let mut nonce = [0; 32];
    if SystemRandom::new().fill(&mut nonce).is_err() {
        return End::Lost(Cause::lost("a system without random numbers"));
    }
    link.with(|session| session.connected(nonce, Instant::now()));
    match stream {
        Stream::Tcp(stream) => {
            let (reader, writer) = stream.into_split();
            keep_open(link, reader, Shore::Tcp(writer)).await
        }
        Stream::Unix(stream) => {
            let (reader, writer) = stream.into_split();
            keep_open(link, reader, Shore::Unix(writer)).await
        }
        Stream::TlsTcp(stream) => {
            let (reader, writer) = tokio::io::split(stream);
            Pump::new(link, reader, writer).run().await
        }
        Stream::TlsUnix(stream) => {
            let (reader, writer) = tokio::io::split(stream);
            Pump::new(link, reader, writer).run().await
        }
    }
}

/// A connection that callers write to as well.
async fn keep_open(link: &Arc<Link>, reader: impl AsyncRead + Unpin, shore: Shore) -> End {
    let shore = Arc::new(shore);
    link.moor(Some(Arc::clone(&shore)));
    let end = Pump::new(link, reader, Berth(shore)).run().await;
    link.moor(None);
    end
}

/// What happened to the connection.
enum Event {
    Read(io::Result<usize>),
    Wrote(io::Result<usize>),
    Rung,
    Due,
}

struct Pump<'a, R, W> {
    link: &'a Arc<Link>,
    reader: R,
    writer: W,
    decoder: Decoder,
    writing: VecDeque<Bytes>,
    // Whether what was written may still be held back by a layer below.
    unflushed: bool,
    heard: Vec<Message>,
    begun: Instant,
    idle_since: Option<Instant>,
    // Reads in a row.
    reads: u32,
}

impl<'a, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Pump<'a, R, W> {
    fn new(link: &'a Arc<Link>, reader: R, writer: W) -> Self {
        Self {
            link,
            reader,
            writer,
            decoder: Decoder::new(),
            writing: VecDeque::new(),
            unflushed: false,
            heard: Vec::new(),
            begun: Instant::now(),
            idle_since: None,
            reads: 0,
        }
    }

    async fn run(mut self) -> End {
        let mut timer = pin!(sleep(LINGER));
        loop {
            let now = Instant::now();
            if let Err(cause) = self.prepare(now, timer.as_mut()) {
                return End::Lost(cause);
            }
            let event = self.next(timer.as_mut()).await;
            let done = match event {
                Event::Read(Ok(0)) => Err(Cause::lost("a connection that the server ended")),
                Event::Read(Ok(_)) => self.hear(),
                Event::Wrote(Ok(0)) if !self.writing.is_empty() => Err(Cause::lost("a connection that takes nothing")),
                Event::Wrote(Ok(written)) => {
                    self.wrote(written);
                    Ok(())
                }
                Event::Read(Err(error)) | Event::Wrote(Err(error)) => Err(Cause::lost(error.to_string())),
                Event::Rung => Ok(()),
                Event::Due => {
                    timer.as_mut().reset((Instant::now() + LINGER).into());
                    if self.is_left() {
                        self.say_goodbye().await;
                        return End::Left;
                    }
                    self.link.with(|session| session.tick(Instant::now()))
                }
            };
            if let Err(cause) = done {
                // What the server said before it ended the connection says more.
                return End::Lost(self.link.with(|session| session.goodbye().cloned()).unwrap_or(cause));
            }
        }
    }

    /// Takes what is to be sent, and sets the clock.
    fn prepare(&mut self, now: Instant, timer: Pin<&mut Sleep>) -> Result<(), Cause> {
        let writing = &mut self.writing;
        let (mut due, line, idle) = self.link.with(|session| {
            if writing.is_empty() {
                session.take_output(now, writing);
            }
            (session.next_due(), session.line(), session.is_idle())
        });
        if line == Line::Greeting {
            let until = self.begun + self.link.timeout;
            if until <= now {
                return Err(Cause::new(
                    ErrorKind::Timeout,
                    "an answer to Hello",
                    format!("nothing within {:?}", self.link.timeout),
                    "see whether a server of queues listens there, and with TLS or without",
                ));
            }
            due = until;
        }
        self.idle_since = match (idle, self.idle_since) {
            (false, _) => None,
            (true, None) => Some(now),
            (true, since) => since,
        };
        if let Some(since) = self.idle_since {
            due = due.min(since + LINGER);
        }
        // Too early is well; it is looked at again then.
        if timer.deadline() > due.into() {
            timer.reset(due.into());
        }
        Ok(())
    }

    async fn next(&mut self, mut timer: Pin<&mut Sleep>) -> Event {
        let buffer = self.decoder.buffer_mut();
        if buffer.capacity() - buffer.len() < LEAST_READ {
            buffer.reserve(READ);
        }
        let mut read = pin!(self.reader.read_buf(buffer));
        let mut bell = pin!(self.link.bell.notified());
        let (writer, writing) = (&mut self.writer, &self.writing);
        let unflushed = self.unflushed;
        let reads_last = self.reads >= READS;
        let event = poll_fn(|context| {
            if !reads_last && let Poll::Ready(done) = read.as_mut().poll(context) {
                return Poll::Ready(Event::Read(done));
            }
            if !writing.is_empty() {
                if let Poll::Ready(done) = write(writer, writing, context) {
                    return Poll::Ready(Event::Wrote(done));
                }
            } else {
                if unflushed && let Poll::Ready(done) = Pin::new(&mut *writer).poll_flush(context) {
                    return Poll::Ready(Event::Wrote(done.map(|()| 0)));
                }
                if bell.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Event::Rung);
                }
            }
            if timer.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::Due);
            }
            if reads_last && let Poll::Ready(done) = read.as_mut().poll(context) {
                return Poll::Ready(Event::Read(done));
            }
            Poll::Pending
        })
        .await;
        self.reads = match event {
            Event::Read(_) if !reads_last => self.reads + 1,
            _ => 0,
        };
        event
    }

    fn wrote(&mut self, written: usize) {
        self.unflushed = written > 0;
        advance(&mut self.writing, written);
    }

    /// Hands what came to the session.
    fn hear(&mut self) -> Result<(), Cause> {
        let now = Instant::now();
        loop {
            let is_greeting = self.link.with(|session| session.line()) == Line::Greeting;
            let mut end = Ok(());
            loop {
                match self.decoder.next_message() {
                    Ok(Some(message)) => self.heard.push(message),
                    Ok(None) => break,
                    Err(error) => {
                        end = Err(Cause::wire(&error));
                        break;
                    }
                }
                if is_greeting {
                    break;
                }
            }
            let is_done = self.heard.is_empty() || !is_greeting;
            let heard = &mut self.heard;
            self.link
                .with(|session| heard.drain(..).try_for_each(|message| session.receive(message, now)))?;
            if is_greeting && self.link.with(|session| session.is_up()) {
                self.decoder.set_limit(OWN_LIMITS.frame);
                self.went_up();
            }
            end?;
            if is_done {
                return Ok(());
            }
        }
    }

    fn went_up(&self) {
        let epoch = self.link.with(|session| session.epoch());
        self.link.status.send_modify(|status| {
            if status.epoch != 0 {
                status.reconnects += 1;
            }
            status.state = ConnectionState::Connected;
            status.epoch = epoch;
            status.error = None;
        });
    }

    fn is_left(&self) -> bool {
        self.idle_since.is_some_and(|since| since.elapsed() >= LINGER)
            && self.writing.is_empty()
            && pool::retire(self.link, true)
    }

    /// What is lost of it is no harm.
    async fn say_goodbye(&mut self) {
        let goodbye = Message::from(Goodbye {
            grace: Micros::ZERO,
            failure: None,
        });
        let mut frame = Vec::new();
        if goodbye.encode(&mut frame, HANDSHAKE_FRAME).is_ok() {
            let said = async {
                self.writer.write_all(&frame).await?;
                self.writer.shutdown().await
            };
            let _ = timeout(LINGER, said).await;
        }
    }
}

fn write<W: AsyncWrite + Unpin>(
    writer: &mut W,
    writing: &VecDeque<Bytes>,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    with_slices(writing, |slices| Pin::new(writer).poll_write_vectored(context, slices))
}
