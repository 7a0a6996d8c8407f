//! What the proxy does to bytes, seen from both ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use queue_testkit::{Dice, Direction, Endpoint, Pieces, Place, Proxy, Weather, until, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

struct World {
    proxy: Proxy,
    server: TcpListener,
}

impl World {
    fn new(seed: u64) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let target = Endpoint::Tcp(server.local_addr().expect("its address"));
        let proxy = Proxy::start(&Endpoint::local(), target, seed).expect("a proxy");
        Self { proxy, server }
    }

    fn client(&self) -> TcpStream {
        let Endpoint::Tcp(address) = self.proxy.endpoint() else {
            panic!("another endpoint than was asked for");
        };
        TcpStream::connect(address).expect("a connection")
    }

    /// Both ends of a connection.
    fn pair(&self) -> (TcpStream, TcpStream) {
        let client = self.client();
        (client, self.server.accept().expect("a client").0)
    }
}

fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    (0..len).map(|_| dice.roll() as u8).collect()
}

/// What arrives of `sent`, in both directions one after the other.
fn through(world: &World, sent: &[u8], direction: Direction) -> Vec<u8> {
    let (client, server) = world.pair();
    let (mut from, mut to) = match direction {
        Direction::ToServer => (client, server),
        Direction::ToClient => (server, client),
    };
    let sent = sent.to_vec();
    let writer = std::thread::spawn(move || {
        // The other end may be gone by a cut.
        let _ = from.write_all(&sent);
        let _ = from.shutdown(std::net::Shutdown::Write);
        from
    });
    let mut heard = Vec::new();
    match to.read_to_end(&mut heard) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        read => drop(read.expect("what came")),
    }
    drop(writer.join().expect("a writer"));
    heard
}

const BOTH: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

#[test]
fn bytes_arrive_as_they_were_however_they_are_split_and_late() {
    watchdog(LIMIT, "split", || {
        let world = World::new(1);
        let sent = bytes(2, 100_000);
        for direction in BOTH {
            for (pieces, len) in [
                (Pieces::Whole, 100_000),
                (Pieces::Of(1), 3000),
                (Pieces::Of(0), 10),
                (Pieces::UpTo(700), 100_000),
            ] {
                let (delay, jitter) = (Duration::from_millis(1), Duration::from_millis(1));
                world.proxy.set(direction, Weather { delay, jitter, pieces });
                let sent = &sent[..len];
                assert!(through(&world, sent, direction) == sent, "{direction:?} {pieces:?}");
            }
        }
    });
}

#[test]
fn a_delay_is_at_least_as_long_as_it_was_said() {
    watchdog(LIMIT, "delay", || {
        let world = World::new(3);
        let delay = Duration::from_millis(30);
        let weather = Weather {
            delay,
            ..Weather::default()
        };
        world.proxy.set(Direction::ToServer, weather);
        let (mut client, mut server) = world.pair();
        let start = Instant::now();
        client.write_all(b"x").expect("sent");
        server.read_exact(&mut [0]).expect("received");
        assert!(start.elapsed() >= delay);
    });
}

#[test]
fn a_cut_is_at_its_byte_and_happens_once() {
    watchdog(LIMIT, "cut", || {
        let world = World::new(4);
        let sent = bytes(5, 50_000);
        for direction in BOTH {
            for at in [0, 1, 16_383, 16_384, 40_001] {
                world.proxy.cut_at(direction, Place::After(at));
                let heard = through(&world, &sent, direction);
                assert!(heard.len() as u64 <= at, "{direction:?} {at}: {}", heard.len());
                assert!(sent.starts_with(&heard));
                let cuts = world.proxy.tally().cuts;
                assert!(through(&world, &sent, direction) == sent);
                assert_eq!(world.proxy.tally().cuts, cuts);
            }
        }
        assert_eq!(world.proxy.tally().cuts, 10);
    });
}

