//! Clause 2: nothing is lost, nothing comes twice.

use crate::{Actor, Flow, Run, Verb};

const THREAD: Actor = Actor::Thread(Verb::Wait);
const TASK: Actor = Actor::Task(Verb::Wait);

pub(crate) fn four_threads_to_four(run: &Run) {
    Flow::new(64, 100_000).put(4, THREAD).get(4, THREAD).check(run);
}

pub(crate) fn four_threads_to_four_through_one_place(run: &Run) {
    Flow::new(1, 10_000).put(4, THREAD).get(4, THREAD).check(run);
}

pub(crate) fn one_thread_to_four(run: &Run) {
    Flow::new(2, 20_000).put(1, THREAD).get(4, THREAD).check(run);
}

pub(crate) fn four_threads_to_one(run: &Run) {
    Flow::new(3, 20_000).put(4, THREAD).get(1, THREAD).check(run);
}

pub(crate) fn sixteen_threads_on_a_small_queue(run: &Run) {
    Flow::new(2, 16_000).put(8, THREAD).get(8, THREAD).check(run);
}

pub(crate) fn four_tasks_to_four(run: &Run) {
    Flow::new(64, 50_000).put(4, TASK).get(4, TASK).check(run);
}

pub(crate) fn four_tasks_to_four_through_one_place(run: &Run) {
    Flow::new(1, 10_000).put(4, TASK).get(4, TASK).check(run);
}

pub(crate) fn polling_threads(run: &Run) {
    let actor = Actor::Thread(Verb::Try);
    Flow::new(3, 20_000).put(2, actor).get(2, actor).check(run);
}

pub(crate) fn impatient_threads(run: &Run) {
    let actor = Actor::Thread(Verb::GiveUp);
    Flow::new(1, 10_000).put(3, actor).get(3, actor).check(run);
}

pub(crate) fn every_way_at_once(run: &Run) {
    let (thread, task) = (Actor::Thread(Verb::Any), Actor::Task(Verb::Any));
    for capacity in [1, 3, 64] {
        Flow::new(capacity, 10_000)
            .put(2, thread)
            .put(2, task)
            .get(2, thread)
            .get(2, task)
            .check(run);
    }
}

pub(crate) fn without_a_capacity(run: &Run) {
    Flow::new(1, 50_000)
        .put(4, THREAD)
        .get(4, THREAD)
        .unbounded()
        .check(run);
    Flow::new(1, 20_000)
        .put(2, Actor::Task(Verb::Any))
        .get(2, Actor::Task(Verb::Any))
        .unbounded()
        .check(run);
}
