//! Clause 12: one corrupt frame is one error.

use descriptor_core::ErrorKind;

use crate::Run;

pub(crate) fn a_corrupt_frame_is_one_error(run: &Run) {
    let Some(queue) = run.kind().corrupted(&[1, 2], &[3, 4]) else {
        panic!("{} has no frames", run.kind().name());
    };
    let (mut items, mut errors) = (Vec::new(), 0);
    while items.len() < 4 {
        match queue.get() {
            Ok(item) => items.push(item),
            Err(failure) => {
                assert_eq!(failure.kind(), ErrorKind::Corrupt, "{failure}");
                errors += 1;
                assert_eq!(errors, 1, "one frame is reported more than once");
            }
        }
    }
    assert_eq!((items, errors), (vec![1, 2, 3, 4], 1));
    assert!(queue.put(5).is_ok());
    assert_eq!(queue.get().ok(), Some(5));
}
