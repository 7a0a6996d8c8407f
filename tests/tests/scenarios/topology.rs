//! Scenarios 2 and 3 of the specification: the type of a queue is chosen when the program runs, and the queues of a
//! whole job are handed over as one document.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sage_comm::{
    Backends, Builtin, Choice, DefaultStrategy, Descriptor, DescriptorPool, DescriptorRecord, EdgeRequest, ErrorKind,
    KindInfo, QueueDescriptor, QueueId, Reach, Result, SageSpec, Strategy, Wire,
};

use crate::support::{is_live, names, within_a_minute};

fn request(id: &str, reach: Reach) -> EdgeRequest {
    EdgeRequest::new(QueueId::new(id).unwrap(), reach)
}

/// Chooses among what is built in, and opens what was chosen.
fn choose<T: Wire>(strategy: &dyn Strategy, request: &EdgeRequest) -> Result<Choice> {
    let registry = Builtin.registry::<T>();
    let choice = strategy.choose(request, &registry.kinds(), &|record| registry.open(record).map(drop))?;
    registry
        .open(&choice.record)?
        .put_batch(&mut [].into(), sage_comm::Wait::Never)?;
    Ok(choice)
}

#[test]
fn the_environment_decides_and_the_code_stays_the_same() {
    for (edge, kind) in [
        (
            request("topology/bounded", Reach::Process).with_capacity(100),
            "sage_queue",
        ),
        (request("topology/unbounded", Reach::Process), "local"),
        (
            request("topology/excluded", Reach::Process)
                .with_capacity(100)
                .without("sage_queue"),
            "local",
        ),
        (
            request("topology/forced", Reach::Process)
                .with_capacity(100)
                .forced("local"),
            "local",
        ),
    ] {
        let choice = choose::<String>(&DefaultStrategy, &edge).unwrap();
        assert_eq!(choice.record.queue_type, kind, "{choice}");
        let queue = Builtin.registry::<String>().open(&choice.record).unwrap();
        queue.put("data".to_owned()).unwrap();
        assert_eq!(queue.get().unwrap(), "data", "{choice}");
        assert_eq!(queue.capacity(), edge.capacity, "{choice}");
    }
}

#[test]
fn what_was_passed_over_is_said_and_a_nearer_queue_is_never_slipped_in() {
    let excluded = request("topology/said", Reach::Process)
        .with_capacity(8)
        .without("sage_queue");
    let choice = choose::<u8>(&DefaultStrategy, &excluded).unwrap();
    assert!(choice.to_string().contains("not sage_queue: excluded"), "{choice}");

    let host = request("topology/far", Reach::Host).with_capacity(8);
    let choice = choose::<u8>(&DefaultStrategy, &host).unwrap();
    assert_eq!(choice.record.queue_type, "shm", "{choice}");
    for (edge, words) in [
        (
            host.without("shm"),
            ["topology/far", "shm: excluded", "rpc: excluded", "build"],
        ),
        (
            request("topology/far", Reach::Network).with_capacity(8),
            ["topology/far", "rpc: excluded", "nats", "not part of this"],
        ),
    ] {
        // Without a server somewhere.
        let edge = edge.without("rpc");
        let error = choose::<u8>(&DefaultStrategy, &edge).unwrap_err();
        names(&error, ErrorKind::Unsupported, &words);
        let error = choose::<u8>(&DefaultStrategy, &edge.forced("local")).unwrap_err();
        names(&error, ErrorKind::Unsupported, &["local", "reaches process only"]);
    }
    assert!(!is_live("topology/far"));
}

#[test]
fn a_type_that_cannot_be_opened_right_now_is_passed_over_with_the_reason() {
    // The name is taken by a ring of another capacity, so only the other type can be opened.
    let taken = Descriptor::new("topology/taken", SageSpec::bounded(3)).unwrap();
    let _held = taken.queue::<u8>().unwrap();
    let choice = choose::<u8>(
        &DefaultStrategy,
        &request("topology/taken", Reach::Process).with_capacity(4),
    )
    .unwrap();
    assert_eq!(choice.record.queue_type, "local");
    assert!(choice.refused[0].reason.contains("maxsize"), "{choice}");
}

