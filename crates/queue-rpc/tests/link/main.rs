//! Connections as programs meet them: no server, a server that stops and starts again, several queues on one connection.

mod certificates;
mod lies;

use std::time::Duration;

use bytes::Bytes;
use descriptor_core::{ErrorKind, PutError, Queue, QueueCore, QueueId, Wait};
use queue_rpc::{Confirm, ConnectionState, RpcAdmin, RpcQueue, RpcSpec};
use queue_testkit::{join, spawn, until, watchdog};
use rpc_server::{RunningServer, Server, Settings};

/// After this a test is taken for hung.
const LIMIT: Duration = Duration::from_secs(60);

fn start(port: u16) -> (RunningServer, RpcSpec) {
    let settings = Settings {
        bind: vec![format!("127.0.0.1:{port}")],
        ..Settings::default()
    };
    let server = Server::start(settings).expect("a server");
    let address = server.addresses().iter().find_map(|address| address.socket());
    let port = address.expect("an address for TCP").port();
    (server, RpcSpec::at("127.0.0.1", port))
}

fn open<T: descriptor_core::Wire>(id: &QueueId, spec: &RpcSpec) -> RpcQueue<T> {
    match RpcQueue::open(id, spec) {
        Ok(queue) => queue,
        Err(error) => panic!("{error}"),
    }
}

fn id() -> QueueId {
    QueueId::generated("link")
}

#[test]
fn without_a_server_it_says_how_to_start_one() {
    watchdog(LIMIT, "no server", || {
        let (server, spec) = start(0);
        drop(server);
        let spec = RpcSpec { retry_count: 1, ..spec };
        let error = RpcQueue::<u64>::open(&id(), &spec).expect_err("there is no server");
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
        assert!(error.to_string().contains("sage serve"), "{error}");
    });
}

#[test]
fn h14_another_protocol_is_named() {
    watchdog(LIMIT, "another protocol", || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let answer = spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("a client that listens");
        });
        let error = RpcQueue::<u64>::open(&id(), &RpcSpec::at("127.0.0.1", port)).expect_err("no server of queues");
        assert_eq!(error.kind(), ErrorKind::Incompatible, "{error}");
        assert!(error.to_string().contains("an HTTP response"), "{error}");
        join(answer);
    });
}

#[test]
fn queues_of_one_server_share_a_connection() {
    watchdog(LIMIT, "one connection", || {
        let (server, spec) = start(0);
        let queues: Vec<RpcQueue<u64>> = (0..20).map(|_| open(&id(), &spec)).collect();
        for (number, queue) in (0..).zip(&queues) {
            assert!(queue.put(number).is_ok());
        }
        for (number, queue) in (0..).zip(&queues) {
            assert_eq!(queue.get().ok(), Some(number));
        }
        assert_eq!(server.status().connections, 1);
        let alone = RpcSpec {
            enable_pooling: false,
            ..spec
        };
        let other: RpcQueue<u64> = open(&id(), &alone);
        assert_eq!(server.status().connections, 2);
        drop(other);
    });
}

/// The server goes and comes back on the same port, with none of its queues: the handle goes on, and says what was lost.
#[test]
fn a_handle_outlives_its_server() {
    watchdog(LIMIT, "a server that comes back", || {
        let (server, spec) = start(0);
        let port = spec.port;
        let queue: RpcQueue<u64> = open(&id(), &spec.capacity(1));
        assert!(queue.put(1).is_ok());
        assert!(queue.flush(Wait::Forever).is_ok());
        // The queue is full: this one is sent and not stored.
        assert!(queue.put(2).is_ok());
        assert_eq!(queue.depth(), Some(1));
        let mut changes = queue.changes();
        drop(server);
        while queue.status().state == ConnectionState::Connected {
            assert!(changes.wait(Wait::Forever));
        }
        assert!(queue.put(3).is_ok(), "the window takes items without a connection");
        let (_server, _) = start(port);
        assert_eq!(queue.get().ok(), Some(3));
        let error = queue.flush(Wait::Forever).expect_err("one item was lost");
        assert_eq!(error.kind(), ErrorKind::StaleHandle, "{error}");
        assert!(error.to_string().contains("not stored=1"), "{error}");
        assert!(queue.flush(Wait::Forever).is_ok(), "a loss is told once");
        assert_eq!(queue.status().reconnects, 1);
    });
}

/// With nobody there a put that is to be confirmed ends by its deadline, as refused or as unknown, and never is there twice.
#[test]
fn a_put_without_a_server_ends() {
    watchdog(LIMIT, "a put without a server", || {
        let (server, spec) = start(0);
        let spec = RpcSpec {
            connection_timeout: Duration::from_millis(500),
            ..spec.confirm(Confirm::Each)
        };
        let queue: RpcQueue<u64> = open(&id(), &spec);
        assert!(queue.put(1).is_ok());
        let mut changes = queue.changes();
        drop(server);
        while queue.status().state == ConnectionState::Connected {
            assert!(changes.wait(Wait::Forever));
        }
        match queue.put_timeout(2, Duration::from_millis(20)) {
            Err(PutError::Failed(2, error)) => assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}"),
            other => panic!("{other:?}"),
        }
        assert!(queue.try_get().is_err());
        assert_eq!(queue.depth(), None, "nobody can know");
        while queue.status().state != ConnectionState::Down {
            assert!(changes.wait(Wait::Forever));
        }
        assert!(queue.get().is_err(), "nobody waits for ever for a server that is gone");
    });
}

