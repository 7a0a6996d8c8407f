//! Sources.

use std::sync::Arc;

use descriptor_core::DynQueue;
use queue_local::LocalQueue;
use queue_sage::SageQueue;
use router::Event;
use task::ops::{FnSource, IterSource, QueueSource};
use task::{Source, SourceStep};

use crate::rig::Rig;

#[test]
fn iter_source_emits_all_in_order_in_steps_and_ends() {
    let mut rig = Rig::<u32>::new();
    let mut source = IterSource::new(0..600_u32);
    assert_eq!(source.step(&mut rig.ctx).unwrap(), SourceStep::More);
    assert_eq!(
        rig.payloads(),
        [0],
        "the first comes alone: nobody knows how long the second takes"
    );
    rig.run(&mut source).unwrap();
    assert_eq!(rig.payloads(), (1..600).collect::<Vec<_>>());
    assert_eq!(source.step(&mut rig.ctx).unwrap(), SourceStep::Done);
}

#[test]
fn iter_source_of_nothing_is_done_at_once() {
    let mut rig = Rig::<u8>::new();
    assert_eq!(IterSource::new([]).step(&mut rig.ctx).unwrap(), SourceStep::Done);
    assert!(rig.events().is_empty());
}

/// Watermarks with the newest item before each.
fn watermarks(times: Vec<u64>, max_lateness_ms: u64) -> Vec<(Option<u64>, u64)> {
    let mut rig = Rig::<u64>::new();
    let mut source = IterSource::new(times.clone()).with_event_time(|time| *time, max_lateness_ms);
    rig.run(&mut source).expect("nothing refuses");
    let mut newest = None;
    let mut items = Vec::new();
    let mut marks = Vec::new();
    for event in rig.events() {
        match event {
            Event::Packet(packet) => {
                newest = newest.max(Some(packet.payload));
                items.push(packet.payload);
            }
            Event::Watermark(time) => marks.push((newest, time)),
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(items, times);
    marks
}

#[test]
fn timed_source_announces_its_newest_item_less_the_lateness_after_each_step() {
    let marks = watermarks((0..600).map(|n| n * 2).collect(), 10);
    let (last, steps) = marks.split_last().unwrap();
    assert!(steps.len() > 3, "{marks:?}");
    assert!(
        steps
            .iter()
            .all(|(newest, mark)| *mark == newest.unwrap().saturating_sub(10))
    );
    assert!(steps.is_sorted_by(|a, b| a.1 < b.1));
    assert_eq!(*last, (Some(1198), u64::MAX));
}

#[test]
fn timed_source_repeats_no_watermark_and_takes_none_back() {
    let mut times = vec![5_000; 256];
    times.extend((0..512).rev());
    assert_eq!(watermarks(times, 0), [(Some(5_000), 5_000), (Some(5_000), u64::MAX)]);
}

#[test]
fn timed_source_allows_more_lateness_than_time_has_passed() {
    assert_eq!(watermarks(vec![3; 300], 10), [(Some(3), 0), (Some(3), u64::MAX)]);
    assert_eq!(watermarks(Vec::new(), 10), [(None, u64::MAX)]);
}

#[test]
fn fn_source_does_what_its_function_says() {
    let mut rig = Rig::<u8>::new();
    let mut left = 3_u8;
    let mut source = FnSource::new(move |ctx: &mut task::TaskContext<u8>| {
        let Some(next) = left.checked_sub(1) else {
            return Ok(SourceStep::Done);
        };
        left = next;
        ctx.emit(next)?;
        Ok(SourceStep::More)
    });
    rig.run(&mut source).unwrap();
    assert_eq!(rig.payloads(), [2, 1, 0]);

    let mut broken = FnSource::new(|_: &mut task::TaskContext<u8>| Err("no more disk".into()));
    assert_eq!(rig.run(&mut broken).unwrap_err().to_string(), "no more disk");
}

fn queues() -> [DynQueue<u32>; 2] {
    [
        Arc::new(LocalQueue::new(Some(1_000)).expect("a capacity it has")),
        Arc::new(SageQueue::new(1_000).expect("a capacity it has")),
    ]
}

#[test]
fn queue_source_drains_waits_and_ends_when_the_queue_is_closed() {
    for queue in queues() {
        let mut rig = Rig::<u32>::new();
        let mut source = QueueSource::new(Arc::clone(&queue));
        (0..700).for_each(|n| queue.put(n).unwrap());
        for _ in 0..3 {
            assert_eq!(source.step(&mut rig.ctx).unwrap(), SourceStep::More);
        }
        assert_eq!(rig.payloads(), (0..700).collect::<Vec<_>>());

        assert_eq!(
            source.step(&mut rig.ctx).unwrap(),
            SourceStep::More,
            "an empty queue is no end"
        );

        queue.put(700).unwrap();
        assert_eq!(source.step(&mut rig.ctx).unwrap(), SourceStep::More);
        queue.put(701).unwrap();
        queue.close();
        assert_eq!(source.step(&mut rig.ctx).unwrap(), SourceStep::More);
        assert_eq!(source.step(&mut rig.ctx).unwrap(), SourceStep::Done);
        assert_eq!(rig.payloads(), [700, 701]);
    }
}

#[test]
fn clones_of_a_queue_source_share_its_items() {
    for queue in queues() {
        let mut rig = Rig::<u32>::new();
        (0..400).for_each(|n| queue.put(n).unwrap());
        queue.close();
        let mut first = QueueSource::new(queue);
        let mut second = first.clone();
        assert_eq!(first.step(&mut rig.ctx).unwrap(), SourceStep::More);
        assert_eq!(second.step(&mut rig.ctx).unwrap(), SourceStep::More);
        assert_eq!(first.step(&mut rig.ctx).unwrap(), SourceStep::Done);
        assert_eq!(second.step(&mut rig.ctx).unwrap(), SourceStep::Done);
        assert_eq!(rig.payloads(), (0..400).collect::<Vec<_>>());
    }
}
