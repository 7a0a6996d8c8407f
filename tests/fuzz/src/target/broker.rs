//! The server, with two clients that say anything: no sockets and no clock, so that a run takes microseconds.

use std::time::{Duration, Instant};

use rpc_broker::{Broker, ConnectionId, Settings};
use rpc_wire::{Message, Side, preamble};

use crate::frame::{examples, hello, parts, whole};

/// Output of a connection that nobody reads ends there, but for one frame that was begun.
const OUTPUT: usize = (1 << 20) + (2 << 20);
/// What a run may say: more only repeats it.
const STEPS: usize = 200;

/// Two clients of one broker.
struct Scene {
    broker: Broker,
    now: Instant,
    clients: [Option<ConnectionId>; 2],
}

/// The bytes are steps: a byte that says which, then a length and as many bytes for a frame.
pub(crate) fn run(mut bytes: &[u8]) {
    let mut scene = Scene::new();
    for _ in 0..STEPS {
        let Some((step, rest)) = bytes.split_first() else { break };
        bytes = rest;
        let client = usize::from(step & 1);
        match step >> 1 {
            0 => scene.pass(Duration::from_millis(1)),
            1 => scene.pass(Duration::from_secs(1)),
            2 => scene.pass(Duration::from_secs(700)),
            3 => scene.lose(client),
            4 => scene.read(client),
            _ => {
                let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
                    break;
                };
                let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
                let (said, rest) = rest.split_at(length);
                bytes = rest;
                if let Some(frame) = whole(said) {
                    scene.say(client, &frame);
                }
            }
        }
        scene.check();
    }
    scene.lose(0);
    scene.lose(1);
    scene.check();
}

impl Scene {
    fn new() -> Self {
        let settings = Settings::default();
        let entropy = Box::new(|bytes: &mut [u8]| bytes.fill(7));
        let mut scene = Self {
            broker: Broker::new(settings, 1_000, entropy),
            now: Instant::now(),
            clients: [None; 2],
        };
        (0..2).for_each(|client| scene.join(client));
        scene
    }

    fn join(&mut self, client: usize) {
        let joined = self.broker.join("here", self.now).ok();
        if let Some(place) = self.clients.get_mut(client) {
            *place = joined;
        }
        self.say(client, &preamble());
        let mut frame = Vec::new();
        let hello = Message::from(hello());
        hello.encode(&mut frame, 4_096).expect("a short frame");
        self.say(client, &frame);
    }

    fn id(&self, client: usize) -> Option<ConnectionId> {
        self.clients.get(client).copied().flatten()
    }

    fn say(&mut self, client: usize, bytes: &[u8]) {
        let Some(id) = self.id(client) else { return };
        if let Some(buffer) = self.broker.buffer(id) {
            buffer.extend_from_slice(bytes);
            self.broker.received(id, self.now);
        }
    }

    /// Takes what the broker has for a client.
    fn read(&mut self, client: usize) {
        let Some(id) = self.id(client) else { return };
        if let Some(output) = self.broker.output(id) {
            output.clear();
            self.broker.wrote(id, self.now);
        }
    }

    /// The connection is gone, and there is another one.
    fn lose(&mut self, client: usize) {
        if let Some(id) = self.id(client) {
            self.broker.ended(id, self.now);
        }
        self.join(client);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.broker.tick(self.now);
    }

    /// What holds whatever they say.
    fn check(&mut self) {
        for id in self.clients.into_iter().flatten() {
            let waiting = self.broker.output(id).map_or(0, |output| output.len());
            assert!(waiting <= OUTPUT, "{waiting} bytes wait for one who does not read");
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seed = Vec::new();
    for message in examples().iter().filter(|message| message.said_by() != Side::Server) {
        let parts = parts(message);
        for client in [10, 11] {
            seed.push(client);
            seed.extend_from_slice(&u16::try_from(parts.len()).unwrap_or(u16::MAX).to_le_bytes());
            seed.extend_from_slice(&parts);
        }
        // Read, and let time pass.
        seed.extend_from_slice(&[8, 9, 0, 2]);
    }
    vec![seed]
}
