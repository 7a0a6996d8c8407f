//! A descriptor from its making to its end: made, written down, read elsewhere, shared, copied, let go.

use std::collections::HashMap;

use sage_comm::{
    Backends, Builtin, Descriptor, DescriptorRecord, DynQueue, ErrorKind, LocalQueue, LocalSpec, Open, QueueDescriptor,
    QueueExt, QueueId, SageQueue, SageSpec, Scope, Spec, adopt, describe,
};

use crate::support::{is_live, names, open};

fn each_form_leads_to_the_same_queue<S: Open<String>>(id: &str, spec: S) {
    let made = Descriptor::new(id, spec).unwrap();
    assert!(made.can_serialize() && !made.is_initialized());
    let (json, uri, bytes) = (
        made.to_json().unwrap(),
        made.to_uri().unwrap(),
        made.to_bytes().unwrap(),
    );
    made.put("from the maker".to_owned()).unwrap();

    // Typed, as a part of the program that knows the type reads it.
    let typed = [
        Descriptor::<S>::from_json(&json).unwrap(),
        Descriptor::from_uri(&uri).unwrap(),
        Descriptor::from_bytes(&bytes).unwrap(),
    ];
    for (number, read) in typed.iter().enumerate() {
        assert_eq!(read, &made);
        assert!(!read.is_initialized());
        assert_eq!(read.created_timestamp(), made.created_timestamp());
        read.put(format!("from reader {number}")).unwrap();
    }
    assert_eq!(made.get::<String>().unwrap(), "from the maker");

    // Untyped, as a part that does not.
    let queue = Builtin
        .registry::<String>()
        .open(&DescriptorRecord::from_json(&json).unwrap())
        .unwrap();
    assert_eq!(
        queue.drain().collect::<Vec<_>>(),
        ["from reader 0", "from reader 1", "from reader 2"]
    );
    assert_eq!(made.depth(), Some(0));
}

#[test]
fn what_is_written_down_leads_back_to_the_same_queue() {
    each_form_leads_to_the_same_queue("descriptors/forms", LocalSpec::bounded(15));
    each_form_leads_to_the_same_queue("descriptors/forms", LocalSpec::unbounded());
    each_form_leads_to_the_same_queue("descriptors/forms", SageSpec::bounded(15));
}

#[test]
fn a_generated_name_starts_with_its_type_and_is_never_the_same() {
    let one = Descriptor::generated(SageSpec::default()).unwrap();
    let two = Descriptor::generated(SageSpec::default()).unwrap();
    for descriptor in [&one, &two] {
        let digits = descriptor.queue_id().as_str().strip_prefix("sage_queue_").unwrap();
        assert!(
            digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_hexdigit()),
            "{digits}"
        );
        assert!(descriptor.created_timestamp() > 0.0);
    }
    assert_ne!(one, two);
}

#[test]
fn a_live_queue_is_not_written_down_but_its_serializable_copy_is() {
    let made = Descriptor::new("descriptors/live", LocalSpec::bounded(7)).unwrap();
    let queue = made.queue::<u32>().unwrap();
    queue.put(1).unwrap();
    assert!(made.is_initialized() && !made.can_serialize());
    for error in [
        made.to_json().unwrap_err(),
        made.to_uri().unwrap_err(),
        made.to_bytes().unwrap_err(),
    ] {
        names(
            &error,
            ErrorKind::NotSerializable,
            &["descriptors/live", "local", "to_serializable"],
        );
    }
    let copy = made.to_serializable();
    assert!(copy.can_serialize() && !copy.is_initialized());
    assert_eq!(copy.spec().capacity, Some(7), "every parameter, not only the id");
    let read = Descriptor::<LocalSpec>::from_json(&copy.to_json().unwrap()).unwrap();
    assert_eq!(read.get::<u32>().unwrap(), 1);
}

#[test]
#[allow(
    clippy::mutable_key_type,
    reason = "that neither equality nor hash look at what is mutable is what this shows"
)]
fn use_changes_neither_equality_nor_hash() {
    let made = Descriptor::new("descriptors/equal", SageSpec::bounded(3)).unwrap();
    let mut owners = HashMap::from([(made.clone(), "me")]);
    made.put(1_u8).unwrap();
    assert_eq!(owners.get(&made), Some(&"me"));
    let other_capacity = Descriptor::new("descriptors/equal", SageSpec::bounded(4)).unwrap();
    let other_id = made
        .clone_as(Some(QueueId::new("descriptors/unequal").unwrap()))
        .unwrap();
    assert!(made != other_capacity && made != other_id);
    owners.insert(other_id, "you");
    assert_eq!(owners.len(), 2);
    assert_eq!(made.to_string(), "Queue[sage_queue](descriptors/equal)");
    assert!(
        format!("{made:?}").contains("initialized, non-serializable"),
        "{made:?}"
    );
    made.evict();
    assert!(format!("{made:?}").contains("lazy, serializable"), "{made:?}");
}

