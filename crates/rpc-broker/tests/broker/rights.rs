//! Who may do what.

use descriptor_record::QueueId;
use rpc_broker::{Rights, Rule, Settings};
use rpc_wire::{Close, Creation, Delete, Exists, Message, Micros, Peek, Stats};

use crate::world::{World, kinds, put};

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
fn nothing_is_learnt_of_queues_without_a_right() {
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

#[test]
fn dead_letters_may_only_go_where_one_may_put() {
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
