//! From a socket that listens to connections.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use queue_core::ErrorKind;
use rpc_wire::{Failure, Goodbye, LEAST_FRAME, Message, Micros, Text, preamble};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::bind::Listener;
use crate::connection::{Connection, say};
use crate::gate::{Crowded, Gate, Pass};
use crate::hub::Hub;

/// Pauses while the system has nothing left to accept a connection with.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);
/// One line about that in this time.
const QUIET: Duration = Duration::from_secs(10);
/// Peers that are told at once that there are too many; the others are only cut off.
const TOLD: usize = 32;
/// After which time those may come again.
const COME_BACK: Micros = Micros(1_000_000);

/// Everything that a new connection needs.
pub(crate) struct Doors {
    pub(crate) hub: Arc<Hub>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) handshake: Duration,
    pub(crate) told: Arc<Semaphore>,
}

/// Who is at the other end.
struct Peer {
    name: String,
    address: Option<IpAddr>,
    since: Instant,
}

impl Doors {
    pub(crate) fn new(hub: Arc<Hub>, gate: Arc<Gate>, handshake: Duration) -> Self {
        Self {
            hub,
            gate,
            handshake,
            told: Arc::new(Semaphore::new(TOLD)),
        }
    }

    /// Lets in whoever comes, until it is aborted.
    pub(crate) async fn keep(self: Arc<Self>, listener: Listener) {
        let mut shortage = Shortage::default();
        loop {
            let accepted = match &listener {
                Listener::Tcp(listener, tls) => listener.accept().await.map(|(stream, address)| {
                    // Without it answers wait for those to the ones before; a connection that refuses works all the same.
                    let _ = stream.set_nodelay(true);
                    let peer = Peer::new(address.to_string(), Some(address.ip()));
                    match tls {
                        Some(tls) => self.enter_tls(stream, peer, tls.clone()),
                        None => self.enter(stream, peer),
                    }
                }),
                Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                    let name = match stream.peer_cred() {
                        Ok(cred) => format!("process {} of user {}", cred.pid().unwrap_or_default(), cred.uid()),
                        Err(_) => "unix".to_owned(),
                    };
                    self.enter(stream, Peer::new(name, None));
                }),
            };
            match accepted {
                Ok(()) => shortage.pause = SHORTEST,
                // The peer, or something on the way to it, was quicker.
                Err(cause) if is_of_the_peer(&cause) => {}
                Err(cause) => shortage.wait(&cause).await,
            }
        }
    }

    fn enter<S>(self: &Arc<Self>, mut stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let doors = Arc::clone(self);
        match self.gate.enter(peer.address) {
            Ok(pass) => drop(tokio::spawn(async move { doors.serve(stream, peer, pass).await })),
            Err(crowded) => self.refuse(&peer, crowded, move |words| async move {
                say(&mut stream, &[&words]).await;
            }),
        }
    }

    fn enter_tls<S>(self: &Arc<Self>, stream: S, peer: Peer, tls: TlsAcceptor)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let doors = Arc::clone(self);
        let deadline = peer.since + self.handshake;
        let shaken = timeout_at(deadline.into(), tls.accept(stream));
        match self.gate.enter(peer.address) {
            Ok(pass) => drop(tokio::spawn(async move {
                match shaken.await {
                    Ok(Ok(stream)) => doors.serve(stream, peer, pass).await,
                    Ok(Err(cause)) => {
                        let what = format!("no TLS: {cause}; connect with TLS 1.3 and a certificate that is known");
                        doors.hub.complain(&peer.name, peer.address, &what);
                    }
                    Err(_) => {
                        let what = "no TLS within the deadline of the handshake; connect with TLS 1.3";
                        doors.hub.complain(&peer.name, peer.address, what);
                    }
                }
            })),
            Err(crowded) => self.refuse(&peer, crowded, move |words| async move {
                if let Ok(Ok(mut stream)) = shaken.await {
                    say(&mut stream, &[&words]).await;
                }
            }),
        }
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, peer: Peer, pass: Pass) {
        // In a statement of its own, so that the lock is not held while the words are said.
        let joined = {
            let mut state = self.hub.lock();
            let joined = state.broker.join(&peer.name, peer.since);
            self.hub.settle(&mut state);
            joined
        };
        match joined {
            Ok(id) => {
                tracing::debug!(peer = %peer.name, "connected");
                let connection = Connection::new(Arc::clone(&self.hub), id, peer.address, stream);
                connection.run().await;
                tracing::debug!(peer = %peer.name, "ended");
            }
            Err(words) => say(&mut stream, &[&words]).await,
        }
        drop(pass);
    }

    /// Says why, to as many as can be told without becoming a load.
    fn refuse<F>(&self, peer: &Peer, crowded: Crowded, tell: impl FnOnce(Bytes) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let why = match crowded {
            Crowded::All(most) => format!("all {most} connections are in use"),
            Crowded::Address(most) => format!("all {most} connections of one address are in use"),
        };
        self.hub.complain(&peer.name, peer.address, &why);
        if let Ok(permit) = Arc::clone(&self.told).try_acquire_owned() {
            let tell = tell(goodbye(why));
            tokio::spawn(async move {
                tell.await;
                drop(permit);
            });
        }
    }
}

impl Peer {
    fn new(name: String, address: Option<IpAddr>) -> Self {
        Self {
            name,
            address,
            since: Instant::now(),
        }
    }
}

fn goodbye(why: String) -> Bytes {
    let mut words = preamble().to_vec();
    let goodbye = Goodbye {
        grace: Micros::ZERO,
        failure: Some(Failure {
            retry_after: COME_BACK,
            message: Text::clipped(why),
            ..Failure::plain(ErrorKind::Overloaded)
        }),
    };
    // It is far smaller than any limit.
    let _ = Message::from(goodbye).encode(&mut words, LEAST_FRAME);
    words.into()
}

fn is_of_the_peer(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::TimedOut
    )
}

/// The system has no descriptors or no memory left: those who wait are accepted when others have gone.
#[derive(Debug)]
struct Shortage {
    pause: Duration,
    said: Option<Instant>,
}

impl Default for Shortage {
    fn default() -> Self {
        Self {
            pause: SHORTEST,
            said: None,
        }
    }
}

impl Shortage {
    async fn wait(&mut self, cause: &io::Error) {
        if self.said.is_none_or(|said| said.elapsed() >= QUIET) {
            self.said = Some(Instant::now());
            tracing::warn!(%cause, "cannot accept connections; raise the limit of open files (ulimit -n)");
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST);
    }
}
