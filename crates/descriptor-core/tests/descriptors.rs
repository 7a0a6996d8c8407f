//! Descriptors: identity, forms, copies, and what using the queue changes about them.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{BoxSpec, HallSpec, PlainQueue, opened};
use descriptor_core::{
    Descriptor, DescriptorRecord, ErrorKind, QueueDescriptor, QueueExt, QueueId, Scope, Value, adopt, describe,
    process_token,
};

fn boxed(id: &str, maxsize: usize) -> Descriptor<BoxSpec> {
    Descriptor::new(id, BoxSpec::of(maxsize)).unwrap()
}

#[test]
fn a_new_descriptor_has_an_id_a_type_and_a_time() {
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let descriptor = Descriptor::generated(BoxSpec::of(3)).unwrap();
    let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let id = descriptor.queue_id().as_str();
    let digits = id.strip_prefix("test_box_").unwrap();
    assert_eq!(digits.len(), 8);
    assert!(digits.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!((before..=after).contains(&descriptor.created_timestamp()));
    assert_eq!(descriptor.queue_type(), "test_box");
    assert_eq!(boxed("named", 3).queue_id().as_str(), "named");
    assert_eq!(descriptor.metadata()["maxsize"], Value::Int(3));
}

#[test]
fn ids_and_parameters_are_checked_when_the_descriptor_is_made() {
    for id in ["", "../../etc/passwd", "a b", "/abs", "a//b", &"x".repeat(201)] {
        let error = Descriptor::new(id, BoxSpec::of(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{id}");
    }
    let error = Descriptor::new("big", BoxSpec::of((1 << 24) + 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
    assert!(error.to_string().contains("16777217"), "{error}");
    assert!(Descriptor::new("none", HallSpec { maxsize: 0 }).is_err());
}

#[test]
fn the_queue_is_opened_on_first_use_and_once() {
    let descriptor = boxed("lazy/once", 0);
    assert!(!descriptor.is_initialized() && descriptor.can_serialize());
    assert_eq!((opened("lazy/once"), descriptor.depth()), (0, None));
    let first = descriptor.queue::<u32>().unwrap();
    assert!(descriptor.is_initialized() && !descriptor.can_serialize());
    let second = descriptor.queue::<u32>().unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(opened("lazy/once"), 1);
}

#[test]
fn items_go_through_a_descriptor_in_order() {
    let descriptor = boxed("ops", 2);
    assert!(descriptor.try_get::<String>().unwrap_err().is_empty());
    descriptor.put("first".to_owned()).unwrap();
    descriptor.put("second".to_owned()).unwrap();
    assert_eq!(descriptor.depth(), Some(2));
    let refused = descriptor.try_put("third".to_owned()).unwrap_err();
    assert!(refused.is_full());
    assert_eq!(refused.into_item(), "third");
    assert_eq!(descriptor.get::<String>().unwrap(), "first");
    assert_eq!(descriptor.depth(), Some(1));
    assert_eq!(descriptor.get::<String>().unwrap(), "second");
    assert_eq!(descriptor.depth(), Some(0));
    assert!(descriptor.queue::<String>().unwrap().is_empty());
}

#[test]
fn producers_and_consumers_share_a_descriptor() {
    common::within_a_minute(|| {
        let descriptor = boxed("threads", 100);
        std::thread::scope(|scope| {
            for producer in 0..3 {
                let mine = descriptor.clone();
                scope.spawn(move || (0..10).for_each(|n| mine.put(producer * 10 + n).unwrap()));
            }
        });
        let takers: Vec<_> = (0..2)
            .map(|_| {
                let mine = descriptor.to_serializable();
                std::thread::spawn(move || mine.queue::<i32>().unwrap().drain().collect::<Vec<_>>())
            })
            .collect();
        let mut all: Vec<_> = takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..30).collect::<Vec<_>>());
    });
}

#[test]
fn a_live_queue_of_this_process_is_not_written_down() {
    let descriptor = boxed("forms", 7);
    let record = descriptor.to_record();
    assert_eq!(
        Descriptor::<BoxSpec>::from_json(&descriptor.to_json().unwrap()).unwrap(),
        descriptor
    );
    assert_eq!(
        Descriptor::<BoxSpec>::from_bytes(&descriptor.to_bytes().unwrap()).unwrap(),
        descriptor
    );
    assert_eq!(
        Descriptor::<BoxSpec>::from_uri(&descriptor.to_uri().unwrap()).unwrap(),
        descriptor
    );
    descriptor.put(1_u8).unwrap();
    for error in [
        descriptor.to_json().unwrap_err(),
        descriptor.to_bytes().unwrap_err(),
        descriptor.to_uri().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotSerializable);
        assert!(error.to_string().contains("to_serializable()"), "{error}");
        assert_eq!(error.queue_id(), Some("forms"));
    }
    assert_eq!(
        descriptor.to_record(),
        record,
        "what it says about itself does not change with use"
    );
}

#[test]
fn a_descriptor_is_a_part_of_any_message() {
    let pair = (7_u8, boxed("in/message", 3));
    let json = serde_json::to_string(&pair).unwrap();
    let read: (u8, Descriptor<BoxSpec>) = serde_json::from_str(&json).unwrap();
    assert_eq!(read, pair);
    let bytes = postcard::to_allocvec(&pair).unwrap();
    let read: (u8, Descriptor<BoxSpec>) = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(read, pair);
    pair.1.put(pair.1.to_serializable()).unwrap();
    let error = serde_json::to_string(&pair).unwrap_err();
    assert!(error.to_string().contains("to_serializable()"), "{error}");
    assert_eq!(
        pair.1.get::<Descriptor<BoxSpec>>().unwrap(),
        pair.1,
        "descriptors travel through queues"
    );
    let misspelt = json.replace("maxsize", "max_size");
    assert!(serde_json::from_str::<(u8, Descriptor<BoxSpec>)>(&misspelt).is_err());
}

#[test]
fn to_serializable_keeps_every_parameter() {
    let spec = BoxSpec {
        maxsize: 3,
        label: Some("north".into()),
    };
    let descriptor = Descriptor::new("every", spec).unwrap();
    descriptor.put(5_i64).unwrap();
    let copy = descriptor.to_serializable();
    assert!(copy.can_serialize() && !copy.is_initialized());
    assert_eq!(copy.to_record(), descriptor.to_record());
    assert_eq!(
        copy.created_timestamp().to_bits(),
        descriptor.created_timestamp().to_bits()
    );
    let read = Descriptor::<BoxSpec>::from_json(&copy.to_json().unwrap()).unwrap();
    assert_eq!(read.spec(), descriptor.spec());
    assert_eq!(read.get::<i64>().unwrap(), 5, "the copy leads to the same queue");
}

#[test]
fn queues_beyond_the_process_stay_serializable_and_comparable() {
    let descriptor = Descriptor::new("hall/open", HallSpec { maxsize: 4 }).unwrap();
    let before = (descriptor.to_json().unwrap(), descriptor.clone());
    descriptor.put(1_u16).unwrap();
    assert!(descriptor.is_initialized() && descriptor.can_serialize());
    assert_eq!(descriptor.to_json().unwrap(), before.0);
    assert_eq!(descriptor, before.1);
    assert_eq!(descriptor.to_record().scope, Scope::Unscoped);
}

#[test]
#[expect(
    clippy::mutable_key_type,
    reason = "what changes with use is not part of the key, as this shows"
)]
fn equality_and_hash_do_not_change_with_use() {
    let (a, b) = (boxed("equal", 4), boxed("equal", 4));
    let mut set = HashSet::from([a.to_serializable()]);
    assert!(set.contains(&a));
    a.put(1_u8).unwrap();
    assert_eq!(a, b);
    assert!(set.contains(&a) && !set.insert(b));
    assert_ne!(a, boxed("equal", 5));
    assert_ne!(a, boxed("other", 4));
}

