//! Names of queues.

use sage_comm::QueueId;

use super::text;

pub(crate) fn run(bytes: &[u8]) {
    let given = text(bytes);
    let Ok(id) = QueueId::new(given) else { return };
    assert_eq!(id.as_str(), given);
    assert!(given.len() <= 200 && !given.is_empty());
    assert!(
        given
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
    );
    assert!(given.split('/').all(|part| !part.is_empty() && part != ".."));
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![b"env/input_task-1.x".to_vec()]
}
