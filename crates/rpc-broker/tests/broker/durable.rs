//! Durable queues: what is confirmed outlives the server, and nothing comes twice because of it.

use std::time::Duration;

use rpc_wire::{
    Ack, Capabilities, Close, Consumed, Creation, Delete, Flag, Get, Goodbye, Handle, Hello, Message, Micros, Nack,
    Ranges, Release, Settled,
};

use crate::disk::{Disk, fail, settings};
use crate::world::{Client, World, confirmed, hello, kinds, reason, texts};

pub(crate) const DISK: &str = "rpc://jobs?durability=disk";

pub(crate) fn again(client: &Client<'_>) -> Hello {
    let welcome = client.welcome.as_ref().unwrap();
    Hello {
        session: welcome.session,
        epoch: welcome.epoch,
        ..hello()
    }
}

/// A durable queue that is there.
fn opened(disk: &mut Disk, client: &Client<'_>, uri: &str) -> Handle {
    client.say(client.open_message(uri, Creation::IfAbsent, ""));
    disk.sync(client.world);
    match client.hear_one() {
        Message::Opened(opened) => opened.queue,
        other => panic!("not opened: {other:?}"),
    }
}

fn stale(heard: &[Message]) -> Vec<bool> {
    let of = |message: &Message| match message {
        Message::Settled(Settled { stale, .. }) => Some(stale.iter().count() > 0),
        _ => None,
    };
    heard.iter().filter_map(of).collect()
}

pub(crate) fn range(first: u64, last: u64) -> Ranges {
    Ranges::of(first..=last).unwrap()
}

#[test]
fn a_server_that_writes_nothing_down_refuses_them_and_says_what_to_do() {
    let world = World::new();
    let client = world.client();
    let (kind, words) = client.refusal(client.open_message(DISK, Creation::IfAbsent, ""));
    assert_eq!(kind, "Unsupported");
    assert!(words.contains("--data-dir"), "{words}");
    let capabilities = client.welcome.as_ref().unwrap().capabilities;
    assert!(!capabilities.has(Capabilities::DURABLE));
    let (kind, _) = client.refusal(client.open_message("rpc://jobs?durability=paper", Creation::IfAbsent, ""));
    assert_eq!(kind, "Unsupported");
}

#[test]
fn how_long_it_lasts_is_one_of_the_things_that_openers_agree_on() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    assert!(client.welcome.as_ref().unwrap().capabilities.has(Capabilities::DURABLE));
    opened(&mut disk, &client, DISK);
    let other = world.client();
    let (kind, words) = other.refusal(other.open_message("rpc://jobs?durability=process", Creation::IfAbsent, ""));
    assert!(
        kind == "Incompatible" && words.contains("durability"),
        "{kind}: {words}"
    );
    other.opened("rpc://jobs"); // as it is
    let volatile = world.client();
    volatile.opened("rpc://others?durability=process");
    let (kind, _) = other.refusal(other.open_message("rpc://others?durability=disk", Creation::IfAbsent, ""));
    assert_eq!(kind, "Incompatible");
    assert!(
        !world.broker.borrow().has_batch(),
        "nothing is written down about the others"
    );
}

#[test]
fn nothing_is_confirmed_or_seen_before_it_is_written_down() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    client.say(client.open_message(DISK, Creation::IfAbsent, ""));
    assert_eq!(client.hear().len(), 0, "not made yet");
    disk.sync(&world);
    let Message::Opened(queue) = client.hear_one() else {
        panic!()
    };
    let queue = queue.queue;

    client.put(queue, 1, &["a", "b"]);
    client.get(queue, 9, Micros::FOREVER);
    assert_eq!(client.hear().len(), 0);
    assert_eq!(client.depth(queue), (0, 0));
    assert_eq!(world.status().items, 2, "but there is less room");
    disk.sync(&world);
    let heard = client.hear();
    assert_eq!(
        (confirmed(&heard), texts(&heard)),
        (2, vec!["a".to_owned(), "b".to_owned()])
    );

    client.say(Consumed { queue, up_to: 2 });
    let call = client.call();
    client.say(Close { queue, call });
    assert_eq!(client.hear().len(), 0);
    disk.sync(&world);
    let heard = client.hear();
    let is_closed = |message: &Message| matches!(message, Message::Closed(_));
    let is_done = |message: &Message| matches!(message, Message::Done(_));
    assert!(heard.iter().any(is_closed) && heard.iter().any(is_done), "{heard:?}");
    assert_eq!(disk.depth(), 0);

    let (call, id) = (client.call(), "jobs".parse().unwrap());
    client.say(Delete { call, id });
    assert!(!client.hear().iter().any(is_done));
    disk.sync(&world);
    assert!(client.hear().iter().any(is_done));
    assert_eq!(
        (disk.start(9_000, settings()).status().queues, world.status().items),
        (0, 0)
    );
}

