//! The session without sockets: the tests are the server.

mod greeting;
mod leaving;
mod lies;
mod putting;
mod ringing;
mod taking;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use descriptor_core::{DescriptorRecord, QueueId, Wait};
use rpc_wire::{
    Call, Capabilities, Decoder, Delivered, Flag, Handle, ItemCodec, Items, Limits, MAX_FRAME, Message, Micros, Opened,
    Record, Tag, Text, Welcome,
};

use super::{Accepted, Cause, Key, PutTicket, Session, Terms};
use crate::secret::Token;

const LIMITS: Limits = Limits {
    frame: 1 << 20,
    window_items: 100,
    window_bytes: 1 << 20,
    ..Limits::DEFAULT
};

/// A session and the server's ear.
struct Scene {
    session: Session,
    decoder: Decoder,
    now: Instant,
    connections: u8,
}

impl Scene {
    fn new(token: Option<Token>) -> Self {
        let now = Instant::now();
        Self {
            session: Session::new(token, None, now),
            decoder: Decoder::new(),
            now,
            connections: 0,
        }
    }

    /// A connection whose client has been let in.
    fn up() -> Self {
        let mut scene = Self::new(None);
        scene.connect(false, 7);
        scene
    }

    fn connect(&mut self, resumed: bool, epoch: u64) {
        self.connections += 1;
        self.session.connected([self.connections; 32], self.now);
        self.decoder = Decoder::new();
        let said = self.said();
        assert!(matches!(said.as_slice(), [Message::Hello(_)]), "{said:?}");
        self.decoder.set_limit(MAX_FRAME);
        self.hears(welcome(resumed, epoch)).expect("a welcome client");
    }

    fn lose(&mut self) {
        self.session.disconnected(&Cause::lost("a cut"));
    }

    /// What the client has said since the last time.
    fn said(&mut self) -> Vec<Message> {
        let mut pieces = VecDeque::new();
        self.session.take_output(self.now, &mut pieces);
        pieces.iter().for_each(|piece| self.decoder.feed(piece));
        std::iter::from_fn(|| self.decoder.next_message().expect("well-formed frames")).collect()
    }

    fn hears(&mut self, message: impl Into<Message>) -> Result<(), Cause> {
        self.session.receive(message.into(), self.now)
    }

    fn attach(&mut self, each: bool, prefetch: u32) -> Key {
        let (key, _) = self.session.attach(&terms(each, prefetch)).expect("the same terms");
        key
    }

    /// A queue that the server has opened.
    fn open(&mut self, each: bool, prefetch: u32) -> Key {
        let key = self.attach(each, prefetch);
        self.answer_open(1, 1, false);
        key
    }

    /// Answers the one request to open a queue.
    fn answer_open(&mut self, next_put: u64, next_delivery: u64, kept: bool) -> Handle {
        let said = self.said();
        let call = said.iter().rev().find_map(|message| match message {
            Message::Open(open) => Some(open.call),
            _ => None,
        });
        let queue = handle(u32::from(self.connections) * 10);
        self.hears(Opened {
            queue,
            created: Flag(false),
            kept: Flag(kept),
            call: call.expect("a request to open the queue"),
            epoch: 1,
            capacity: 8,
            next_put,
            next_delivery,
            lease: Micros::FOREVER,
        })
        .expect("an answer that was asked for");
        queue
    }

    fn put(&mut self, key: Key, item: &[u8]) {
        let accepted = self.session.put(key, item);
        assert!(matches!(accepted, Accepted::Yes), "{accepted:?}");
    }

    fn submit(&mut self, key: Key, item: &[u8], wait: Wait) -> Arc<PutTicket> {
        let ticket = PutTicket::new();
        let accepted = self.session.submit(key, &laid_out(&[item]), 1, wait, &ticket);
        assert!(matches!(accepted, Accepted::Yes), "{accepted:?}");
        ticket
    }

    /// Wakes whoever is to be woken.
    fn wake(&mut self) {
        let (wakes, _) = self.session.after();
        wakes.into_iter().for_each(super::Wake::run);
    }

    fn deliver(&mut self, queue: Handle, call: Call, first: u64, items: &[&[u8]], last: bool) {
        self.hears(Delivered {
            queue,
            codec: ItemCodec(0),
            last: Flag(last),
            call,
            first,
            items: Items::new(items.iter().copied()).expect("small items"),
        })
        .expect("a delivery that was asked for");
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }
}

fn handle(number: u32) -> Handle {
    Handle::new(number).expect("not 0")
}

fn terms(each: bool, prefetch: u32) -> Terms {
    let id = QueueId::new("jobs").expect("a queue id");
    let mut record = DescriptorRecord::new(id.clone(), "rpc");
    record.created_timestamp = 0.0;
    Terms {
        tag: Tag {
            name: Text::clipped("bytes"),
            shape: 1,
        },
        record: Record::new(&record).expect("a short record"),
        id,
        codec: ItemCodec(0),
        prefetch,
        each,
    }
}

fn welcome(resumed: bool, epoch: u64) -> Welcome {
    Welcome {
        resumed: Flag(resumed),
        capabilities: Capabilities::default(),
        limits: LIMITS,
        session: [9; 16],
        epoch,
        proof: [0; 32],
        agent: Text::default(),
    }
}

fn laid_out(items: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for item in items {
        bytes.extend_from_slice(&(item.len() as u32).to_le_bytes());
        bytes.extend_from_slice(item);
    }
    bytes
}

/// The puts among these, each as its number and items.
fn puts(said: &[Message]) -> Vec<(u64, Vec<Vec<u8>>)> {
    let puts = said.iter().filter_map(|message| match message {
        Message::Put(put) => Some((put.first, put.items.iter().map(<[u8]>::to_vec).collect())),
        _ => None,
    });
    puts.collect()
}
