//! Random walks: whatever clients do, every item that was stored is waiting, away or gone for a known reason, and comes in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use descriptor_record::QueueId;
use proptest::prelude::*;
use rpc_broker::Settings;
use rpc_wire::{
    Ack, Consumed, Flag, Get, Handle, Hello, Message, Micros, Nack, Ranges, Release, Stats, Withdraw, stat,
};

use crate::world::{Client, World, hello, put};

const URI: &str = "rpc://jobs?maxsize=12&max_bytes=200&max_deliveries=3&dead_letter=graves&lease_time=1";

/// A client, and what it believes.
struct Actor<'a> {
    client: Client<'a>,
    queue: Handle,
    /// The number of its next put, and what it put under which number.
    next: u64,
    sent: BTreeMap<u64, String>,
    confirmed: u64,
    /// Deliveries that it holds, and the loans among what came.
    held: u64,
    loans: BTreeSet<u64>,
    /// What is its own for good.
    taken: Vec<String>,
    inbox: BTreeMap<u64, String>,
}

impl<'a> Actor<'a> {
    fn new(world: &'a World) -> Self {
        let client = world.client();
        let queue = client.open(URI);
        Self {
            client,
            queue,
            next: 1,
            sent: BTreeMap::new(),
            confirmed: 0,
            held: 0,
            loans: BTreeSet::new(),
            taken: Vec::new(),
            inbox: BTreeMap::new(),
        }
    }

