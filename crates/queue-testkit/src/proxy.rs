//! A [`Proxy`] between two ends of a connection, which makes the trouble that networks make.

mod acceptor;
mod direction;
mod endpoint;
mod gate;
mod pair;
mod pump;
mod tape;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};

use self::acceptor::Acceptor;
pub use self::direction::{Direction, Pieces, Place, Weather};
pub use self::endpoint::Endpoint;
use self::endpoint::Listener;
use self::gate::Gate;
pub use self::tape::Tape;

/// Passes bytes on between clients and a server, over TCP or Unix sockets, and can be told to do it badly: late, in pieces, with a
/// bit wrong, up to some byte, or not at all. What it does can be changed at any time and holds for all its connections; what is
/// left to chance comes from the seed. A connection needs two threads and two buffers of fixed size; all threads end with the
/// proxy.
///
/// ```
/// use queue_testkit::{Direction, Endpoint, Place, Proxy};
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
///
/// let server = TcpListener::bind("127.0.0.1:0")?;
/// let proxy = Proxy::start(&Endpoint::local(), Endpoint::Tcp(server.local_addr()?), 1)?;
/// proxy.flip(Direction::ToServer, Place::After(1));
/// let Endpoint::Tcp(address) = proxy.endpoint() else { unreachable!() };
/// let mut client = TcpStream::connect(address)?;
/// client.write_all(b"abc")?;
/// let (mut peer, _) = server.accept()?;
/// let mut heard = [0; 3];
/// peer.read_exact(&mut heard)?;
/// assert_eq!((heard[0], heard[2]), (b'a', b'c'));
/// assert_eq!((heard[1] ^ b'b').count_ones(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Proxy {
    gate: Arc<Gate>,
    endpoint: Endpoint,
    acceptor: Option<JoinHandle<()>>,
}

/// What a [`Proxy`] has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Connections of clients.
    pub accepted: u64,
    /// Those that still are, on either side.
    pub open: u64,
    /// Those of them in which a bit was flipped.
    pub flipped_open: u64,
    /// Bytes passed on to the server.
    pub to_server: u64,
    /// Bytes passed on to clients.
    pub to_client: u64,
    /// Connections that were cut at a byte.
    pub cuts: u64,
    /// Bits that were flipped.
    pub flips: u64,
}

impl Proxy {
    /// Listens there, and passes on to `target`, which need not be there yet: a client then finds that its connection ends.
    ///
    /// # Errors
    /// What the system says about the address or the thread.
    pub fn start(listen: &Endpoint, target: Endpoint, seed: u64) -> io::Result<Self> {
        let (listener, endpoint) = Listener::bind(listen)?;
        let gate = Arc::new(Gate::new(target, seed));
        let mut acceptor = Acceptor::new(listener, Arc::clone(&gate));
        let acceptor = thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || acceptor.run())?;
        Ok(Self {
            gate,
            endpoint,
            acceptor: Some(acceptor),
        })
    }

    /// Where it listens, with the port that it really has.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How bytes of that direction fare from now on.
    pub fn set(&self, direction: Direction, weather: Weather) {
        self.gate.change(|rules| rules.side(direction).weather = weather);
    }

    /// Stops passing on bytes of that direction, those of new connections too, and closes nothing. Who ends a connection is not
    /// heard by the other end either. Until [`resume`](Self::resume).
    pub fn stall(&self, direction: Direction) {
        self.gate.change(|rules| rules.side(direction).is_stalled = true);
    }

    /// Goes on passing bytes on, in both directions, those first that waited.
    pub fn resume(&self) {
        self.gate.change(|rules| {
            rules.side(Direction::ToServer).is_stalled = false;
            rules.side(Direction::ToClient).is_stalled = false;
        });
    }

    /// Ends the connection, once, in which that byte of that direction comes along, before it is passed on. Instead of what
    /// was told before and did not happen yet.
    pub fn cut_at(&self, direction: Direction, place: Place) {
        self.gate.change(|rules| {
            let at = place.draw(&mut rules.dice);
            rules.side(direction).cut = Some(at);
        });
    }

    /// Flips one bit, once, of that byte of that direction. Instead of what was told before and did not happen yet.
    pub fn flip(&self, direction: Direction, place: Place) {
        self.gate.change(|rules| {
            let at = place.draw(&mut rules.dice);
            let bit = rules.dice.below(8) as u8;
            rules.side(direction).flip = Some((at, bit));
        });
    }

    /// Forgets cuts and flips that did not happen yet.
    pub fn disarm(&self) {
        self.gate.change(|rules| {
            for direction in [Direction::ToServer, Direction::ToClient] {
                let side = rules.side(direction);
                (side.cut, side.flip) = (None, None);
            }
        });
    }

    /// Keeps the first `most` bytes of either direction of connections, of up to 32 of them, from now on.
    pub fn record(&self, most: usize) {
        self.gate.change(|rules| rules.recorded = most);
    }

    /// Hands out what was recorded of connections that have ended, and forgets it.
    #[must_use]
    pub fn tapes(&self) -> Vec<Tape> {
        std::mem::take(&mut self.gate.rules().tapes)
    }

    /// Ends all connections now.
    pub fn cut(&self) {
        for pair in self.gate.pairs().iter() {
            pair.cut();
        }
        self.gate.change(|_| {});
    }

    /// What it has done so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.gate.tally()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.gate.is_over.store(true, Ordering::SeqCst);
        self.cut();
        // The acceptor sleeps in the system; a connection wakes it. When there is no way to connect, it has ended.
        let woken = self.endpoint.connect();
        if let Some(acceptor) = self.acceptor.take()
            && (woken.is_ok() || acceptor.is_finished())
        {
            let _ = acceptor.join();
        }
        if let Endpoint::Unix(path) = &self.endpoint {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
