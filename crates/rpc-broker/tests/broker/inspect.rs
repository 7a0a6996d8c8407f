//! Questions.

use descriptor_record::{QueueId, Value};
use rpc_wire::{Existence, Exists, Flag, ItemCodec, List, Listed, Message, Micros, Peek, Stats, Text, stat};

use crate::world::{Client, World, number, put, reason, texts};

fn id(name: &str) -> QueueId {
    QueueId::new(name).unwrap()
}

fn page(client: &Client<'_>, prefix: &str, after: Option<&str>, most: u16) -> (Vec<String>, bool) {
    let list = List {
        call: client.call(),
        prefix: Text::clipped(prefix),
        after: after.map(id),
        most,
    };
    match client.ask(list) {
        Message::Listed(Listed { queues, more, .. }) => {
            let names = queues.as_slice().iter().map(|queue| queue.id.as_str().to_owned());
            (names.collect(), more.0)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn queues_exist_from_their_making_to_their_end() {
    let world = World::new();
    let client = world.client();
    let exists = |name| {
        let call = client.call();
        client.ask(Exists { call, id: id(name) }) == Existence { call, exists: true }.into()
    };
    assert!(!exists("jobs"));
    client.open("rpc://jobs");
    assert!(exists("jobs") && !exists("job"));
}

#[test]
fn queues_are_listed_in_pages_in_the_order_of_their_bytes() {
    let world = World::new();
    let client = world.client();
    for name in ["b/2", "a", "b/1", "b/10", "c", "b"] {
        client.open(&format!("rpc://{name}"));
    }
    assert_eq!(page(&client, "", None, 512).0, ["a", "b", "b/1", "b/10", "b/2", "c"]);
    assert_eq!(
        page(&client, "b/", None, 2),
        (vec!["b/1".to_owned(), "b/10".to_owned()], true)
    );
    assert_eq!(page(&client, "b/", Some("b/10"), 2), (vec!["b/2".to_owned()], false));
    assert_eq!(page(&client, "b/", None, 0), (Vec::new(), true));
    assert_eq!(page(&client, "d", None, 9), (Vec::new(), false));
}

#[test]
fn a_page_is_never_larger_than_a_message_may_be() {
    let world = World::new();
    let client = world.client();
    for number in 0..600 {
        client.open(&format!("rpc://{number:0>200}"));
    }
    let (first, more) = page(&client, "", None, u16::MAX);
    assert_eq!((first.len(), more), (512, true));
    let (second, more) = page(&client, "", first.last().map(String::as_str), u16::MAX);
    assert_eq!((second.len(), more), (88, false));
}

#[test]
fn stats_have_the_descriptor_and_the_numbers() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=3&host=elsewhere");
    client.put(queue, 1, &["one", "two", "three", "four"]);
    client.get(queue, 2, Micros::ZERO);
    client.say(rpc_wire::Consumed { queue, up_to: 1 });
    client.get(queue, 2, Micros::ZERO);
    client.say(client.lease_message(queue, 1, Micros::FOREVER));
    client.hear();
    let stats = client.stats("jobs");
    let record = stats.record.read().unwrap();
    assert_eq!((record.queue_id.as_str(), record.queue_type.as_str()), ("jobs", "rpc"));
    assert_eq!(record.metadata.get("maxsize"), Some(&Value::Int(3)));
    assert_eq!(record.metadata.get("host"), None);
    let number = |name| number(&stats, name);
    assert_eq!(number(stat::DEPTH), 0);
    assert_eq!(number(stat::CAPACITY), 3);
    assert_eq!(number(stat::BYTES), 12);
    assert_eq!((number(stat::AWAY), number(stat::LEASED)), (3, 0));
    assert_eq!(number(stat::PUT_TOTAL), 4);
    assert_eq!(number(stat::GET_TOTAL), 1);
    assert_eq!(number(stat::REDELIVERED_TOTAL), 0);
    assert_eq!(number(stat::HANDLES), 1);
    assert_eq!((number(stat::WAITING_PUTS), number(stat::WAITING_GETS)), (0, 1));
    assert_eq!(record.epoch, Some(number(stat::EPOCH)));
    let gone = client.refusal(Stats {
        call: client.call(),
        id: id("gone"),
    });
    assert_eq!(gone.0, "NotFound");
}

#[test]
fn peeking_shows_items_from_the_head_on_and_takes_none() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let peek = |skip, items, bytes| {
        client.ask(Peek {
            queue,
            call: client.call(),
            skip,
            items,
            bytes,
        })
    };
    assert_eq!(reason(&peek(0, 9, 100)).0, "Empty");
    client.put(queue, 1, &["a", "bb", "ccc"]);
    let large = "z".repeat(20_000);
    client.put(queue, 4, &[&large]);
    client.say(rpc_wire::Put {
        codec: ItemCodec(3),
        ..put(queue, 5, &["{}"], Micros::ZERO)
    });
    client.get(queue, 2, Micros::ZERO);
    client.hear();
    let call = client.call();
    client.say(rpc_wire::Release { queue, call });
    client.hear();
    let queue = client.open("rpc://jobs");
    let peek = |skip, items, bytes| {
        client.ask(Peek {
            queue,
            call: client.call(),
            skip,
            items,
            bytes,
        })
    };
    let of = |message| texts(&[message]);
    assert_eq!(of(peek(0, 9, 1 << 20)), ["a", "bb", "ccc", &large]);
    assert_eq!(of(peek(0, 9, 5)), ["a", "bb"]);
    assert_eq!(of(peek(1, 2, 1 << 20)), ["bb", "ccc"]);
    assert_eq!(of(peek(3, 9, 0)), [large.as_str()]);
    let last = peek(4, 9, 100);
    assert!(matches!(&last, Message::Peeked(peeked) if peeked.codec == ItemCodec(3)));
    assert_eq!(of(last), ["{}"]);
    assert_eq!(reason(&peek(5, 9, 100)).0, "Empty");
    assert_eq!(reason(&peek(u64::MAX, 9, 100)).0, "Empty");
    assert_eq!(reason(&peek(0, 0, 100)).0, "TooLarge");
    assert_eq!(client.depth(queue), (5, 0));
    assert_eq!(client.take(queue, 9).len(), 4);
}

#[test]
fn whoever_asks_sees_what_was_said_before() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let get = rpc_wire::Get {
        outright: Flag(true),
        ..client.get_message(queue, 1, Micros::ZERO)
    };
    let call = client.call();
    client.say_all([
        put(queue, 1, &["a", "b"], Micros::ZERO).into(),
        get.into(),
        rpc_wire::Depth { queue, call }.into(),
    ]);
    let heard = client.hear();
    let depth = heard.iter().find_map(|message| match message {
        Message::DepthIs(depth) => Some((depth.waiting, depth.away)),
        _ => None,
    });
    assert_eq!(depth, Some((1, 0)));
}