#[test]
fn what_is_accepted_outlives_its_handle() {
    watchdog(LIMIT, "a handle that goes", || {
        let (_server, spec) = start(0);
        let id = id();
        for number in 0..50_u64 {
            let queue = open(&id, &spec);
            assert!(queue.put(number).is_ok());
        }
        let queue: RpcQueue<u64> = open(&id, &spec);
        for number in 0..50 {
            assert_eq!(queue.get().ok(), Some(number));
        }
    });
}

#[test]
fn large_and_small_bytes_come_as_they_were() {
    watchdog(LIMIT, "bytes", || {
        let (_server, spec) = start(0);
        let queue: RpcQueue<Bytes> = open(&id(), &spec.capacity(64));
        let sizes = [0, 1, 64, 4 << 10, 64 << 10, 200 << 10, 3 << 20];
        for size in sizes {
            assert!(queue.put(Bytes::from(vec![size as u8; size])).is_ok());
        }
        for size in sizes {
            let item = queue.get().expect("an item");
            assert!(
                item.len() == size && item.iter().all(|byte| *byte == size as u8),
                "{size} bytes"
            );
        }
        let huge = Bytes::from(vec![0; 17 << 20]);
        match queue.put(huge) {
            Err(PutError::Failed(_, error)) => assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn who_looks_after_a_server_sees_its_queues() {
    watchdog(LIMIT, "looking after a server", || {
        let (_server, spec) = start(0);
        let admin = RpcAdmin::connect(&spec).expect("a server");
        let id = QueueId::new("jobs/in").expect("a queue id");
        assert!(!admin.exists(&id).expect("an answer"));
        let queue: RpcQueue<String> = open(&id, &spec.clone().capacity(9).confirm(Confirm::Each));
        for word in ["sweep", "wash", "dry"] {
            assert!(queue.put(word.to_owned()).is_ok());
        }
        let listed = admin.list("jobs/").expect("an answer");
        assert_eq!(
            listed
                .iter()
                .map(|queue| (queue.id.as_str(), queue.depth))
                .collect::<Vec<_>>(),
            [("jobs/in", 3)]
        );
        assert!(admin.list("other").expect("an answer").is_empty());
        let stats = admin.stats(&id).expect("an answer");
        assert_eq!((stats.depth, stats.capacity, stats.put_total), (3, 9, 3));
        let seen = admin.peek(&id, 1, 5).expect("an answer");
        assert_eq!(
            (seen.items.len(), seen.codec),
            (2, descriptor_core::Codec::Postcard.id())
        );
        assert_eq!(queue.depth(), Some(3), "looking takes nothing");
        assert!(admin.peek(&id, 9, 5).expect("an answer").items.is_empty());
        admin.delete(&id).expect("a queue that was there");
        assert!(!admin.exists(&id).expect("an answer"));
        until(|| queue.try_put("late".to_owned()).is_err());
        let gone = admin.peek(&id, 0, 1).expect_err("the queue is gone");
        assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
    });
}

#[cfg(unix)]
#[test]
fn who_has_the_token_is_let_in() {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    watchdog(LIMIT, "tokens", || {
        const SECRET: &str = "5e6c9d0f1b2a3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5";
        let folder = std::env::temp_dir();
        let write = |name: &str, line: &str| {
            let path = folder.join(format!("sage-{name}-{}", std::process::id()));
            let mut options = std::fs::OpenOptions::new();
            let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
            file.and_then(|mut file| writeln!(file, "{line}"))
                .expect("a file of our own");
            path
        };
        let tokens = write("tokens", &format!("alice {SECRET} all:jobs/*"));
        let mine = write("mine", &format!("alice {SECRET}"));
        let wrong = write("wrong", &format!("alice {}", SECRET.replace('5', "4")));
        let server = Server::start(Settings {
            bind: vec!["127.0.0.1:0".to_owned()],
            token_file: Some(tokens.clone()),
            ..Settings::default()
        });
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let address = server.addresses().iter().find_map(|address| address.socket());
        let spec = RpcSpec::at("127.0.0.1", address.expect("an address for TCP").port());
        let id = QueueId::new("jobs/in").expect("a queue id");
        let named = |path: &std::path::Path| spec.clone().token(format!("file:{}", path.display()));

        let queue: RpcQueue<u64> = open(&id, &named(&mine));
        assert!(queue.put(1).is_ok());
        assert_eq!(queue.get().ok(), Some(1));
        for (spec, words) in [(spec.clone(), "token"), (named(&wrong), "check the token")] {
            let error = RpcQueue::<u64>::open(&id, &spec).expect_err("nobody without the secret is let in");
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
            assert!(!error.to_string().contains(SECRET), "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
        let other = QueueId::new("other").expect("a queue id");
        let error = RpcQueue::<u64>::open(&other, &named(&mine)).expect_err("no rights there");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        for path in [tokens, mine, wrong] {
            std::fs::remove_file(path).expect("a file of our own");
        }
    });
}