#[test]
fn text_forms_say_what_matters() {
    let descriptor = boxed("shown", 1);
    assert_eq!(descriptor.to_string(), "Queue[test_box](shown)");
    let lazy = format!("{descriptor:?}");
    assert!(lazy.contains("\"shown\"") && lazy.contains("\"test_box\""), "{lazy}");
    assert!(lazy.contains("lazy, serializable"), "{lazy}");
    descriptor.put(()).unwrap();
    assert!(format!("{descriptor:?}").contains("initialized, non-serializable"));
}

#[test]
fn clones_share_the_queue_before_and_after_first_use() {
    let first = boxed("shared", 9);
    let lazy = first.clone();
    first.put(1_u32).unwrap();
    let live = first.clone();
    assert!(live.is_initialized() && !lazy.is_initialized());
    assert_eq!(lazy.get::<u32>().unwrap(), 1);
    lazy.put(2_u32).unwrap();
    assert_eq!(live.get::<u32>().unwrap(), 2);
    assert_eq!(opened("shared"), 1);
    assert_eq!(live.to_record(), first.to_record());

    let first = Descriptor::new("shared/hall", HallSpec { maxsize: 9 }).unwrap();
    let lazy = first.clone();
    let queue = first.queue::<u32>().unwrap();
    assert!(Arc::ptr_eq(&queue, &lazy.queue::<u32>().unwrap()));
    assert_eq!(opened("shared/hall"), 1);
}