#[test]
fn one_bit_is_flipped_and_it_is_where_it_was_said() {
    watchdog(LIMIT, "flip", || {
        let world = World::new(6);
        let sent = bytes(7, 40_000);
        for direction in BOTH {
            for place in [Place::After(0), Place::After(39_999), Place::Within(40_000)] {
                world.proxy.flip(direction, place);
                let heard = through(&world, &sent, direction);
                assert_eq!(heard.len(), sent.len());
                let wrong: Vec<_> = (0..sent.len()).filter(|at| heard[*at] != sent[*at]).collect();
                assert_eq!(wrong.len(), 1);
                assert_eq!((heard[wrong[0]] ^ sent[wrong[0]]).count_ones(), 1);
                if let Place::After(at) = place {
                    assert_eq!(wrong[0] as u64, at);
                }
                assert!(through(&world, &sent, direction) == sent);
            }
        }
        let proxy = &world.proxy;
        until(|| proxy.tally().open == 0);
        assert_eq!((proxy.tally().flips, proxy.tally().flipped_open), (6, 0));
    });
}

#[test]
fn a_stalled_connection_passes_nothing_on_not_even_its_end() {
    watchdog(LIMIT, "stall", || {
        let world = World::new(8);
        let (mut client, mut server) = world.pair();
        client.write_all(b"a").expect("sent");
        server.read_exact(&mut [0]).expect("received");
        world.proxy.stall(Direction::ToServer);
        client.write_all(b"b").expect("sent");
        server.write_all(b"c").expect("sent");
        client.read_exact(&mut [0]).expect("the other direction goes on");
        drop(client);
        let moment = Some(Duration::from_millis(50));
        server.set_read_timeout(moment).expect("a limit");
        let error = server.read(&mut [0; 4]).expect_err("neither bytes nor an end");
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
        world.proxy.resume();
        server.set_read_timeout(None).expect("no limit");
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).expect("the rest");
        assert_eq!(rest, b"b");
    });
}

#[test]
fn unix_sockets_and_all_threads_end_with_the_proxy() {
    watchdog(LIMIT, "unix", || {
        let folder = std::env::temp_dir().join(format!("queue-testkit-proxy-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let (front, back) = (folder.join("front"), folder.join("back"));
        let server = UnixListener::bind(&back).expect("a socket");
        let proxy = Proxy::start(&Endpoint::Unix(front.clone()), Endpoint::Unix(back), 9).expect("a proxy");
        let mut clients: Vec<_> = (0..8)
            .map(|_| UnixStream::connect(&front).expect("a connection"))
            .collect();
        let mut peers: Vec<_> = clients.iter().map(|_| server.accept().expect("a client").0).collect();
        clients[0].write_all(b"hello").expect("sent");
        peers[0].read_exact(&mut [0; 5]).expect("received");
        proxy.stall(Direction::ToClient);
        // Much more than sockets hold: its pump is in the middle of a write, or waits.
        let mut peer = peers.pop().expect("eight");
        peer.set_nonblocking(true).expect("a mode");
        while peer.write(&[0; 4096]).is_ok() {}
        // Returns when all its threads have.
        drop(proxy);
        assert!(!front.exists());
        assert_eq!(clients[0].read(&mut [0; 5]).expect("the end"), 0);
        std::fs::remove_dir_all(&folder).expect("removed");
    });
}

#[test]
fn without_a_server_connections_end_and_later_ones_work() {
    watchdog(LIMIT, "late", || {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("its address");
        drop(taken);
        let proxy = Proxy::start(&Endpoint::local(), Endpoint::Tcp(address), 10).expect("a proxy");
        let Endpoint::Tcp(front) = *proxy.endpoint() else {
            panic!("another endpoint than was asked for");
        };
        let mut client = TcpStream::connect(front).expect("a connection");
        assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
        let server = TcpListener::bind(address).expect("the port");
        let mut client = TcpStream::connect(front).expect("a connection");
        let (mut peer, _) = server.accept().expect("a client");
        client.write_all(b"x").expect("sent");
        peer.read_exact(&mut [0]).expect("received");
        proxy.cut();
        assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
    });
}

#[test]
fn a_tape_has_what_was_sent_and_not_what_arrived() {
    watchdog(LIMIT, "tape", || {
        let world = World::new(31);
        world.proxy.record(100);
        world.proxy.flip(Direction::ToServer, Place::After(3));
        let sent = bytes(32, 300);
        let arrived = through(&world, &sent, Direction::ToServer);
        assert_ne!(arrived, sent);
        until(|| world.proxy.tally().open == 0);
        let tapes = world.proxy.tapes();
        assert_eq!(tapes.len(), 1, "a direction without bytes leaves none");
        assert_eq!(tapes[0].direction, Direction::ToServer);
        assert_eq!(tapes[0].bytes, sent[..100]);
        assert!(world.proxy.tapes().is_empty());
    });
}
