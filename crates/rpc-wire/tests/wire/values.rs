//! Values keep what they promise.

use std::time::Duration;

use descriptor_record::{DescriptorRecord, QueueId, Value};
use queue_core::{Error, ErrorKind};
use rpc_wire::{
    Ack, Call, Creation, Failed, Failure, Few, Flag, Handle, Hello, KindName, LEAST_FRAME, Limits, Listed, Listing,
    Message, Micros, Open, Ranges, Record, StatsAre, Tag, Text, WireError,
};

use crate::examples::{all, frame, read};

#[test]
fn items_share_memory_with_what_was_received() {
    let put = all().into_iter().find(|example| example.name == "put").unwrap();
    let Ok(Some(Message::Put(put))) = read(&frame(&put.message)) else {
        panic!("a put");
    };
    let slices: Vec<_> = put.items.iter().map(|item| item.as_ptr_range()).collect();
    let shared: Vec<_> = put.items.shared().map(|item| item.as_ptr_range()).collect();
    assert_eq!(slices, shared);
    assert_eq!(
        (put.items.len(), put.items.payload(), put.items.is_empty()),
        (3, 6, false)
    );
}

#[test]
fn values_keep_their_limits() {
    assert!(Text::new("x".repeat(1024)).is_ok());
    assert!(matches!(Text::new("x".repeat(1025)), Err(WireError::Excess { .. })));
    assert_eq!(Text::clipped("é".repeat(600)).as_str().len(), 1024);
    assert_eq!(Text::clipped(format!("x{}", "é".repeat(600))).as_str().len(), 1023);
    assert!(Ranges::of((0..1024).map(|at| at * 2)).is_ok());
    assert!(matches!(
        Ranges::of((0..1025).map(|at| at * 2)),
        Err(WireError::Excess { .. })
    ));
    assert!(Few::<u8, 2>::new([1, 2, 3]).is_err());
    assert_eq!(Micros::from(Duration::from_nanos(1)), Micros(1));
    assert_eq!(Micros::from(Duration::MAX), Micros::FOREVER);
    assert_eq!(Micros::FOREVER.duration(), None);
    assert_eq!(Micros(5).duration(), Some(Duration::from_micros(5)));
    // What is held on writing is what is read.
    let limits = Limits {
        frame: 1,
        ..Limits::DEFAULT
    };
    let Message::Hello(hello) = all().remove(0).message else {
        panic!("hello comes first")
    };
    let Ok(Some(Message::Hello(read))) = read(&frame(&Hello { limits, ..hello }.into())) else {
        panic!("hello")
    };
    assert_eq!(read.limits.frame, LEAST_FRAME);
}

/// All that is not items fits into the smallest limit for frames that can be agreed on.
#[test]
fn the_largest_messages_fit_into_the_least_frame() {
    let call = Call::new(1).unwrap();
    let listing = Listing {
        id: QueueId::new("q".repeat(QueueId::MAX_LEN)).unwrap(),
        epoch: 1,
        depth: 1,
    };
    let text = || Text::new("x".repeat(Text::MAX)).unwrap();
    let mut record = DescriptorRecord::new(listing.id.clone(), "rpc");
    while record.to_bytes().len() < Record::MAX - 1100 {
        let name = format!("key{}", record.metadata.len());
        record.metadata.insert(name, Value::Text("x".repeat(1000)));
    }
    let record = Record::new(&record).unwrap();
    let largest: [Message; 4] = [
        Listed {
            more: Flag(true),
            call,
            queues: Few::new(vec![listing; 512]).unwrap(),
        }
        .into(),
        StatsAre {
            call,
            record: record.clone(),
            values: Few::new(vec![(1, 1); 256]).unwrap(),
        }
        .into(),
        Open {
            call,
            creation: Creation::Always,
            tag: Tag { name: text(), shape: 1 },
            record,
        }
        .into(),
        Ack {
            queue: Handle::new(1).unwrap(),
            call,
            deliveries: Ranges::of((0..1024).map(|at| at * 2)).unwrap(),
        }
        .into(),
    ];
    for message in largest {
        let mut out = Vec::new();
        assert_eq!(message.encode(&mut out, LEAST_FRAME), Ok(()), "{}", message.name());
        assert_eq!(read(&out), Ok(Some(message)));
    }
}

#[test]
fn every_kind_of_error_arrives_by_its_name() {
    let name = |kind| KindName::from(kind);
    assert_eq!(name(ErrorKind::PermissionDenied).as_str(), "PermissionDenied");
    for kind in ErrorKind::ALL {
        assert_eq!(name(*kind).kind(), Some(*kind));
    }
    let error = Error::new(ErrorKind::Overloaded, "put")
        .queue("jobs")
        .found("1024\nconnections");
    let failure = Failure::from(&error);
    let message: Message = Failed {
        queue: None,
        call: Call::new(1),
        failure,
    }
    .into();
    let Ok(Some(Message::Failed(failed))) = read(&frame(&message)) else {
        panic!("failed")
    };
    let error = failed.failure.into_error("put");
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Overloaded, true));
    assert!(error.to_string().contains("1024connections"), "{error}");

    // A kind of a later release.
    let mut bytes = frame(&message);
    let at = bytes.windows(10).position(|name| name == b"Overloaded").unwrap();
    bytes[at..at + 10].copy_from_slice(b"Exhaustion");
    let sum = crc32c::crc32c(&bytes[4..]);
    bytes[..4].copy_from_slice(&sum.to_le_bytes());
    let Ok(Some(Message::Failed(failed))) = read(&bytes) else {
        panic!("failed")
    };
    assert_eq!(failed.failure.kind.kind(), None);
    assert_eq!(failed.failure.into_error("put").kind(), ErrorKind::Unsupported);
}

#[test]
fn a_record_and_a_tag_travel_whole() {
    let records = all().into_iter().filter_map(|example| match example.message {
        Message::Open(open) => Some((open.record, open.tag.name.as_str().to_owned())),
        Message::StatsAre(StatsAre { record, .. }) => Some((record, "Bid".to_owned())),
        _ => None,
    });
    let mut seen = 0;
    for (record, tag) in records {
        assert_eq!(record.read().unwrap().queue_id.as_str(), "jobs/in");
        assert_eq!(tag, "Bid");
        seen += 1;
    }
    assert_eq!(seen, 2);
}
