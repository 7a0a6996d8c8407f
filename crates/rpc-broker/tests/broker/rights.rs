//! Who may do what.

use descriptor_record::QueueId;
use rpc_broker::{Rights, Rule, Settings};
use rpc_wire::{Call, Close, Creation, Delete, Exists, Message, Micros, Peek, Stats};

use crate::world::{World, kinds, put, reason};

fn world(rights: Rights) -> World {
    let mut settings = Settings::default();
    settings.anonymous = vec![
        Rule::new("mine/*", rights).unwrap(),
        Rule::new("open", Rights::ALL).unwrap(),
    ];
    World::with(settings)
}

fn id(name: &str) -> QueueId {
    QueueId::new(name).unwrap()
}

#[test]
fn each_right_allows_what_it_names_and_nothing_else() {
    for right in [Rights::PUT, Rights::GET, Rights::INSPECT, Rights::ADMIN] {
        let world = world(right);
        let client = world.client();
        let open = client.open_message("rpc://mine/jobs", Creation::IfAbsent, "");
        let opened = client.ask(open);
        let Message::Opened(opened) = opened else {
            // Who may only look makes nothing.
            assert_eq!(
                (right, kinds(&[opened])),
                (Rights::INSPECT, vec!["PermissionDenied".to_owned()])
            );
            continue;
        };
        let queue = opened.queue;
        let allowed = |heard: &[Message]| !kinds(heard).contains(&"PermissionDenied".to_owned());
        client.say(put(queue, 1, &["a"], Micros::ZERO));
        assert_eq!(allowed(&client.hear()), right == Rights::PUT);
        client.get(queue, 1, Micros::ZERO);
        assert_eq!(allowed(&client.hear()), right == Rights::GET);
        client.say(client.lease_message(queue, 1, Micros::ZERO));
        assert_eq!(allowed(&client.hear()), right == Rights::GET);
        let call = client.call();
        client.say(Peek {
            queue,
            call,
            skip: 0,
            items: 1,
            bytes: 1,
        });
        assert_eq!(allowed(&client.hear()), right == Rights::INSPECT);
        client.say(Stats {
            call,
            id: id("mine/jobs"),
        });
        assert_eq!(allowed(&client.hear()), right == Rights::INSPECT);
        client.say(Close { queue, call });
        assert_eq!(allowed(&client.hear()), right == Rights::ADMIN);
        client.say(Delete {
            call,
            id: id("mine/jobs"),
        });
        assert_eq!(allowed(&client.hear()), right == Rights::ADMIN);
    }
}

#[test]
fn h13_nothing_is_learnt_of_queues_without_a_right() {
    let world = world(Rights::PUT);
    let client = world.client();
    client.open("rpc://mine/jobs");
    client.open("rpc://open");
    for name in ["theirs", "mine", "opens", "mine2/jobs"] {
        let open = client.open_message(&format!("rpc://{name}"), Creation::IfAbsent, "");
        assert_eq!(client.refusal(open).0, "PermissionDenied", "{name}");
        let exists = Exists {
            call: client.call(),
            id: id(name),
        };
        let (kind, why) = client.refusal(exists);
        assert_eq!(kind, "PermissionDenied");
        assert!(why.contains("found `none` for everybody"), "{why}");
    }
    assert_eq!(client.names(""), ["open"]);
    assert_eq!(world.status().queues, 2);
}

/// A question about a queue of that name, which need not be one.
fn question(name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let message = Exists {
        call: Call::new(1).unwrap(),
        id: id("a"),
    };
    Message::from(message).encode(&mut bytes, 4096).unwrap();
    // The name stands last, behind its length.
    bytes.truncate(bytes.len() - 2);
    bytes.push(u8::try_from(name.len()).unwrap());
    bytes.extend_from_slice(name);
    let length = (bytes.len() as u32).to_le_bytes();
    bytes[4..8].copy_from_slice(&length);
    bytes[11] = 0;
    bytes[11] = bytes[4..16].iter().fold(0x5a, |sum, byte| sum ^ byte);
    let sum = crc32c::crc32c(&bytes[4..]).to_le_bytes();
    bytes[..4].copy_from_slice(&sum);
    bytes
}

#[test]
fn h13_names_that_lead_elsewhere_are_no_names_and_those_of_others_are_refused() {
    let world = world(Rights::ALL);
    world.client().open("rpc://mine/jobs");
    let ask = |name: &[u8]| {
        let client = world.client();
        client.feed(&question(name));
        client.hear_one()
    };
    assert!(matches!(ask(b"mine/jobs"), Message::Existence(existence) if existence.exists));
    let long = [b'a'; 255];
    for name in [
        b"".as_slice(),
        b"..",
        b"../mine/jobs",
        b"mine/../theirs",
        b"mine//jobs",
        b"/etc/passwd",
        b"mine/*",
        b"*",
        b">",
        b"mine.>",
        b"mine/%2e%2e/theirs",
        b"mine%2ftheirs",
        b"mine/jobs\0",
        b"mine/a b",
        b"mine/\xff\xfe",
        "mine/\u{1f300}".as_bytes(),
        b"-rf",
        b".hidden",
        b"~root",
        b"mine\\theirs",
        &long,
    ] {
        assert_eq!(
            reason(&ask(name)).0,
            "InvalidDescriptor",
            "{:?}",
            String::from_utf8_lossy(name)
        );
    }
    // Names that are some, of others: whatever a system or a server of another kind makes of them.
    for name in [
        "CON",
        "NUL",
        "theirs",
        "Mine/jobs",
        "mine",
        "mine-jobs",
        "mine.jobs",
        "mineX/jobs",
    ] {
        assert_eq!(reason(&ask(name.as_bytes())).0, "PermissionDenied", "{name}");
    }
    assert_eq!(world.status().queues, 1);
}

#[test]
fn h13_dead_letters_may_only_go_where_one_may_put() {
    let world = world(Rights::ALL);
    let client = world.client();
    let open = |grave| client.open_message(&format!("rpc://mine/jobs?dead_letter={grave}"), Creation::IfAbsent, "");
    let (kind, why) = client.refusal(open("theirs"));
    assert_eq!(kind, "PermissionDenied");
    assert!(why.contains("`theirs`"), "{why}");
    assert!(matches!(client.ask(open("mine/graves")), Message::Opened(_)));
}

#[test]
fn rights_are_read_as_they_are_written() {
    for text in ["all", "none", "put", "put,get", "get,inspect,admin"] {
        assert_eq!(text.parse::<Rights>().unwrap().to_string(), text);
    }
    assert_eq!("put, get,inspect,admin".parse::<Rights>().unwrap(), Rights::ALL);
    for text in ["", "write", "put,,get", "PUT"] {
        let error = text.parse::<Rights>().unwrap_err().to_string();
        assert!(error.contains("`put`, `get`, `inspect`, `admin`"), "{error}");
    }
    for pattern in ["", "**", "a*b", "/x", "a//*", "..*", "ä*"] {
        assert!(Rule::new(pattern, Rights::ALL).is_err(), "{pattern}");
    }
    for pattern in ["*", "a", "a*", "a/*", "a.b-c_d"] {
        assert_eq!(Rule::new(pattern, Rights::PUT).unwrap().pattern(), pattern);
    }
}
