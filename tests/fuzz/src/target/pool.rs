//! The queues of a job as one document.

use sage_comm::DescriptorPool;

use super::text;

pub(crate) fn run(bytes: &[u8]) {
    if let Ok(pool) = DescriptorPool::from_json(text(bytes)) {
        let again = DescriptorPool::from_json(&pool.to_json()).expect("what was written");
        assert_eq!(again, pool);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut pool = DescriptorPool::new("wordcount", 1).expect("a name");
    let record = "shm://wordcount/input_count_0?maxsize=1000".parse().expect("a line");
    pool.insert(record).expect("the first");
    vec![pool.to_json().into_bytes()]
}
