//! A walk of random steps over lives of a server with a disk.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rpc_wire::{Ack, Creation, Goodbye, Message, Micros};

use crate::disk::{Disk, fail, settings};
use crate::durable::{DISK, again, range};
use crate::world::{World, hello, texts};

/// Random steps with writes that fail and servers that die: what was confirmed and not acknowledged is there once, and what was
/// acknowledged does not come again.
#[test]
fn whatever_happens_nothing_confirmed_is_lost_and_nothing_comes_twice() {
    for seed in 1..40_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut below = |most: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % most
        };
        let (mut disk, mut world, mut life) = (Disk::default(), World::with(settings()), 1_000);
        let mut session = hello();
        // By their names: what was put and how often it was stored at most, what was confirmed, what was acknowledged.
        let (mut made, mut stored, mut done) = (0_u64, BTreeSet::new(), BTreeSet::new());
        for _ in 0..12 {
            let client = world.client_with(session.clone());
            client.say(client.open_message(DISK, Creation::IfAbsent, ""));
            disk.sync(&world);
            let Message::Opened(opened) = client.hear_one() else {
                panic!()
            };
            let (queue, mut next) = (opened.queue, opened.next_put);
            // What was under way when the life before ended is stored when its number is.
            let mut sent: BTreeMap<u64, String> = BTreeMap::new();
            let mut asked: BTreeMap<u32, String> = BTreeMap::new();
            let mut lent: BTreeMap<u64, String> = BTreeMap::new();
            for _ in 0..below(40) {
                match below(6) {
                    0 | 1 => {
                        made += 1;
                        let name = format!("{made}");
                        client.put(queue, next, &[&name]);
                        sent.insert(next, name);
                        next += 1;
                    }
                    2 => client.say(client.lease_message(queue, 1, Micros::ZERO)),
                    3 => {
                        if let Some((number, name)) = lent.pop_first() {
                            let call = client.call();
                            asked.insert(call.get(), name);
                            client.say(Ack {
                                queue,
                                call,
                                deliveries: range(number, number),
                            });
                        }
                    }
                    4 => disk.sync(&world),
                    _ if world.broker.borrow().has_batch() => fail(&world),
                    _ => {}
                }
                for message in client.hear() {
                    match message {
                        Message::Confirmed(confirmed) => {
                            let rest = sent.split_off(&(confirmed.up_to + 1));
                            stored.extend(std::mem::replace(&mut sent, rest).into_values());
                        }
                        Message::Refused(refused) => {
                            sent.split_off(&refused.from);
                            next = refused.from;
                        }
                        Message::Lent(new) => {
                            for (number, (_, item)) in (new.first..).zip(new.items.iter()) {
                                let name = String::from_utf8(item.to_vec()).unwrap();
                                assert!(!done.contains(&name), "seed {seed}: {name} came again");
                                lent.insert(number, name);
                            }
                        }
                        Message::Settled(settled) => {
                            let name = asked.remove(&settled.call.get()).expect("a call");
                            assert_eq!(settled.stale.iter().count(), 0);
                            done.insert(name);
                        }
                        Message::Failed(failed) if failed.failure.kind.as_str() == "Empty" => {}
                        other => panic!("seed {seed}: {other:?}"),
                    }
                }
            }
            session = again(&client);
            if below(2) == 0 {
                drop(client);
                life += 1_000_000;
                world = disk.start(life, settings());
            } else {
                client.cut();
                disk.sync(&world);
            }
            // Nobody says what became of those: they may be there or not, and those on loan wait again.
            stored.retain(|name| !done.contains(name));
            let asked: BTreeSet<String> = asked.into_values().collect();
            let look = world.client();
            look.say(look.open_message(DISK, Creation::IfAbsent, ""));
            disk.sync(&world);
            world.pass(Duration::from_secs(1));
            let Message::Opened(at) = look.hear_one() else { panic!() };
            look.say(look.lease_message(at.queue, 1000, Micros::ZERO));
            let seen = texts(&look.hear());
            let once: BTreeSet<String> = seen.iter().cloned().collect();
            assert_eq!(once.len(), seen.len(), "seed {seed}: something is there twice");
            let mut in_order = seen.clone();
            in_order.sort_by_key(|name| name.parse::<u64>().unwrap());
            assert_eq!(in_order, seen, "seed {seed}");
            for name in &stored {
                assert!(
                    once.contains(name) || asked.contains(name),
                    "seed {seed}: {name} is lost"
                );
            }
            assert!(once.is_disjoint(&done), "seed {seed}: something came again");
            stored = once;
            look.say(Goodbye {
                grace: Micros::ZERO,
                failure: None,
            });
            disk.sync(&world);
            assert_eq!(disk.depth(), stored.len(), "seed {seed}");
        }
    }
}