#[test]
fn who_gets_what_it_put_is_not_told_that_there_is_nothing() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let (client, other) = (world.client(), world.client());
    let queue = opened(&mut disk, &client, DISK);
    let others = other.opened(DISK).queue;
    for (first, item) in [(1, "a"), (2, "b")] {
        client.put(queue, first, &[item]);
        client.get(queue, 1, Micros::ZERO);
        other.get(others, 1, Micros::ZERO);
        assert_eq!(client.hear().len(), 0, "it is on its way to the disk");
        assert_eq!(kinds(&other.hear()), ["Empty"], "which is nobody else's business");
        disk.sync(&world);
        let heard = client.hear();
        assert_eq!((confirmed(&heard), texts(&heard)), (first, vec![item.to_owned()]));
    }
    // Another one took it meanwhile, or the disk is full: then there is nothing.
    client.put(queue, 3, &["c"]);
    other.get(others, 1, Micros::FOREVER);
    client.get(queue, 1, Micros::ZERO);
    disk.sync(&world);
    assert_eq!(texts(&other.hear()), ["c"]);
    let heard = client.hear();
    assert_eq!((confirmed(&heard), kinds(&heard)), (3, vec!["Empty".to_owned()]));
    client.put(queue, 4, &["d"]);
    client.get(queue, 1, Micros::ZERO);
    fail(&world);
    let mut heard = kinds(&client.hear());
    heard.sort_unstable();
    assert_eq!(heard, ["Empty", "OutOfSpace"]);
    assert_eq!(world.status().items, 3, "what was delivered is not yet consumed");
}

#[test]
fn a_batch_that_was_taken_confirms_nothing_that_came_after_it() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    let queue = opened(&mut disk, &client, DISK);
    client.put(queue, 1, &["a"]);
    let first = world.broker.borrow_mut().take_batch().unwrap();
    client.put(queue, 2, &["b"]);
    let now = world.now.get();
    world.broker.borrow_mut().wrote_down(&first, now);
    assert_eq!((confirmed(&client.hear()), client.depth(queue)), (1, (1, 0)));
    assert!(world.broker.borrow().has_batch());
    let second = world.broker.borrow_mut().take_batch().unwrap();
    world.broker.borrow_mut().wrote_down(&second, now);
    assert_eq!((confirmed(&client.hear()), client.depth(queue)), (2, (2, 0)));
}

#[test]
fn an_acknowledgement_is_answered_when_it_is_written_down() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    let queue = opened(&mut disk, &client, DISK);
    client.put(queue, 1, &["a", "b"]);
    disk.sync(&world);
    client.hear();
    client.say(client.lease_message(queue, 2, Micros::ZERO));
    assert_eq!(texts(&client.hear()), ["a", "b"]);
    let (call, deliveries) = (client.call(), range(1, 1));
    client.say(Ack {
        queue,
        call,
        deliveries,
    });
    assert_eq!(client.hear().len(), 0);
    // A nack changes nothing on the disk.
    let (call, deliveries) = (client.call(), range(2, 2));
    client.say(Nack {
        queue,
        call,
        after: Micros::ZERO,
        deliveries,
    });
    assert_eq!(stale(&client.hear()), [false]);
    disk.sync(&world);
    assert_eq!((stale(&client.hear()), disk.depth()), (vec![false], 1));
}

#[test]
fn what_is_the_clients_at_once_leaves_when_it_cannot_come_again() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    let queue = opened(&mut disk, &client, DISK);
    client.put(queue, 1, &["a", "b"]);
    disk.sync(&world);
    client.hear();
    let get = Get {
        outright: Flag(true),
        ..client.get_message(queue, 9, Micros::ZERO)
    };
    let marked = Get {
        items: 1,
        ..client.get_message(queue, 9, Micros::FOREVER)
    };
    client.say(get);
    client.say(marked);
    assert_eq!(client.hear().len(), 0, "neither the items, nor that there are no more");
    let lost = disk.start(9_000, settings());
    assert_eq!(lost.status().items, 2);
    disk.sync(&world);
    let heard = client.hear();
    assert_eq!(
        (texts(&heard), kinds(&heard)),
        (vec!["a".to_owned(), "b".to_owned()], vec!["Empty".to_owned()])
    );
    assert!(matches!(heard[0], Message::Delivered(_)), "{heard:?}");
    assert_eq!(disk.depth(), 0);
}

