//! What one side writes, the other one reads: any values, any segments, and item by item.

use proptest::prelude::*;
use rpc_wire::{
    Decoder, Handle, ItemCodec, Items, ItemsWriter, MAX_FRAME, Message, Micros, Put, Ranges, WireError, preamble,
};

use crate::any::{bodies, message};
use crate::examples::{frame, read};

proptest! {
    #[test]
    fn what_is_written_is_read(message in message()) {
        prop_assert_eq!(read(&frame(&message)), Ok(Some(message)));
    }

    /// However the bytes are cut, also one at a time, the same messages come out.
    #[test]
    fn segments_do_not_matter(messages in prop::collection::vec(message(), 1..6), cuts in prop::collection::vec(1..300_usize, 1..20)) {
        let mut bytes = preamble().to_vec();
        for message in &messages {
            bytes.extend(frame(message));
        }
        for sizes in [&cuts[..], &[1]] {
            let mut decoder = Decoder::new();
            decoder.set_limit(MAX_FRAME);
            let (mut read, mut rest) = (Vec::new(), &bytes[..]);
            for size in sizes.iter().cycle() {
                let (segment, after) = rest.split_at(rest.len().min(*size));
                rest = after;
                decoder.feed(segment);
                while let Some(message) = decoder.next_message().unwrap() {
                    read.push(message);
                }
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(&read, &messages);
            prop_assert_eq!((decoder.pending(), decoder.skipped()), (0, 0));
        }
    }

    #[test]
    fn ranges_hold_what_they_were_made_of(ids in prop::collection::vec(0..60_u64, 0..40)) {
        let ranges = Ranges::of(ids.iter().copied()).unwrap();
        for number in 0..62 {
            prop_assert_eq!(ranges.contains(number), ids.contains(&number));
        }
        let spread: Vec<u64> = ranges.iter().flatten().collect();
        let mut sorted = ids;
        sorted.sort_unstable();
        sorted.dedup();
        prop_assert_eq!(spread, sorted);
    }

    /// Item by item, through an encoder, or the last one from elsewhere: the same bytes.
    #[test]
    fn written_item_by_item_it_is_the_same_frame(bodies in bodies(), first in any::<u64>()) {
        let slices = || bodies.iter().map(|(_, body)| body.as_slice());
        let put = |items| Put {
            queue: Handle::new(3).unwrap(), codec: ItemCodec(2), first, wait: Micros::ZERO, items,
        };
        let whole = frame(&put(Items::new(slices()).unwrap()).into());

        let mut pushed = b"before".to_vec();
        let mut writer = ItemsWriter::new(&mut pushed, MAX_FRAME, put(Items::empty()));
        for (at, item) in slices().enumerate() {
            prop_assert_eq!(writer.len(), at);
            let fits = if at % 2 == 0 {
                writer.push(item)
            } else {
                writer.push_with(|out| { out.extend_from_slice(item); Ok::<(), WireError>(()) })
            };
            prop_assert_eq!(fits, Ok(true));
        }
        writer.finish().unwrap();
        prop_assert_eq!(&pushed[6..], &whole[..]);

        let mut tailed = Vec::new();
        let (last, others) = bodies.split_last().unwrap();
        let begun = Items::new(others.iter().map(|(_, body)| body.as_slice())).unwrap();
        ItemsWriter::new(&mut tailed, MAX_FRAME, put(begun)).finish_with(&last.1).unwrap();
        tailed.extend_from_slice(&last.1);
        prop_assert_eq!(tailed, whole);
    }
}

#[test]
fn a_frame_that_was_not_ended_leaves_nothing() {
    let put = || Put {
        queue: Handle::new(3).unwrap(),
        codec: ItemCodec::default(),
        first: 1,
        wait: Micros::ZERO,
        items: Items::empty(),
    };
    let mut out = b"before".to_vec();
    let mut writer = ItemsWriter::new(&mut out, 60, put());
    assert!(writer.is_empty());
    assert_eq!(writer.push(&[1; 4]), Ok(true));
    assert_eq!((writer.len(), writer.size()), (1, 44));
    assert_eq!(writer.push(&[1; 13]), Ok(false));
    let failed: Result<bool, &str> = writer.push_with(|out| {
        out.push(1);
        Err("no")
    });
    assert_eq!(failed, Err("no"));
    let large = writer.push_with(|out| {
        out.extend_from_slice(&[1; 13]);
        Ok::<(), WireError>(())
    });
    assert_eq!((large, writer.size()), (Ok(false), 44));
    assert_eq!(writer.push(&[1; 12]), Ok(true));
    drop(writer);
    assert_eq!(out, b"before");

    let excess = ItemsWriter::new(&mut out, 60, put()).finish_with(&[0; 100]);
    assert!(
        matches!(
            excess,
            Err(WireError::Excess {
                limit: 60,
                found: 140,
                ..
            })
        ),
        "{excess:?}"
    );
    let none = ItemsWriter::new(&mut out, 60, put()).finish();
    assert!(matches!(none, Err(WireError::Value { field: "items", .. })), "{none:?}");
    assert_eq!(Message::from(put()).encode(&mut out, 60), none);
    let large = Message::from(Put {
        items: Items::new([[0_u8; 64].as_slice()]).unwrap(),
        ..put()
    });
    assert!(matches!(large.encode(&mut out, 60), Err(WireError::Excess { .. })));
    assert_eq!(out, b"before");
}

/// A frame that was gathered elsewhere and sealed, twice, with a tail or without, is the one that a writer makes.
#[test]
fn what_is_sealed_is_what_is_written() {
    let put = |queue, first| Put {
        queue: Handle::new(queue).expect("not 0"),
        codec: ItemCodec(2),
        first,
        wait: Micros(7),
        items: Items::empty(),
    };
    let items = [b"sweep".as_slice(), b"", b"wash up"];
    let mut gathered = vec![0; Put::FRONT];
    for item in items {
        gathered.extend_from_slice(&(item.len() as u32).to_le_bytes());
        gathered.extend_from_slice(item);
    }
    for (queue, first) in [(1, 1), (7, 41)] {
        let mut written = Vec::new();
        let whole = Put {
            items: Items::new(items).expect("small items"),
            ..put(queue, first)
        };
        Message::from(whole).encode(&mut written, 4096).expect("a small frame");
        put(queue, first)
            .seal(&mut gathered, 3, &[], 4096)
            .expect("a small frame");
        assert_eq!(gathered, written);
        let (front, tail) = gathered.split_at_mut(written.len() - 4);
        put(queue, first).seal(front, 3, tail, 4096).expect("a small frame");
        assert_eq!(gathered, written);
    }
    assert!(put(1, 1).seal(&mut gathered, 3, &[], 20).is_err());
    assert!(put(1, 1).seal(&mut [0; 20], 3, &[], 4096).is_err());
}