#[test]
fn a_function_is_a_strategy() {
    let cluster = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&cluster);
    let mine = move |request: &EdgeRequest, kinds: &[KindInfo], open: &dyn Fn(&DescriptorRecord) -> Result<()>| {
        let wanted = if asked.load(Ordering::SeqCst) { "nats" } else { "local" };
        let edge = request.clone().forced(wanted);
        DefaultStrategy.choose(&edge, kinds, open)
    };
    let edge = request("topology/function", Reach::Process).with_capacity(2);
    assert_eq!(choose::<u8>(&mine, &edge).unwrap().record.queue_type, "local");
    cluster.store(true, Ordering::SeqCst);
    names(
        &choose::<u8>(&mine, &edge).unwrap_err(),
        ErrorKind::Unsupported,
        &["nats", "not part of this program"],
    );
}

/// What the manager of the job hands to everybody.
fn topology(inner: usize) -> DescriptorPool {
    let mut pool = DescriptorPool::new("letters", 1).unwrap();
    for uri in [
        format!("sage_queue://letters/input?maxsize={inner}"),
        "local://letters/output".to_owned(),
        // Queues that others open; here they are only handed on.
        "ray_actor://letters/input_actor?actor_name=input_actor".to_owned(),
        "rpc://letters/archive?host=output-server&port=8080".to_owned(),
    ] {
        pool.insert(uri.parse().unwrap()).unwrap();
    }
    pool
}

#[test]
fn workers_that_were_handed_the_document_meet_on_its_queues() {
    within_a_minute(|| {
        let document = topology(2).to_json();
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let document = document.clone();
                std::thread::spawn(move || {
                    let pool = DescriptorPool::from_json(&document).unwrap();
                    let registry = Builtin.registry::<String>();
                    let input = registry.open(pool.get("letters/input").unwrap()).unwrap();
                    let output = registry.open(pool.get("letters/output").unwrap()).unwrap();
                    while let Ok(word) = input.get() {
                        output.put(word.to_uppercase()).unwrap();
                    }
                })
            })
            .collect();
        let pool = DescriptorPool::from_json(&document).unwrap();
        let registry = Builtin.registry::<String>();
        let input = registry.open(pool.get("letters/input").unwrap()).unwrap();
        let output = registry.open(pool.get("letters/output").unwrap()).unwrap();
        let words: Vec<String> = (0..100).map(|n| format!("word{n}")).collect();
        words.iter().for_each(|word| input.put(word.clone()).unwrap());
        input.close();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        let mut results: Vec<String> = (0..100).map(|_| output.try_get().unwrap()).collect();
        let mut expected: Vec<String> = words.iter().map(|word| word.to_uppercase()).collect();
        results.sort();
        expected.sort();
        assert_eq!(results, expected);
        assert!(output.try_get().unwrap_err().is_empty());
    });
}

#[test]
fn a_document_is_compared_checked_and_kept_whole() {
    let (old, new) = (topology(2), topology(3));
    assert!(old.diff(&DescriptorPool::from_json(&old.to_json()).unwrap()).is_empty());
    assert_eq!(old.diff(&new).to_string(), "changed letters/input: maxsize 2 -> 3");
    let mut more = topology(2);
    more.insert("local://letters/errors".parse().unwrap()).unwrap();
    let diff = old.diff(&more);
    assert_eq!(diff.to_string(), "added letters/errors (local)");
    assert_eq!(more.diff(&old).removed, diff.added);

    let edited = old.to_json().replace("\"maxsize\": 2", "\"maxsize\": 3");
    assert_ne!(edited, old.to_json());
    names(
        &DescriptorPool::from_json(&edited).unwrap_err(),
        ErrorKind::Corrupt,
        &["checksum", "to_json"],
    );
    let error = more.insert("sage_queue://letters/errors".parse().unwrap()).unwrap_err();
    names(
        &error,
        ErrorKind::InvalidDescriptor,
        &["letters/errors", "local", "its own id"],
    );
    assert_eq!(more.len(), 5);
}

#[test]
fn a_document_of_live_queues_says_that_they_are_bound_here() {
    let made = Descriptor::new("topology/live", SageSpec::bounded(2)).unwrap();
    made.put(1_u8).unwrap();
    let kept: &dyn QueueDescriptor = &made;
    let mut pool = DescriptorPool::new("live", 1).unwrap();
    pool.insert(kept.to_serializable().to_record()).unwrap();
    let read = DescriptorPool::from_json(&pool.to_json()).unwrap();
    let queue = Builtin
        .registry::<u8>()
        .open(read.get("topology/live").unwrap())
        .unwrap();
    assert_eq!(queue.get().unwrap(), 1, "it is that very queue");
}
