//! A client whose connection is lost, and a bit of the first words on the next one is wrong: it tries again.

use std::time::Duration;

use bytes::Bytes;
use descriptor_core::{Queue, QueueId};
use queue_rpc::{Confirm, RpcQueue, RpcSpec};
use queue_testkit::{Direction, Endpoint, Place, Proxy, watchdog};
use rpc_server::{Address, Server, Settings};

#[test]
fn one_wrong_bit_in_the_first_words_is_not_the_end() {
    watchdog(Duration::from_secs(120), "spoiled greeting", || {
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
        let spec = RpcSpec::at(front.ip().to_string(), front.port()).confirm(Confirm::Each);
        let id = QueueId::new("spoiled-greeting").expect("a name");
        let queue = RpcQueue::<Bytes>::open(&id, &spec).expect("a queue");
        for direction in [Direction::ToClient, Direction::ToServer] {
            // Magic, version, and the first frame.
            for byte in [0, 5, 6, 7, 8, 12, 16, 17, 24, 40] {
                proxy.flip(direction, Place::After(byte));
                proxy.cut();
                let mut put = queue.put_timeout(Bytes::from_static(b"x"), Duration::from_secs(20));
                while let Err(descriptor_core::PutError::Unknown(item, token)) = put {
                    put = queue.retry(item, token, Duration::from_secs(20).into());
                }
                put.unwrap_or_else(|error| panic!("{direction:?}, byte {byte}: {error}"));
                assert_eq!(queue.get_timeout(Duration::from_secs(20)).expect("the item"), b"x"[..]);
            }
        }
        assert_eq!(proxy.tally().flips, 20);
    });
}
