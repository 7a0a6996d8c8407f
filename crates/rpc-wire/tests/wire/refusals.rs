//! What is not exactly a message is refused: at once, once and for all, and without taking memory for it.
use proptest::prelude::*;
use rpc_wire::{Decoder, Frame, HANDSHAKE_FRAME, HEAD, MAX_FRAME, Message, Ping, SKIPPED_FROM, WireError, preamble};

use crate::examples::{all, frame, read};

/// A reader past its preamble.
fn begun() -> Decoder {
    let mut decoder = Decoder::new();
    decoder.feed(&preamble());
    assert_eq!(decoder.has_begun(), Ok(true));
    decoder
}

/// Check byte and checksum made right again.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[11] = 0;
    bytes[11] = bytes[4..HEAD].iter().fold(0x5a, |sum, byte| sum ^ byte);
    let sum = crc32c::crc32c(&bytes[4..]);
    bytes[..4].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// A frame with this body in place of its own.
fn with_body(frame: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = [&frame[..HEAD], body].concat();
    let length = (bytes.len() as u32).to_le_bytes();
    bytes[4..8].copy_from_slice(&length);
    resealed(bytes)
}

#[test]
fn every_bit_counts() {
    for example in all() {
        let bytes = frame(&example.message);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let refused = read(&damaged).expect_err(example.name);
            let expected = matches!(refused, WireError::Head { .. } | WireError::Checksum { .. });
            assert!(expected, "{} bit {bit}: {refused}", example.name);
        }
    }
}

#[test]
fn what_is_cut_is_waited_for() {
    for example in all() {
        let bytes = frame(&example.message);
        for cut in 0..bytes.len() {
            let mut decoder = begun();
            decoder.feed(&bytes[..cut]);
            assert_eq!(decoder.next_message(), Ok(None), "{} cut at {cut}", example.name);
            assert_eq!(decoder.pending(), cut);
            let whole = if cut < HEAD { HEAD } else { bytes.len() };
            assert_eq!(decoder.missing(), whole - cut);
            decoder.feed(&bytes[cut..]);
            assert_eq!(decoder.next_message(), Ok(Some(example.message.clone())));
        }
    }
}

#[test]
fn a_body_that_is_cut_or_longer_is_refused() {
    for example in all() {
        let bytes = frame(&example.message);
        let body = &bytes[HEAD..];
        for cut in 0..body.len() {
            let refused = read(&with_body(&bytes, &body[..cut])).expect_err(example.name);
            let expected = matches!(refused, WireError::Short { .. } | WireError::Value { .. });
            assert!(expected, "{} cut at {cut}: {refused}", example.name);
        }
        let refused = read(&with_body(&bytes, &[body, &[0]].concat())).expect_err(example.name);
        assert!(
            matches!(refused, WireError::Trailing { .. }),
            "{}: {refused}",
            example.name
        );
    }
}

#[test]
fn what_no_field_takes_from_the_head_is_refused() {
    for example in all() {
        let bytes = frame(&example.message);
        let mut refused = 0;
        // A codec, a bit of flags that means nothing, a queue.
        for (at, bit) in [(9, 1), (10, 0x80), (12, 1)] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            match read(&resealed(changed.clone())) {
                Ok(Some(message)) => assert_eq!(frame(&message), resealed(changed)),
                Ok(None) => panic!("{}", example.name),
                Err(WireError::Value { .. }) => refused += 1,
                Err(other) => panic!("{}: {other}", example.name),
            }
        }
        assert!(refused >= 1, "{}: flags", example.name);
    }
}

#[test]
fn hostile_lengths_take_no_memory() {
    for length in [0, 1, HEAD as u32 - 1, HANDSHAKE_FRAME + 1, 1 << 31, u32::MAX] {
        let mut bytes = frame(&Ping { number: 1 }.into());
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
        let mut decoder = begun();
        decoder.feed(&resealed(bytes)[..HEAD]);
        let expected = WireError::Length {
            found: length,
            limit: HANDSHAKE_FRAME,
        };
        assert_eq!(decoder.next_message(), Err(expected));
        assert!(decoder.buffer_mut().capacity() < 1024);
        // It stays that way, whatever comes, and keeps nothing.
        decoder.feed(&frame(&Ping { number: 2 }.into()));
        assert_eq!((decoder.next_message(), decoder.pending()), (Err(expected), 0));
    }
}

#[test]
fn a_length_that_is_allowed_takes_no_memory_before_its_bytes() {
    let mut bytes = frame(&Ping { number: 1 }.into());
    bytes[4..8].copy_from_slice(&MAX_FRAME.to_le_bytes());
    let mut decoder = begun();
    decoder.set_limit(u32::MAX);
    decoder.feed(&resealed(bytes)[..HEAD]);
    assert_eq!(decoder.next_message(), Ok(None));
    assert_eq!(decoder.missing(), MAX_FRAME as usize - HEAD);
    assert!(decoder.buffer_mut().capacity() < 1024);
}

