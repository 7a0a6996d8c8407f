//! Any value, for properties.

use descriptor_record::QueueId;
use proptest::prelude::*;
use queue_core::ErrorKind;
use rpc_wire::{
    Ack, Call, Capabilities, Delete, Delivered, Failed, Failure, Few, Flag, Goodbye, Handle, Hello, ItemCodec, Items,
    LEAST_FRAME, Lent, Limits, List, Listed, Listing, Loans, MAX_FRAME, Message, Micros, Nack, Opened, Put, Ranges,
    Text,
};

fn call() -> impl Strategy<Value = Call> {
    (1..=u32::MAX).prop_map(|number| Call::new(number).unwrap())
}

fn queue() -> impl Strategy<Value = Handle> {
    (1..=u32::MAX).prop_map(|number| Handle::new(number).unwrap())
}

fn micros() -> impl Strategy<Value = Micros> {
    prop_oneof![Just(Micros::ZERO), Just(Micros::FOREVER), any::<u64>().prop_map(Micros)]
}

fn text() -> impl Strategy<Value = Text> {
    ".{0,1100}".prop_map(|text: String| Text::clipped(text))
}

fn id() -> impl Strategy<Value = QueueId> {
    "[a-z0-9][A-Za-z0-9_-]{0,90}(/[A-Za-z0-9_-]{1,90})?".prop_map(|id: String| QueueId::new(id).unwrap())
}

fn failure() -> impl Strategy<Value = Failure> {
    let kinds = prop_oneof![Just(ErrorKind::Full), Just(ErrorKind::TooLarge), Just(ErrorKind::Io)];
    (kinds, any::<bool>(), micros(), text()).prop_map(|(kind, retryable, retry_after, message)| Failure {
        kind: kind.into(),
        retryable,
        retry_after,
        message,
    })
}

fn ranges() -> impl Strategy<Value = Ranges> {
    prop::collection::vec(prop_oneof![0..40_u64, any::<u64>()], 0..40).prop_map(|ids| Ranges::of(ids).unwrap())
}

pub(crate) fn bodies() -> impl Strategy<Value = Vec<(u32, Vec<u8>)>> {
    let body = prop::collection::vec(any::<u8>(), 0..90);
    prop::collection::vec((any::<u32>(), body), 1..40)
}

fn items() -> impl Strategy<Value = Items> {
    bodies().prop_map(|bodies| Items::new(bodies.iter().map(|(_, body)| body.as_slice())).unwrap())
}

fn loans() -> impl Strategy<Value = Loans> {
    bodies().prop_map(|bodies| Loans::new(bodies.iter().map(|(count, body)| (*count, body.as_slice()))).unwrap())
}

fn limits() -> impl Strategy<Value = Limits> {
    let small = (LEAST_FRAME..=MAX_FRAME, any::<[u32; 4]>(), any::<[u64; 2]>());
    small.prop_map(
        |(frame, [calls, window_items, credit_items, leases], [window_bytes, credit_bytes])| Limits {
            frame,
            calls,
            window_items,
            window_bytes,
            credit_items,
            credit_bytes,
            leases,
        },
    )
}

prop_compose! {
    fn hello()(capabilities in any::<u64>(), limits in limits(), session in any::<[u8; 16]>(), epoch in any::<u64>(),
        nonce in any::<[u8; 32]>(), agent in text()) -> Hello {
        Hello { capabilities: Capabilities(capabilities), limits, session, epoch, nonce, agent }
    }
}

prop_compose! {
    fn opened()(queue in queue(), [created, kept] in any::<[bool; 2]>(), call in call(), lease in micros(),
        [epoch, capacity, next_put, next_delivery] in any::<[u64; 4]>()) -> Opened {
        Opened { queue, created: Flag(created), kept: Flag(kept), call, epoch, capacity, next_put, next_delivery, lease }
    }
}

/// Messages with every form of value that there is.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    let listing = (id(), any::<u64>(), any::<u64>()).prop_map(|(id, epoch, depth)| Listing { id, epoch, depth });
    prop_oneof![
        hello().prop_map(Message::from),
        opened().prop_map(Message::from),
        (micros(), prop::option::of(failure())).prop_map(|(grace, failure)| Goodbye { grace, failure }.into()),
        (prop::option::of(queue()), prop::option::of(call()), failure()).prop_map(|(queue, call, failure)| Failed {
            queue,
            call,
            failure
        }
        .into()),
        (call(), id()).prop_map(|(call, id)| Delete { call, id }.into()),
        (call(), text(), prop::option::of(id()), any::<u16>()).prop_map(|(call, prefix, after, most)| List {
            call,
            prefix,
            after,
            most
        }
        .into()),
        (any::<bool>(), call(), prop::collection::vec(listing, 0..9)).prop_map(|(more, call, queues)| {
            let queues = Few::new(queues).unwrap();
            Listed {
                more: Flag(more),
                call,
                queues,
            }
            .into()
        }),
        (queue(), any::<u8>(), any::<u64>(), micros(), items()).prop_map(|(queue, codec, first, wait, items)| {
            let codec = ItemCodec(codec);
            Put {
                queue,
                codec,
                first,
                wait,
                items,
            }
            .into()
        }),
        (queue(), any::<bool>(), call(), any::<u64>(), items()).prop_map(|(queue, last, call, first, items)| {
            let codec = ItemCodec::default();
            Delivered {
                queue,
                codec,
                last: Flag(last),
                call,
                first,
                items,
            }
            .into()
        }),
        (queue(), any::<bool>(), call(), any::<u64>(), loans()).prop_map(|(queue, last, call, first, items)| {
            let codec = ItemCodec(3);
            Lent {
                queue,
                codec,
                last: Flag(last),
                call,
                first,
                items,
            }
            .into()
        }),
        (queue(), call(), ranges()).prop_map(|(queue, call, deliveries)| Ack {
            queue,
            call,
            deliveries
        }
        .into()),
        (queue(), call(), micros(), ranges()).prop_map(|(queue, call, after, deliveries)| Nack {
            queue,
            call,
            after,
            deliveries
        }
        .into()),
    ]
}