fn clones_share_and_copies_do_not<S: Open<u32>>(id: &str, spec: S) {
    let made = Descriptor::new(id, spec).unwrap();
    let before = made.clone();
    made.put(1_u32).unwrap();
    let after = made.clone();
    assert!(after.is_initialized());
    before.put(2_u32).unwrap();
    assert_eq!((after.get::<u32>().unwrap(), after.get::<u32>().unwrap()), (1, 2));

    let named = made
        .clone_as(Some(QueueId::new(format!("{id}/copy")).unwrap()))
        .unwrap();
    let unnamed = made.clone_as(None).unwrap();
    made.put(3_u32).unwrap();
    for copy in [&named, &unnamed] {
        assert!(!copy.is_initialized());
        assert_eq!(copy.metadata(), made.metadata(), "a copy keeps maxsize");
        assert_ne!(copy.queue_id(), made.queue_id());
        assert!(copy.try_get::<u32>().unwrap_err().is_empty());
        assert_eq!(copy.queue::<u32>().unwrap().capacity(), Some(15));
    }
    assert_ne!(named.queue_id(), unnamed.queue_id());
    assert_eq!(made.get::<u32>().unwrap(), 3);
}

#[test]
fn a_clone_is_the_same_queue_and_clone_as_another_one() {
    clones_share_and_copies_do_not("descriptors/clone", LocalSpec::bounded(15));
    clones_share_and_copies_do_not("descriptors/clone", SageSpec::bounded(15));
}

#[test]
fn letting_go_keeps_the_queue_while_it_is_needed_and_frees_it_after() {
    let id = "descriptors/let-go";
    let made = Descriptor::new(id, SageSpec::bounded(4)).unwrap();
    made.put('a').unwrap();
    made.clear_cache();
    assert!(!made.is_initialized() && is_live(id), "it holds an item");
    assert_eq!(made.get::<char>().unwrap(), 'a', "and is found again");

    let queue = made.queue::<char>().unwrap();
    made.trim();
    drop(made.clone());
    assert!(is_live(id), "somebody holds it");
    queue.put('b').unwrap();
    assert!(!queue.is_closed(), "a handle that goes closes nothing");
    assert_eq!(made.get::<char>().unwrap(), 'b');
    drop(queue);
    drop(made);
    assert!(!is_live(id), "empty and unheld");
}

#[test]
fn evict_takes_the_queue_away_and_says_what_was_inside() {
    let id = "descriptors/evict";
    let made = Descriptor::new(id, LocalSpec::bounded(4)).unwrap();
    let held = made.queue::<u8>().unwrap();
    held.put(1).unwrap();
    held.put(2).unwrap();
    let evicted = made.evict().unwrap();
    assert_eq!((evicted.items, evicted.holders), (Some(2), 1));
    assert!(!is_live(id));
    assert!(held.put(3).unwrap_err().is_closed(), "nothing goes into the void");
    assert_eq!(held.drain().collect::<Vec<_>>(), [1, 2]);
    assert!(made.try_get::<u8>().unwrap_err().is_empty(), "the name has a new queue");
    assert!(made.evict().is_some());
    assert!(made.evict().is_none(), "nothing left to evict");
}

#[test]
fn a_queue_is_described_and_the_description_is_the_queue() {
    let queue = Builtin
        .registry::<String>()
        .open(&"local://descriptors/described?maxsize=9".parse().unwrap())
        .unwrap();
    queue.put("inside".to_owned()).unwrap();
    let record = describe(&queue).unwrap();
    assert_eq!(record.queue_id.as_str(), "descriptors/described");
    assert!(
        matches!(record.scope, Scope::Process(_)),
        "it lives here and nowhere else"
    );
    let received = Descriptor::<LocalSpec>::from_json(&record.to_json()).unwrap();
    assert_eq!(received.spec().capacity, Some(9));
    assert_eq!(received.get::<String>().unwrap(), "inside");
}

