//! A broker and clients that talk to it in bytes.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use descriptor_record::{DescriptorRecord, QueueId};
use rpc_broker::{Broker, ConnectionId, Settings};
use rpc_wire::{
    Call, Capabilities, Creation, Decoder, Depth, DepthIs, Failure, Get, Handle, Hello, ItemCodec, Items, Lease,
    Limits, List, Message, Micros, Open, Opened, Put, Record, Stats, StatsAre, Tag, Text, Welcome, preamble,
};

pub(crate) const EPOCH: u64 = 1_000;

/// One broker, and the time.
pub(crate) struct World {
    pub(crate) broker: RefCell<Broker>,
    pub(crate) now: Cell<Instant>,
}

/// A client.
pub(crate) struct Client<'a> {
    pub(crate) world: &'a World,
    pub(crate) id: ConnectionId,
    decoder: RefCell<Decoder>,
    calls: Cell<u32>,
    pub(crate) welcome: Option<Welcome>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::of_life(settings, EPOCH)
    }

    pub(crate) fn of_life(settings: Settings, epoch: u64) -> Self {
        // Another one in each life.
        let mut state = epoch - EPOCH + 1;
        let entropy = move |bytes: &mut [u8]| {
            for byte in bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
        };
        Self {
            broker: RefCell::new(Broker::new(settings, epoch, Box::new(entropy))),
            now: Cell::new(Instant::now()),
        }
    }

    /// Lets time pass, and does what is due on the way at its moment.
    pub(crate) fn pass(&self, span: Duration) {
        let end = self.now.get() + span;
        loop {
            let due = self.broker.borrow().next_due();
            let now = due.map_or(end, |due| due.clamp(self.now.get(), end));
            self.now.set(now);
            self.broker.borrow_mut().tick(now);
            if now == end {
                return;
            }
        }
    }

    pub(crate) fn join(&self) -> Client<'_> {
        let joined = self.broker.borrow_mut().join("here:1", self.now.get());
        Client {
            world: self,
            id: joined.expect("not too many"),
            decoder: RefCell::new(Decoder::new()),
            calls: Cell::new(0),
            welcome: None,
        }
    }

    /// A client that is welcome.
    pub(crate) fn client(&self) -> Client<'_> {
        self.client_with(hello())
    }

    pub(crate) fn client_with(&self, hello: Hello) -> Client<'_> {
        let mut client = self.join();
        client.begin(hello);
        let heard = client.hear();
        let Some(Message::Welcome(welcome)) = heard.first().cloned() else {
            panic!("no welcome: {heard:?}");
        };
        client.welcome = Some(welcome);
        client
    }

    /// Sums of a queue's numbers: put, got, waiting, away, buried, dropped.
    pub(crate) fn status(&self) -> rpc_broker::Status {
        self.broker.borrow().status()
    }
}

pub(crate) fn hello() -> Hello {
    Hello {
        capabilities: Capabilities(0xff),
        limits: Limits {
            frame: 1 << 20,
            ..Limits::default()
        },
        session: [0; 16],
        epoch: 0,
        nonce: [3; 32],
        agent: Text::clipped("test"),
    }
}

