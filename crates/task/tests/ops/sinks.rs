//! Sinks.

use std::sync::{Arc, mpsc};
use std::thread;

use descriptor_core::{DynQueue, Error, ErrorKind};
use queue_local::LocalQueue;
use queue_sage::SageQueue;
use task::Operator;
use task::ops::{Collect, ForEach, QueueSink, TryForEach};

use crate::rig::{Rig, keyed, plain};

#[test]
fn for_each_sees_every_payload_once_and_emits_nothing() {
    let mut rig = Rig::<()>::new();
    let (tell, told) = mpsc::channel();
    let mut sink = ForEach::new(move |n: u8| tell.send(n).unwrap());
    rig.feed(&mut sink, plain(1)).unwrap();
    rig.feed(&mut sink, keyed("k", 2)).unwrap();
    drop(sink);
    assert_eq!(told.iter().collect::<Vec<_>>(), [1, 2]);
    assert!(rig.events().is_empty());
}

#[test]
fn try_for_each_hands_its_error_over_and_goes_on() {
    let mut rig = Rig::<()>::new();
    let (tell, told) = mpsc::channel();
    let mut sink = TryForEach::new(move |n: i32| {
        if n < 0 {
            return Err(format!("{n} is below 0"));
        }
        tell.send(n).map_err(|closed| closed.to_string())
    });
    rig.feed(&mut sink, plain(1)).unwrap();
    assert_eq!(rig.feed(&mut sink, plain(-1)).unwrap_err().to_string(), "-1 is below 0");
    rig.feed(&mut sink, plain(2)).unwrap();
    drop(sink);
    assert_eq!(told.iter().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn collect_keeps_the_payloads_of_all_clones() {
    let mut rig = Rig::<()>::new();
    let mut first = Collect::new();
    let mut second = first.clone();
    let collected = first.collected();
    assert!(collected.is_empty());
    rig.feed(&mut first, plain("a".to_owned())).unwrap();
    rig.feed(&mut second, keyed(1_u8, "b".to_owned())).unwrap();
    rig.feed(&mut first, plain("c".to_owned())).unwrap();
    assert_eq!(collected.len(), 3);
    assert_eq!(collected.take(), ["a", "b", "c"]);
    assert!(first.collected().is_empty());
    assert!(rig.events().is_empty());
}

#[test]
fn queue_sink_waits_for_room_and_keeps_the_order() {
    let queues: [DynQueue<u32>; 2] = [
        Arc::new(LocalQueue::new(Some(2)).unwrap()),
        Arc::new(SageQueue::new(2).unwrap()),
    ];
    for queue in queues {
        let reader = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || (0..1_000).map(|_| queue.get().unwrap()).collect::<Vec<_>>())
        };
        let mut rig = Rig::<()>::new();
        let mut sink = QueueSink::new(Arc::clone(&queue));
        for n in 0..1_000 {
            rig.feed(&mut sink, plain(n)).unwrap();
        }
        sink.close(&mut rig.ctx).unwrap();
        assert_eq!(reader.join().unwrap(), (0..1_000).collect::<Vec<_>>());
        assert!(!queue.is_closed(), "others may still put");
    }
}

#[test]
fn queue_sink_says_that_its_queue_is_closed() {
    let queue: DynQueue<u32> = Arc::new(LocalQueue::new(Some(2)).unwrap());
    queue.close();
    let mut rig = Rig::<()>::new();
    let error = rig.feed(&mut QueueSink::new(queue), plain(1)).unwrap_err();
    assert_eq!(error.downcast::<Error>().unwrap().kind(), ErrorKind::Closed);
}