#[test]
fn the_next_life_has_everything_in_order_and_knows_the_sessions() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    let queue = opened(&mut disk, &client, DISK);
    client.put(queue, 1, &["a", "b", "c", "d", "e"]);
    disk.sync(&world);
    client.get(queue, 2, Micros::ZERO);
    client.say(client.lease_message(queue, 1, Micros::ZERO));
    client.say(Consumed { queue, up_to: 1 });
    disk.sync(&world);
    client.put(queue, 6, &["f"]); // the disk does not hear of it
    assert_eq!((confirmed(&client.hear()), disk.depth()), (5, 4));
    let hello = again(&client);

    let world = disk.start(9_000, settings());
    let stranger = world.client();
    assert!(!stranger.welcome.as_ref().unwrap().resumed.0);
    let client = world.client_with(hello);
    let welcome = client.welcome.as_ref().unwrap();
    assert!(welcome.resumed.0 && welcome.epoch == 9_000);
    let opened = client.opened(DISK);
    assert_eq!(
        (opened.created.0, opened.kept.0, opened.next_put, opened.next_delivery),
        (false, false, 6, 1)
    );
    // Sent again: what was stored and what was not.
    client.put(opened.queue, 5, &["e", "f", "g"]);
    disk.sync(&world);
    assert_eq!(confirmed(&client.hear()), 7);
    client.say(Get {
        once: Flag(true),
        ..client.get_message(opened.queue, 9, Micros::ZERO)
    });
    assert_eq!(texts(&client.hear()), ["b", "c", "d", "e", "f", "g"]);
}

#[test]
fn a_session_of_before_is_forgotten_in_the_usual_time() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    let queue = opened(&mut disk, &client, DISK);
    client.put(queue, 1, &["a"]);
    disk.sync(&world);
    let hello = again(&client);
    let world = disk.start(9_000, settings());
    world.pass(Duration::from_secs(601));
    disk.sync(&world);
    let client = world.client_with(hello.clone());
    assert!(!client.welcome.as_ref().unwrap().resumed.0);
    // Nor does the disk know it any more.
    let world = disk.start(90_000, settings());
    assert_eq!(world.status().sessions, 0);
    assert_eq!(world.status().items, 1);
}

#[test]
fn closed_queues_types_and_dead_letters_are_there_again() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    client.say(client.open_message(
        "rpc://jobs?durability=disk&max_deliveries=1&dead_letter=dead",
        Creation::IfAbsent,
        "Job",
    ));
    disk.sync(&world);
    let Message::Opened(at) = client.hear_one() else {
        panic!()
    };
    let queue = at.queue;
    client.put(queue, 1, &["poison", "well"]);
    disk.sync(&world);
    client.hear();
    client.say(client.lease_message(queue, 1, Micros::ZERO));
    let (call, deliveries) = (client.call(), range(1, 1));
    client.say(Nack {
        queue,
        call,
        after: Micros::ZERO,
        deliveries,
    });
    let call = client.call();
    client.say(Close { queue, call });
    disk.sync(&world);

    let world = disk.start(9_000, settings());
    let client = world.client();
    assert_eq!(client.names(""), ["dead", "jobs"]);
    client.say(client.open_message("rpc://jobs?durability=disk", Creation::IfAbsent, "Job"));
    let heard = client.hear();
    assert!(matches!(heard[1], Message::Closed(_)), "{heard:?}");
    let (kind, _) = client.refusal(client.open_message("rpc://dead?durability=disk", Creation::IfAbsent, "Other"));
    assert_eq!(kind, "TypeMismatch");
    let dead = client.open("rpc://dead?durability=disk");
    client.say(Get {
        once: Flag(true),
        ..client.get_message(dead, 9, Micros::ZERO)
    });
    assert_eq!(texts(&client.hear()), ["poison"]);
}