    fn hear(&mut self, outright: &BTreeSet<u32>) {
        for message in self.client.hear() {
            match message {
                Message::Confirmed(confirmed) => self.confirmed = self.confirmed.max(confirmed.up_to),
                Message::Refused(refused) => {
                    self.confirmed = self.confirmed.max(refused.from - 1);
                    self.next = refused.from;
                    self.sent.split_off(&refused.from);
                }
                Message::Delivered(delivered) => {
                    let of_ours = outright.contains(&delivered.call.get());
                    for (number, item) in (delivered.first..).zip(delivered.items.iter()) {
                        let text = String::from_utf8(item.to_vec()).unwrap();
                        assert_eq!(number, self.held + 1, "numbers of deliveries have no gaps");
                        self.held = number;
                        match of_ours {
                            true => self.taken.push(text),
                            false => drop(self.inbox.insert(number, text)),
                        }
                    }
                }
                Message::Lent(lent) => {
                    for (number, (deliveries, _)) in (lent.first..).zip(lent.items.iter()) {
                        assert!(deliveries >= 1);
                        assert_eq!(number, self.held + 1);
                        self.held = number;
                        self.loans.insert(number);
                    }
                }
                _ => {}
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put { items: u8, bytes: u8, wait: u8 },
    Withdraw { back: u8 },
    Get { items: u8, outright: bool, wait: u8 },
    Lease { items: u8 },
    Consume { part: u8 },
    Settle { ack: bool, part: u8, after: u8 },
    Reopen,
    Reconnect { resume: bool, late: bool },
    Pass { millis: u16 },
    Grave,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let step = prop_oneof![
        6 => (1..8_u8, 0..30_u8, 0..3_u8).prop_map(|(items, bytes, wait)| Step::Put { items, bytes, wait }),
        1 => (0..6_u8).prop_map(|back| Step::Withdraw { back }),
        4 => (1..9_u8, any::<bool>(), 0..3_u8).prop_map(|(items, outright, wait)| Step::Get { items, outright, wait }),
        3 => (1..5_u8).prop_map(|items| Step::Lease { items }),
        3 => any::<u8>().prop_map(|part| Step::Consume { part }),
        3 => (any::<bool>(), any::<u8>(), 0..2_u8).prop_map(|(ack, part, after)| Step::Settle { ack, part, after }),
        1 => Just(Step::Reopen),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(resume, late)| Step::Reconnect { resume, late }),
        2 => (0..900_u16).prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::Grave),
    ];
    (0..3_usize, step)
}

fn wait(choice: u8) -> Micros {
    match choice {
        0 => Micros::ZERO,
        1 => Micros(300_000),
        _ => Micros::FOREVER,
    }
}

/// Numbers of a queue: put, got, waiting, away, buried, dropped, bytes.
fn numbers(client: &Client<'_>, name: &str) -> Option<[u64; 7]> {
    let call = client.call();
    let stats = Stats {
        call,
        id: QueueId::new(name).unwrap(),
    };
    client.say(stats);
    let heard = client.hear();
    let Some(Message::StatsAre(stats)) = heard.into_iter().next() else {
        return None;
    };
    let of = |name: u16| {
        stats
            .values
            .as_slice()
            .iter()
            .find(|(found, _)| *found == name)
            .unwrap()
            .1
    };
    let names = [
        stat::PUT_TOTAL,
        stat::GET_TOTAL,
        stat::DEPTH,
        stat::AWAY,
        stat::DEAD_LETTERED_TOTAL,
        stat::DROPPED_TOTAL,
        stat::BYTES,
    ];
    Some(names.map(of))
}

fn check(world: &World, observer: &Client<'_>) -> u64 {
    observer.hear();
    let [put, got, waiting, away, buried, dropped, bytes] = numbers(observer, "jobs").unwrap();
    assert_eq!(put, got + waiting + away + buried + dropped, "every item is somewhere");
    assert!(waiting + away <= 12 && bytes <= 200, "{waiting} {away} {bytes}");
    let [graves, grave_bytes] = numbers(observer, "graves").map_or([0, 0], |[put, got, waiting, away, .., bytes]| {
        assert_eq!(put, got + waiting + away);
        assert_eq!(put, buried);
        [waiting + away, bytes]
    });
    let status = world.status();
    assert_eq!(
        (status.items, status.bytes),
        (waiting + away + graves, bytes + grave_bytes)
    );
    put
}

fn walk(steps: &[(usize, Step)]) {
    let world = World::with(Settings::default());
    let observer = world.client();
    let mut actors: Vec<Actor<'_>> = (0..3).map(|_| Actor::new(&world)).collect();
    let mut outright: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); 3];
    let mut made = 0_u64;
    for (index, step) in steps {
        let actor = &mut actors[*index];
        let (client, queue) = (&actor.client, actor.queue);
        match *step {
            Step::Put {
                items,
                bytes,
                wait: choice,
            } => {
                let of = |at: u8| format!("{index}:{:04}{}", made + u64::from(at), "-".repeat(bytes.into()));
                let names: Vec<String> = (0..items).map(of).collect();
                made += u64::from(items);
                let first = actor.next;
                actor.next += u64::from(items);
                let texts: Vec<&str> = names.iter().map(String::as_str).collect();
                client.say(put(queue, first, &texts, wait(choice)));
                actor.sent.extend((first..).zip(names));
            }
            Step::Withdraw { back } => client.say(Withdraw {
                queue,
                from: actor.next.saturating_sub(back.into()),
            }),
            Step::Get {
                items,
                outright: ours,
                wait: choice,
            } => {
                let get = Get {
                    outright: Flag(ours),
                    ..client.get_message(queue, items.into(), wait(choice))
                };
                if ours {
                    outright[*index].insert(get.call.get());
                }
                client.say(get);
            }
            Step::Lease { items } => client.say(client.lease_message(queue, items.into(), wait(items % 3))),
            Step::Consume { part } => {
                let up_to = actor.held * u64::from(part) / 255;
                client.say(Consumed { queue, up_to });
                let rest = actor.inbox.split_off(&(up_to + 1));
                actor
                    .taken
                    .extend(std::mem::replace(&mut actor.inbox, rest).into_values());
            }
            Step::Settle { ack, part, after } => {
                let most = actor.loans.len() * usize::from(part) / 255;
                let numbers: Vec<u64> = actor.loans.iter().copied().take(most).collect();
                actor.loans.retain(|number| !numbers.contains(number));
                let deliveries = Ranges::of(numbers).unwrap();
                let call = client.call();
                match ack {
                    true => client.say(Ack {
                        queue,
                        call,
                        deliveries,
                    }),
                    false => client.say(Nack {
                        queue,
                        call,
                        after: wait(after),
                        deliveries,
                    }),
                }
            }
            Step::Reopen => {
                actor.hear(&outright[*index]);
                actor.client.say(Release {
                    queue,
                    call: actor.client.call(),
                });
                actor.hear(&outright[*index]);
                let opened = actor.client.opened(URI);
                actor.inbox.clear();
                actor.loans.clear();
                actor.queue = opened.queue;
                assert_eq!(opened.next_put, actor.next, "all puts were confirmed or refused");
                assert_eq!(opened.next_delivery, actor.held + 1);
                outright[*index].clear();
            }
            Step::Reconnect { resume, late } => {
                let welcome = client.welcome.clone().unwrap();
                let fresh = Actor::new(&world);
                let old = std::mem::replace(actor, fresh);
                let (before, taken) = (old.confirmed, old.taken);
                actor.taken = taken;
                old.client.cut();
                outright[*index].clear();
                if late {
                    world.pass(Duration::from_millis(700));
                }
                if resume {
                    let greeting = Hello {
                        session: welcome.session,
                        epoch: welcome.epoch,
                        ..hello()
                    };
                    let unused = std::mem::replace(&mut actor.client, world.client_with(greeting));
                    unused.cut();
                    let opened = actor.client.opened(URI);
                    assert!(actor.client.welcome.as_ref().unwrap().resumed.0);
                    assert!(opened.next_put > before, "what is confirmed is stored");
                    actor.queue = opened.queue;
                    actor.confirmed = opened.next_put - 1;
                    actor.held = opened.next_delivery - 1;
                    actor.next = opened.next_put;
                }
            }
            Step::Pass { millis } => world.pass(Duration::from_millis(millis.into())),
            Step::Grave => {
                let graves = observer.open_message("rpc://graves", rpc_wire::Creation::Never, "");
                if let Message::Opened(opened) = observer.ask(graves) {
                    observer.take(opened.queue, 100);
                    let call = observer.call();
                    observer.ask(Release {
                        queue: opened.queue,
                        call,
                    });
                }
            }
        }
        actors[*index].hear(&outright[*index]);
        check(&world, &observer);
    }
    // Everybody leaves, and everything can be taken, once, in order.
    for (index, actor) in actors.iter_mut().enumerate() {
        actor.hear(&outright[index]);
    }
    let mut taken: Vec<String> = actors
        .iter_mut()
        .flat_map(|actor| std::mem::take(&mut actor.taken))
        .collect();
    actors.into_iter().for_each(|actor| actor.client.cut());
    observer.hear();
    world.pass(Duration::from_secs(1));
    observer.say(rpc_wire::Pong { number: 1 });
    observer.hear();
    let queue = observer.open("rpc://jobs");
    let rest = observer.take(queue, 100);
    check(&world, &observer);
    assert_eq!(observer.depth(queue).1, 0);
    for producer in ["0:", "1:", "2:"] {
        let of: Vec<&String> = rest.iter().filter(|text| text.starts_with(producer)).collect();
        assert!(of.is_sorted(), "what came back has its old place: {of:?}");
    }
    taken.extend(rest);
    let distinct: BTreeSet<&String> = taken.iter().collect();
    assert_eq!(distinct.len(), taken.len(), "nothing comes twice");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_item_is_somewhere_whatever_clients_do(steps in proptest::collection::vec(step(), 1..120)) {
        walk(&steps);
    }
}

#[test]
fn one_producer_and_one_consumer_through_a_small_queue_keep_the_order_of_thousands() {
    let world = World::new();
    let (producer, consumer) = (world.client(), world.client());
    let (to, from) = (producer.open("rpc://jobs?maxsize=7"), consumer.open("rpc://jobs"));
    let (mut next, mut seen, mut held) = (1, 0_u64, 0);
    for round in 0..4000_u64 {
        let names: Vec<String> = (next..next + round % 5 + 1).map(|number| number.to_string()).collect();
        let texts: Vec<&str> = names.iter().map(String::as_str).collect();
        if crate::world::confirmed(&producer.hear()) + 1 == next || seen + 1 == next {
            producer.put(to, next, &texts);
            next += names.len() as u64;
        }
        consumer.get(from, (round % 3 + 1) as u32, Micros::ZERO);
        for text in crate::world::texts(&consumer.hear()) {
            seen += 1;
            held += 1;
            assert_eq!(text, seen.to_string());
        }
        if round % 4 == 0 {
            consumer.say(Consumed {
                queue: from,
                up_to: held,
            });
        }
    }
    assert!(seen > 2000, "{seen}");
}
