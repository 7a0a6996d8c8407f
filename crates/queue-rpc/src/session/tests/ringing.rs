//! Whether what is said is written by whoever says it, or by the task of the connection.

use std::collections::VecDeque;

use bytes::Bytes;
use descriptor_core::Wait;
use rpc_wire::Confirmed;

use super::{Scene, handle, puts};
use crate::session::Ring;

impl Scene {
    fn rings(&mut self) -> Ring {
        let (wakes, ring) = self.session.after();
        wakes.into_iter().for_each(crate::session::Wake::run);
        ring
    }

    /// The task of the connection looks for something to write until there is nothing.
    fn falls_asleep(&mut self) {
        loop {
            self.said();
            if self.rings() == Ring::Not {
                return;
            }
        }
    }
}

#[test]
fn one_alone_writes_for_itself_and_many_gather() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    scene.falls_asleep();
    scene.put(key, b"alone");
    assert_eq!(scene.rings(), Ring::Aside);
    assert_eq!(puts(&scene.said()).len(), 1);
    scene.falls_asleep();
    scene.put(key, b"behind");
    assert_eq!(scene.rings(), Ring::Bell, "one is on its way, and more may come");
    scene.put(key, b"another");
    assert_eq!(scene.rings(), Ring::Not, "it is awake already");
    scene.said();
    scene
        .hears(Confirmed {
            queue: handle(10),
            up_to: 3,
        })
        .expect("a confirmation");
    scene.falls_asleep();
    scene.submit(key, b"alone again", Wait::Forever);
    assert_eq!(scene.rings(), Ring::Aside);
}

#[test]
fn what_was_not_written_goes_out_first() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    scene.falls_asleep();
    scene.put(key, b"first");
    assert_eq!(scene.rings(), Ring::Aside);
    let mut pieces = VecDeque::new();
    scene.session.take_output(scene.now, &mut pieces);
    let whole: Vec<u8> = pieces.iter().flatten().copied().collect();
    let mut rest = VecDeque::from([Bytes::copy_from_slice(&whole[7..])]);
    assert!(!scene.session.put_back(&mut rest), "the connection has to be woken");
    assert!(rest.is_empty());
    scene.put(key, b"second");
    assert_eq!(scene.rings(), Ring::Not);
    let mut later = VecDeque::new();
    scene.session.take_output(scene.now, &mut later);
    let later: Vec<u8> = later.iter().flatten().copied().collect();
    assert!(
        later.starts_with(&whole[7..]),
        "the rest of the first frame comes first"
    );
    assert!(later.len() > whole.len() - 7, "and the second one behind it");
}
