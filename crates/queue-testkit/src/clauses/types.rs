//! Clause 11: what does not fit is refused at open, in words that name both sides.

use descriptor_core::{DynQueue, Error, ErrorKind, Wire};

use crate::{Run, Twice};

fn mismatch<B: Wire>(run: &Run, twice: Option<Twice<u64, B>>) -> (DynQueue<u64>, Result<DynQueue<B>, Error>) {
    match twice {
        Some((Ok(queue), other)) => (queue, other),
        Some((Err(error), _)) => panic!("{error}"),
        None => panic!("{} has no identities", run.kind().name()),
    }
}

pub(crate) fn another_item_type_is_refused(run: &Run) {
    let (queue, other) = mismatch(run, run.kind().twice_as_another(Some(4), Some(4)));
    let Err(error) = other else {
        panic!("a queue of u64 was opened for String");
    };
    assert_eq!(error.kind(), ErrorKind::TypeMismatch, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("u64") && text.contains("String"),
        "not both types are named: {text}"
    );
    assert!(
        queue.put(1).is_ok() && queue.get().is_ok(),
        "the refused opening harmed the queue"
    );
}

pub(crate) fn another_capacity_is_refused(run: &Run) {
    let (queue, other) = mismatch(run, run.kind().twice(Some(31), Some(47)));
    let Err(error) = other else {
        panic!("a queue for 31 items was opened for 47");
    };
    assert_eq!(error.kind(), ErrorKind::Incompatible, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("31") && text.contains("47"),
        "not both capacities are named: {text}"
    );
    assert_eq!(queue.capacity(), Some(31));
    assert!(
        queue.put(1).is_ok() && queue.get().is_ok(),
        "the refused opening harmed the queue"
    );
}