impl Client<'_> {
    pub(crate) fn begin(&self, hello: Hello) {
        let mut bytes = preamble().to_vec();
        Message::from(hello).encode(&mut bytes, 4096).unwrap();
        self.decoder.borrow_mut().set_limit(1 << 20);
        self.feed(&bytes);
    }

    pub(crate) fn feed(&self, bytes: &[u8]) {
        let mut broker = self.world.broker.borrow_mut();
        if let Some(buffer) = broker.buffer(self.id) {
            buffer.extend_from_slice(bytes);
        }
        broker.received(self.id, self.world.now.get());
    }

    pub(crate) fn say(&self, message: impl Into<Message>) {
        self.say_all([message.into()]);
    }

    /// All in one segment.
    pub(crate) fn say_all(&self, messages: impl IntoIterator<Item = Message>) {
        let mut bytes = Vec::new();
        for message in messages {
            message.encode(&mut bytes, 32 << 20).unwrap();
        }
        self.feed(&bytes);
    }

    /// What was said to it since.
    pub(crate) fn hear(&self) -> Vec<Message> {
        let mut heard = Vec::new();
        loop {
            let mut broker = self.world.broker.borrow_mut();
            let said = broker.output(self.id).map(std::mem::take).unwrap_or_default();
            if said.is_empty() {
                return heard;
            }
            broker.wrote(self.id, self.world.now.get());
            let mut decoder = self.decoder.borrow_mut();
            decoder.feed(&said);
            while let Some(message) = decoder.next_message().expect("the broker keeps to the protocol") {
                heard.push(message);
            }
        }
    }

    /// The only thing that was said to it.
    pub(crate) fn hear_one(&self) -> Message {
        let mut heard = self.hear();
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    pub(crate) fn ask(&self, message: impl Into<Message>) -> Message {
        self.say(message);
        self.hear_one()
    }

    pub(crate) fn call(&self) -> Call {
        self.calls.set(self.calls.get() + 1);
        Call::new(self.calls.get()).unwrap()
    }

    /// The reason why the call or the connection failed, as its kind.
    pub(crate) fn refusal(&self, message: impl Into<Message>) -> (String, String) {
        reason(&self.ask(message))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.world.broker.borrow().is_over(self.id)
    }

    /// The connection is lost.
    pub(crate) fn cut(self) {
        self.world.broker.borrow_mut().ended(self.id, self.world.now.get());
    }

    pub(crate) fn open_message(&self, uri: &str, creation: Creation, tag: &str) -> Open {
        let record: DescriptorRecord = uri.parse().unwrap();
        Open {
            call: self.call(),
            creation,
            tag: Tag {
                name: Text::clipped(tag),
                shape: tag.len() as u64,
            },
            record: Record::new(&record).unwrap(),
        }
    }

    pub(crate) fn opened(&self, uri: &str) -> Opened {
        match self.ask(self.open_message(uri, Creation::IfAbsent, "")) {
            Message::Opened(opened) => opened,
            other => panic!("not opened: {other:?}"),
        }
    }

    pub(crate) fn open(&self, uri: &str) -> Handle {
        self.opened(uri).queue
    }

    /// Puts items from a number on, with an endless wait unless it is given.
    pub(crate) fn put(&self, queue: Handle, first: u64, items: &[&str]) {
        self.say(put(queue, first, items, Micros::FOREVER));
    }

    pub(crate) fn put_now(&self, queue: Handle, first: u64, items: &[&str]) {
        self.say(put(queue, first, items, Micros::ZERO));
    }

    /// Asks for items and marks nothing.
    pub(crate) fn get(&self, queue: Handle, items: u32, wait: Micros) -> Call {
        let get = self.get_message(queue, items, wait);
        let call = get.call;
        self.say(get);
        call
    }

    pub(crate) fn get_message(&self, queue: Handle, items: u32, wait: Micros) -> Get {
        Get {
            queue,
            once: rpc_wire::Flag(false),
            outright: rpc_wire::Flag(false),
            call: self.call(),
            items,
            bytes: 1 << 20,
            wait,
        }
    }

    pub(crate) fn lease_message(&self, queue: Handle, items: u32, wait: Micros) -> Lease {
        Lease {
            queue,
            once: rpc_wire::Flag(false),
            call: self.call(),
            items,
            bytes: 1 << 20,
            wait,
            lease: Micros::ZERO,
        }
    }

    /// Takes up to so many items for good, without a wait.
    pub(crate) fn take(&self, queue: Handle, items: u32) -> Vec<String> {
        let get = Get {
            once: rpc_wire::Flag(true),
            outright: rpc_wire::Flag(true),
            ..self.get_message(queue, items, Micros::ZERO)
        };
        self.say(get);
        texts(&self.hear())
    }

    pub(crate) fn depth(&self, queue: Handle) -> (u64, u64) {
        let call = self.call();
        match self.ask(Depth { queue, call }) {
            Message::DepthIs(DepthIs { waiting, away, .. }) => (waiting, away),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn stats(&self, name: &str) -> StatsAre {
        let (call, id) = (self.call(), QueueId::new(name).unwrap());
        match self.ask(Stats { call, id }) {
            Message::StatsAre(stats) => stats,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        let list = List {
            call: self.call(),
            prefix: Text::clipped(prefix),
            after: None,
            most: 512,
        };
        match self.ask(list) {
            Message::Listed(listed) => listed
                .queues
                .as_slice()
                .iter()
                .map(|queue| queue.id.as_str().to_owned())
                .collect(),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn put(queue: Handle, first: u64, items: &[&str], wait: Micros) -> Put {
    Put {
        queue,
        codec: ItemCodec::default(),
        first,
        wait,
        items: Items::new(items.iter().map(|item| item.as_bytes())).unwrap(),
    }
}

/// The items of all deliveries, loans and peeks, in order.
pub(crate) fn texts(messages: &[Message]) -> Vec<String> {
    let text = |item: &[u8]| String::from_utf8(item.to_vec()).unwrap();
    let mut texts = Vec::new();
    for message in messages {
        match message {
            Message::Delivered(delivered) => texts.extend(delivered.items.iter().map(text)),
            Message::Peeked(peeked) => texts.extend(peeked.items.iter().map(text)),
            Message::Lent(lent) => texts.extend(lent.items.iter().map(|(_, item)| text(item))),
            _ => {}
        }
    }
    texts
}

/// The kind and the words of a failure.
pub(crate) fn reason(message: &Message) -> (String, String) {
    let failure: &Failure = match message {
        Message::Failed(failed) => &failed.failure,
        Message::Refused(refused) => &refused.failure,
        Message::Goodbye(goodbye) => goodbye.failure.as_ref().expect("a reason"),
        other => panic!("no failure: {other:?}"),
    };
    (failure.kind.as_str().to_owned(), failure.message.as_str().to_owned())
}

/// The kinds of all failures.
pub(crate) fn kinds(messages: &[Message]) -> Vec<String> {
    let failed = |message: &&Message| {
        let goodbye = matches!(message, Message::Goodbye(goodbye) if goodbye.failure.is_some());
        goodbye || matches!(message, Message::Failed(_) | Message::Refused(_))
    };
    messages
        .iter()
        .filter(failed)
        .map(|message| reason(message).0)
        .collect()
}

/// How far puts are confirmed.
pub(crate) fn confirmed(messages: &[Message]) -> u64 {
    let of = |message: &Message| match message {
        Message::Confirmed(confirmed) => confirmed.up_to,
        _ => 0,
    };
    messages.iter().map(of).max().unwrap_or(0)
}

/// One number of a queue, of those in `rpc_wire::stat`.
pub(crate) fn number(stats: &StatsAre, name: u16) -> u64 {
    let mut values = stats.values.as_slice().iter();
    values.find(|(found, _)| *found == name).unwrap().1
}
