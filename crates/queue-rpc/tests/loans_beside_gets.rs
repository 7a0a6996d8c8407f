//! Loans and gets of one client, when an answer comes too late for the get that asked for it: no loan goes back for it, and nothing
//! is lost.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use descriptor_core::{Lease, Queue, QueueCore, QueueId, Wait};
use queue_rpc::{Confirm, RpcQueue, RpcSpec};
use queue_testkit::{Direction, Endpoint, Proxy, Weather, watchdog};
use rpc_server::{Address, RunningServer, Server, Settings};

/// A queue of which the program has the first of three items on loan, has taken the second one, and the third is on its way to a
/// get that has given up.
struct Scene {
    queue: Arc<RpcQueue<Bytes>>,
    held: Lease<Bytes>,
    _proxy: Proxy,
    _server: RunningServer,
}

impl Scene {
    fn set(prefetch: u32) -> Self {
        let settings = Settings {
            bind: vec!["127.0.0.1:0".to_owned()],
            ..Settings::default()
        };
        let server = Server::start(settings).expect("a server");
        let address = server.addresses().iter().find_map(Address::socket).expect("TCP");
        let proxy = Proxy::start(&Endpoint::local(), Endpoint::Tcp(address), 1).expect("a proxy");
        let Endpoint::Tcp(front) = *proxy.endpoint() else {
            panic!("another endpoint than was asked for");
        };
        let mut spec = RpcSpec::at(front.ip().to_string(), front.port());
        spec = spec.capacity(8).confirm(Confirm::Each);
        spec.prefetch = prefetch;
        let id = QueueId::new("loans-beside-gets").expect("a name");
        let queue = RpcQueue::<Bytes>::open(&id, &spec).expect("a queue");
        for item in [b"a", b"b", b"c"] {
            queue.put(Bytes::from_static(item)).expect("room");
        }
        let held = queue.lease(LONG.into()).expect("the first item");
        assert_eq!(held.item().map(|item| &item[..]), Some(&b"a"[..]));
        let weather = Weather {
            delay: Duration::from_millis(50),
            ..Weather::default()
        };
        proxy.set(Direction::ToClient, weather);
        // Its time is over before the answer comes, so it asks once more.
        assert_eq!(
            queue.get_timeout(Duration::from_millis(5)).expect("the second item"),
            b"b"[..]
        );
        Self {
            queue: Arc::new(queue),
            held,
            _proxy: proxy,
            _server: server,
        }
    }
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn a_loan_stays_and_the_next_one_comes_after_it() {
    watchdog(Duration::from_secs(60), "loans beside gets", || {
        let Scene {
            queue,
            held,
            _proxy,
            _server,
        } = Scene::set(256);
        let waiting = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || queue.lease(LONG.into()))
        };
        held.ack().expect("a loan that nobody ended");
        let next = waiting.join().expect("no panic").expect("the third item");
        assert_eq!(next.item().map(|item| &item[..]), Some(&b"c"[..]));
        next.ack().expect("a loan that nobody ended");
        assert_eq!(queue.depth(), Some(0));
    });
}

#[test]
fn a_loan_stays_and_no_item_is_lost_when_it_came_outright() {
    watchdog(Duration::from_secs(60), "loans beside gets", || {
        let Scene {
            queue,
            held,
            _proxy,
            _server,
        } = Scene::set(0);
        assert!(queue.lease(Wait::Never).is_err(), "the third item is ours already");
        held.ack().expect("a loan that nobody ended");
        assert_eq!(queue.get().expect("the third item"), b"c"[..]);
        assert_eq!(queue.depth(), Some(0));
    });
}