#[test]
fn hostile_counts_are_refused() {
    let huge = u64::MAX.to_le_bytes();
    for example in all() {
        let bytes = frame(&example.message);
        // Every place where a number could be, as large as a number gets.
        for at in HEAD..bytes.len() {
            for size in [1, 2, 4, 8] {
                let mut body = bytes[HEAD..].to_vec();
                let end = (at - HEAD + size).min(body.len());
                body[at - HEAD..end].copy_from_slice(&huge[..end - (at - HEAD)]);
                let changed = with_body(&bytes, &body);
                if let Ok(Some(message)) = read(&changed) {
                    assert_eq!(frame(&message), changed, "{}", example.name);
                }
            }
        }
    }
    let put = all().into_iter().find(|example| example.name == "put").unwrap();
    let bytes = frame(&put.message);
    for count in [0, 2, 4, u32::MAX] {
        let mut body = bytes[HEAD..].to_vec();
        body[16..20].copy_from_slice(&count.to_le_bytes());
        read(&with_body(&bytes, &body)).expect_err("three items");
    }
}

#[test]
fn unknown_types_are_skipped_or_refused() {
    let ping = frame(&Ping { number: 1 }.into());
    for kind in [0, 0x05, 0x0e, 0x39, 0x80, SKIPPED_FROM - 1, SKIPPED_FROM, u8::MAX] {
        let mut bytes = ping.clone();
        bytes[8] = kind;
        let mut decoder = begun();
        decoder.feed(&resealed(bytes));
        decoder.feed(&ping);
        let read = decoder.next_message();
        if kind < SKIPPED_FROM {
            assert_eq!(read, Err(WireError::Type { found: kind }));
        } else {
            assert_eq!(read, Ok(Some(Ping { number: 1 }.into())));
        }
        assert_eq!(decoder.skipped(), u64::from(kind >= SKIPPED_FROM));
        // The same type, damaged, is never skipped.
        let mut bytes = ping.clone();
        bytes[8] = kind;
        bytes = resealed(bytes);
        bytes[20] ^= 1;
        let mut decoder = begun();
        decoder.feed(&bytes);
        assert!(decoder.next_message().is_err());
    }
}

#[test]
fn other_protocols_are_refused_at_the_eighth_byte() {
    let foreign: [(&[u8], &str); 8] = [
        (b"GET / HTTP/1.1\r\n", "an HTTP request"),
        (b"POST /x HTTP/1.1\r\n", "an HTTP request"),
        (b"PRI * HTTP/2.0\r\n", "an HTTP/2 connection"),
        (
            &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc],
            "a TLS handshake",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "an SSH banner"),
        (b"INFO {\"server_id\":", "a NATS server"),
        (b"CONNECT {\"verbose\":", "a NATS client"),
        (&[0; 16], "bytes of another protocol"),
    ];
    for (bytes, name) in foreign {
        let mut decoder = Decoder::new();
        decoder.feed(&bytes[..7]);
        assert_eq!(decoder.next_message(), Ok(None));
        assert_eq!(decoder.missing(), 1);
        decoder.feed(&bytes[7..8]);
        let refused = decoder.next_message().unwrap_err();
        assert!(matches!(refused, WireError::Foreign { .. }));
        assert!(refused.to_string().contains(name), "{refused}");
        assert_eq!(decoder.next_message(), Err(refused));
    }
    let mut other = preamble();
    other[6] = 2;
    let mut decoder = Decoder::new();
    decoder.feed(&other);
    assert_eq!(decoder.has_begun(), Err(WireError::Version { found: 2 }));
}

#[test]
fn errors_say_what_was_expected_and_found_and_what_to_do() {
    let mut seen = Vec::new();
    for example in all() {
        let bytes = frame(&example.message);
        let mut damaged = bytes.clone();
        damaged[0] ^= 1;
        let mut bent = bytes.clone();
        bent[4] ^= 1;
        seen.extend([read(&damaged), read(&bent), read(&with_body(&bytes, &[]))]);
        seen.push(read(&with_body(&bytes, &[&bytes[HEAD..], &[0]].concat())));
    }
    let mut lines = 0;
    for error in seen.into_iter().filter_map(Result::err) {
        let line = error.to_string();
        let whole = line.contains("expected ") && line.contains("found ") && line.contains("; ");
        assert!(whole && !line.contains('\n'), "{line}");
        lines += 1;
    }
    assert!(lines > 100);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)) {
        let mut fresh = Decoder::new();
        let mut begun = begun();
        for segment in segments {
            for decoder in [&mut fresh, &mut begun] {
                decoder.feed(&segment);
                while let Ok(Some(_)) = decoder.next_message() {}
            }
        }
    }

    /// Without a checksum in the way: any type, any head, any body.
    #[test]
    fn what_is_read_is_what_is_written(
        kind in any::<u8>(), codec in 0..3_u8, flags in 0..4_u8, queue in 0..3_u32,
        body in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..80),
    ) {
        let head = Frame { kind, codec, flags, queue, body: body.clone().into() };
        if let Ok(message) = Message::decode(&head) {
            let bytes = frame(&message);
            prop_assert_eq!(&bytes[8..11], &[kind, codec, flags]);
            prop_assert_eq!(&bytes[HEAD..], &body[..]);
            prop_assert_eq!(read(&bytes), Ok(Some(message)));
        }
    }

    /// A true message with some bytes changed is refused, or it is another message that is written so.
    #[test]
    fn changed_bodies_are_refused_or_written_alike(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let examples = all();
        let bytes = frame(&which.get(&examples).message);
        let mut body = bytes[HEAD..].to_vec();
        for (at, byte) in changes {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
            }
        }
        let changed = with_body(&bytes, &body);
        if let Ok(message) = read(&changed) {
            prop_assert_eq!(frame(&message.unwrap()), changed);
        }
    }
}