#[test]
fn a_queue_made_by_hand_gets_a_name() {
    let by_hand: DynQueue<u8> = std::sync::Arc::new(SageQueue::new(6).unwrap());
    assert_eq!(describe(&by_hand), None);
    let named = adopt::<u8, SageSpec>("descriptors/adopted", by_hand.clone()).unwrap();
    assert_eq!(named.spec().capacity, 6);
    let elsewhere = Descriptor::<SageSpec>::from_json(&named.to_serializable().to_json().unwrap()).unwrap();
    elsewhere.put(8_u8).unwrap();
    assert_eq!(by_hand.get().unwrap(), 8);

    let error = adopt::<u8, SageSpec>("descriptors/adopted-twice", by_hand).unwrap_err();
    names(
        &error,
        ErrorKind::Incompatible,
        &["descriptors/adopted-twice", "descriptors/adopted"],
    );
    let other: DynQueue<u8> = std::sync::Arc::new(SageQueue::new(6).unwrap());
    let error = adopt::<u8, SageSpec>("descriptors/adopted", other).unwrap_err();
    names(
        &error,
        ErrorKind::Incompatible,
        &["descriptors/adopted", "another queue"],
    );
    // The ring is always bounded, so a queue without a bound cannot pass for one.
    let unbounded: DynQueue<u8> = std::sync::Arc::new(LocalQueue::new(None).unwrap());
    let error = adopt::<u8, SageSpec>("descriptors/adopted-unbounded", unbounded).unwrap_err();
    names(&error, ErrorKind::InvalidDescriptor, &["maxsize", "local"]);
    assert!(!is_live("descriptors/adopted-unbounded") && !is_live("descriptors/adopted-twice"));
}

fn one_type_and_one_capacity<S: Open<String> + Open<u64>>(id: &str, spec: S, other: S) {
    let made = Descriptor::new(id, spec.clone()).unwrap();
    made.put("text".to_owned()).unwrap();
    let again = Descriptor::new(id, spec).unwrap();
    names(
        &again.queue::<u64>().map(drop).unwrap_err(),
        ErrorKind::TypeMismatch,
        &[id, S::KIND, "String", "u64"],
    );
    let other = Descriptor::new(id, other).unwrap();
    let error = other.queue::<String>().map(drop).unwrap_err();
    names(&error, ErrorKind::Incompatible, &[id, S::KIND, "maxsize", "5", "6"]);
    assert_eq!(made.depth(), Some(1), "the queue is as before");
    assert_eq!(again.get::<String>().unwrap(), "text");
}

#[test]
fn another_item_type_or_capacity_is_refused_by_name() {
    let id = "descriptors/disagree";
    one_type_and_one_capacity(id, LocalSpec::bounded(5), LocalSpec::bounded(6));
    one_type_and_one_capacity(id, SageSpec::bounded(5), SageSpec::bounded(6));
    // The same id in another type is another queue.
    let of_numbers = Descriptor::new("descriptors/kinds", LocalSpec::bounded(5)).unwrap();
    let of_texts = Descriptor::new("descriptors/kinds", SageSpec::bounded(5)).unwrap();
    of_numbers.put(5_u64).unwrap();
    of_texts.put("five".to_owned()).unwrap();
    assert_eq!(of_numbers.get::<u64>().unwrap(), 5);
    assert_eq!(of_texts.get::<String>().unwrap(), "five");
}

#[test]
fn a_name_that_nobody_needs_any_more_takes_other_items_and_capacities() {
    for kind in ["local", "sage_queue"] {
        let uri = |maxsize| format!("{kind}://descriptors/reused?maxsize={maxsize}");
        // Opened by their records, so that no descriptor is there to let go.
        drop(open::<u8>(&uri(4)).unwrap());
        let queue = open::<u8>(&uri(5)).unwrap();
        assert_eq!(queue.capacity(), Some(5));
        queue.close();
        drop(queue);
        open::<String>(&uri(5)).unwrap().put("kept".to_owned()).unwrap();
        // An item is inside now.
        let error = open::<u8>(&uri(5)).map(drop).unwrap_err();
        names(&error, ErrorKind::TypeMismatch, &["descriptors/reused", "String", "u8"]);
        let error = open::<String>(&uri(4)).map(drop).unwrap_err();
        names(&error, ErrorKind::Incompatible, &["descriptors/reused", "maxsize"]);
        assert_eq!(open::<String>(&uri(5)).unwrap().try_get().unwrap(), "kept");
    }
}

#[test]
fn descriptors_of_all_types_share_a_shelf() {
    let shelf: Vec<Box<dyn QueueDescriptor>> = vec![
        Box::new(Descriptor::new("descriptors/shelf", LocalSpec::bounded(2)).unwrap()),
        Box::new(Descriptor::new("descriptors/shelf", SageSpec::bounded(2)).unwrap()),
    ];
    let kinds: Vec<_> = shelf.iter().map(|descriptor| descriptor.queue_type()).collect();
    assert_eq!(kinds, [LocalSpec::KIND, SageSpec::KIND]);
    for descriptor in &shelf {
        let queue = Builtin.registry::<u8>().open(&descriptor.to_record()).unwrap();
        queue.put(1).unwrap();
        assert_eq!(descriptor.evict().unwrap().items, Some(1));
    }
}