#[test]
fn clone_as_is_another_queue_with_the_same_parameters() {
    let spec = BoxSpec {
        maxsize: 15,
        label: Some("kept".into()),
    };
    let first = Descriptor::new("as", spec).unwrap();
    first.put(1_u32).unwrap();
    let named = first.clone_as(Some(QueueId::new("as/other").unwrap())).unwrap();
    let fresh = first.clone_as(None).unwrap();
    assert_eq!(named.queue_id().as_str(), "as/other");
    assert!(fresh.queue_id().as_str().starts_with("test_box_"));
    for copy in [named, fresh] {
        assert_eq!(copy.spec(), first.spec());
        assert!(!copy.is_initialized());
        assert!(copy.try_get::<u32>().unwrap_err().is_empty(), "nothing is shared");
    }
    assert_eq!(first.depth(), Some(1));
}

#[test]
fn clear_cache_lets_go_and_comes_back_to_the_same_queue() {
    let descriptor = boxed("cleared", 0);
    descriptor.put(1_u32).unwrap();
    descriptor.clear_cache();
    assert!(!descriptor.is_initialized() && descriptor.can_serialize());
    assert_eq!(descriptor.get::<u32>().unwrap(), 1);
    let held = descriptor.queue::<u32>().unwrap();
    descriptor.trim();
    assert!(!descriptor.is_initialized());
    held.put(2).unwrap();
    assert_eq!(descriptor.queue_id().as_str(), "cleared");
    assert_eq!(descriptor.get::<u32>().unwrap(), 2);
}

#[test]
fn a_record_of_another_process_is_not_opened_as_a_look_alike() {
    let here = boxed("scoped", 1).to_record();
    assert_eq!(here.scope, Scope::Process(process_token()));
    let elsewhere = DescriptorRecord {
        scope: Scope::Process(process_token() ^ 1),
        ..here
    };
    let descriptor = Descriptor::<BoxSpec>::from_record(&elsewhere).unwrap();
    let error = descriptor.queue::<u8>().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::OutOfScope);
    let text = error.to_string();
    assert!(
        text.contains("scoped") && text.contains("`shm`") && text.contains("`rpc`"),
        "{text}"
    );
    assert_eq!(opened("scoped"), 0);
    assert!(descriptor.core().is_none() && descriptor.evict().is_none());
    assert_eq!(descriptor.put(5_u8).unwrap_err().into_item(), 5);
}

