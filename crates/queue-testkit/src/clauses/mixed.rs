//! Clause 8: threads and tasks on one queue.

use descriptor_core::QueueExt;

use crate::{Actor, Flow, Probe, Run, Verb, join, linger, spawn};

const THREAD: Actor = Actor::Thread(Verb::Wait);
const TASK: Actor = Actor::Task(Verb::Wait);

pub(crate) fn threads_put_and_tasks_get(run: &Run) {
    Flow::new(4, 20_000).put(3, THREAD).get(3, TASK).check(run);
}

pub(crate) fn tasks_put_and_threads_get(run: &Run) {
    Flow::new(4, 20_000).put(3, TASK).get(3, THREAD).check(run);
}

pub(crate) fn both_sides_are_mixed(run: &Run) {
    Flow::new(1, 10_000)
        .put(2, THREAD)
        .put(2, TASK)
        .get(2, THREAD)
        .get(2, TASK)
        .check(run);
}

pub(crate) fn a_thread_wakes_a_task(run: &Run) {
    let queue = run.queue::<u64>(1);
    let getter = Probe::pending(queue.get_async());
    assert!(queue.put(1).is_ok());
    assert_eq!(getter.finish_when_woken().ok(), Some(1));

    assert!(queue.put(2).is_ok());
    let putter = Probe::pending(queue.put_async(3));
    assert_eq!(queue.get().ok(), Some(2));
    assert!(putter.finish_when_woken().is_ok());
    assert_eq!(queue.get().ok(), Some(3));
}

pub(crate) fn a_task_wakes_a_thread(run: &Run) {
    for _ in 0..run.times(20) {
        let queue = run.queue::<u64>(1);
        let getter = spawn({
            let queue = queue.clone();
            move || queue.get()
        });
        linger();
        assert!(Probe::new(queue.put_async(1)).finish().is_ok());
        assert_eq!(join(getter).ok(), Some(1));

        assert!(queue.put(2).is_ok());
        let putter = spawn({
            let queue = queue.clone();
            move || queue.put(3)
        });
        linger();
        assert_eq!(Probe::new(queue.get_async()).finish().ok(), Some(2));
        assert!(join(putter).is_ok());
        assert_eq!(Probe::new(queue.get_async()).finish().ok(), Some(3));
    }
}

/// A task and a thread wait together; two items serve both, in whichever order they are woken.
pub(crate) fn a_task_and_a_thread_wait_in_one_line(run: &Run) {
    for _ in 0..run.times(20) {
        let queue = run.queue::<u64>(2);
        let task = Probe::pending(queue.get_async());
        let thread = spawn({
            let queue = queue.clone();
            move || queue.get()
        });
        linger();
        assert!(queue.put(1).is_ok() && queue.put(2).is_ok());
        let sum = task.finish_when_woken().unwrap_or(0) + join(thread).unwrap_or(0);
        assert_eq!(sum, 3);
    }
}