#[test]
fn when_the_disk_is_full_puts_are_refused_and_nothing_else_is_lost() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let (client, other) = (world.client(), world.client());
    let queue = opened(&mut disk, &client, DISK);
    let beside = other.open("rpc://beside");
    client.put(queue, 1, &["a", "b"]);
    disk.sync(&world);
    client.hear();
    client.say(client.lease_message(queue, 1, Micros::ZERO));
    client.hear();
    let (call, deliveries) = (client.call(), range(1, 1));
    client.say(Ack {
        queue,
        call,
        deliveries,
    });
    client.put(queue, 3, &["c"]);
    client.put(queue, 4, &["d"]);
    fail(&world);
    let heard = client.hear();
    assert_eq!(kinds(&heard), ["OutOfSpace"], "the ack waits: {heard:?}");
    assert_eq!((world.status().items, disk.depth()), (1, 2));
    // Until it works again.
    client.put(queue, 3, &["c"]);
    assert_eq!(kinds(&client.hear()), ["OutOfSpace"]);
    let (kind, _) = client.refusal(client.open_message("rpc://new?durability=disk", Creation::IfAbsent, ""));
    assert_eq!(kind, "OutOfSpace");
    // The others do not notice.
    other.put(beside, 1, &["x"]);
    assert_eq!(
        (confirmed(&other.hear()), other.take(beside, 9)),
        (1, vec!["x".to_owned()])
    );
    // There is room again.
    disk.sync(&world);
    assert_eq!((stale(&client.hear()), disk.depth()), (vec![false], 1));
    client.put(queue, 3, &["C"]);
    disk.sync(&world);
    assert_eq!((confirmed(&client.hear()), disk.depth()), (3, 2));
    client.say(Get {
        once: Flag(true),
        ..client.get_message(queue, 9, Micros::ZERO)
    });
    assert_eq!(texts(&client.hear()), ["b", "C"]);
}

#[test]
fn a_refusal_comes_behind_the_confirmation_of_what_was_before_it() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    let queue = opened(&mut disk, &client, "rpc://jobs?durability=disk&maxsize=2");
    client.put_now(queue, 1, &["a", "b", "c"]);
    assert_eq!(client.hear().len(), 0);
    client.put_now(queue, 4, &["d"]); // was under way
    disk.sync(&world);
    let heard = client.hear();
    assert_eq!((confirmed(&heard), kinds(&heard)), (2, vec!["Full".to_owned()]));
    assert!(
        matches!(&heard[1], Message::Refused(refused) if refused.from == 3),
        "{heard:?}"
    );
    assert_eq!(disk.depth(), 2);
}

#[test]
fn who_comes_back_while_puts_are_on_their_way_to_the_disk_is_told_what_became_of_them() {
    for works in [true, false] {
        let (mut disk, world) = (Disk::default(), World::with(settings()));
        let client = world.client();
        let queue = opened(&mut disk, &client, DISK);
        client.put(queue, 1, &["a", "b"]);
        let hello = again(&client);
        client.cut();
        let client = world.client_with(hello);
        client.say(client.open_message(DISK, Creation::IfAbsent, ""));
        assert_eq!(client.hear().len(), 0, "nobody knows which number is next");
        match works {
            true => disk.sync(&world),
            false => fail(&world),
        }
        let Some(Message::Opened(opened)) = client.hear().into_iter().next() else {
            panic!()
        };
        assert_eq!(opened.next_put, if works { 3 } else { 1 });
    }
}

#[test]
fn who_leaves_is_told_the_end_of_everything_first() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    let queue = opened(&mut disk, &client, DISK);
    client.put(queue, 1, &["a"]);
    let grace = Micros::ZERO;
    client.say(Goodbye { grace, failure: None });
    assert!(client.hear().is_empty() && !client.is_over());
    disk.sync(&world);
    let heard = client.hear();
    assert!(
        matches!(heard[..], [Message::Confirmed(_), Message::Goodbye(_)]),
        "{heard:?}"
    );
    assert!(client.is_over());
    // Its numbers are needed no more.
    disk.sync(&world);
    assert_eq!(disk.start(9_000, settings()).status().sessions, 0);
}

#[test]
fn what_was_marked_as_consumed_is_written_down_when_the_queue_is_given_back() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    let queue = opened(&mut disk, &client, DISK);
    client.put(queue, 1, &["a", "b"]);
    disk.sync(&world);
    client.get(queue, 1, Micros::ZERO);
    client.hear();
    client.say(Consumed { queue, up_to: 1 });
    let call = client.call();
    client.say(Release { queue, call });
    assert_eq!(client.hear().len(), 0);
    disk.sync(&world);
    assert!(matches!(client.hear_one(), Message::Done(_)));
    assert_eq!(disk.depth(), 1);
}

#[test]
fn words_about_a_full_disk_name_the_queue() {
    let (mut disk, world) = (Disk::default(), World::with(settings()));
    let client = world.client();
    let queue = opened(&mut disk, &client, DISK);
    client.put(queue, 1, &["a"]);
    fail(&world);
    let (kind, words) = reason(&client.hear_one());
    assert!(kind == "OutOfSpace" && words.contains("room on the disk"), "{words}");
}