#[test]
fn an_unscoped_record_binds_to_the_process_that_first_opens_it() {
    let record = DescriptorRecord::new(QueueId::new("by_hand").unwrap(), "carton").with("maxsize", 2);
    let descriptor = Descriptor::<BoxSpec>::from_record(&record).unwrap();
    let clone = descriptor.clone();
    assert_eq!(descriptor.to_record().scope, Scope::Unscoped);
    assert_eq!(descriptor.queue_type(), "test_box", "the alias is resolved");
    descriptor.put(1_u8).unwrap();
    assert_eq!(
        descriptor.to_serializable().to_record().scope,
        Scope::Process(process_token())
    );
    assert_eq!(clone.to_record().scope, Scope::Process(process_token()));
}

#[test]
fn a_record_of_another_type_is_refused() {
    let record = DescriptorRecord::new(QueueId::new("q").unwrap(), "shm");
    let error = Descriptor::<BoxSpec>::from_record(&record).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
    assert!(
        error.to_string().contains("test_box") && error.to_string().contains("shm"),
        "{error}"
    );
    let worker = DescriptorRecord {
        scope: Scope::Worker(3),
        ..boxed("of_worker", 1).to_record()
    };
    let error = Descriptor::<BoxSpec>::from_record(&worker)
        .unwrap()
        .queue::<u8>()
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::OutOfScope);
}

#[test]
fn descriptors_of_several_types_live_in_one_collection() {
    let all: Vec<Box<dyn QueueDescriptor>> = vec![
        Box::new(boxed("object/a", 2)),
        Box::new(Descriptor::new("object/b", HallSpec { maxsize: 2 }).unwrap()),
    ];
    for descriptor in &all {
        let json = descriptor.to_json().unwrap();
        assert_eq!(DescriptorRecord::from_json(&json).unwrap(), descriptor.to_record());
        let other = descriptor.clone_as(None).unwrap();
        assert_ne!(other.queue_id(), descriptor.queue_id());
        assert_eq!(other.metadata(), descriptor.metadata());
        assert_eq!(
            descriptor.to_serializable().to_uri().unwrap(),
            descriptor.clone_shared().to_uri().unwrap()
        );
        assert!(descriptor.core().is_none() && !descriptor.is_initialized());
    }
}

#[test]
fn a_queue_is_described_and_a_description_is_a_queue() {
    let descriptor = boxed("both/ways", 6);
    let queue = descriptor.queue::<u32>().unwrap();
    queue.put(1).unwrap();
    let record = describe(&queue).unwrap();
    assert_eq!(record, descriptor.to_record());
    let again = Descriptor::<BoxSpec>::from_record(&record).unwrap();
    assert_eq!(again.get::<u32>().unwrap(), 1);
    let nameless: descriptor_core::DynQueue<u32> = Arc::new(PlainQueue::new(Some(3)));
    assert!(describe(&nameless).is_none());
    nameless.put(7).unwrap();

    let adopted: Descriptor<BoxSpec> = adopt("found", Arc::clone(&nameless)).unwrap();
    assert_eq!(adopted.spec().maxsize, 3);
    assert!(adopted.is_initialized());
    assert_eq!(
        boxed("found", 3).queue::<u32>().unwrap().drain().collect::<Vec<_>>(),
        [7]
    );
    assert_eq!(describe(&nameless).unwrap().queue_id.as_str(), "found");
    assert!(
        adopt::<_, BoxSpec>("found", Arc::clone(&nameless)).is_ok(),
        "the same name again is no change"
    );
    let renamed = adopt::<_, BoxSpec>("found/twice", Arc::clone(&nameless)).unwrap_err();
    assert_eq!(renamed.kind(), ErrorKind::Incompatible);
    let taken = adopt::<u32, BoxSpec>("both/ways", Arc::new(PlainQueue::new(Some(6)))).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Incompatible);
    assert_eq!(
        adopt::<u32, HallSpec>("x", nameless).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(opened("found"), 0);
}
