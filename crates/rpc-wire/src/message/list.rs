//! The messages of version 1, by their types.

use descriptor_record::QueueId;

use super::define::messages;
use super::part::{Creation, Listing, Side, Tag};
use crate::batch::{Items, Loans};
use crate::failure::Failure;
use crate::limits::{Capabilities, Limits};
use crate::ranges::Ranges;
use crate::value::{Call, Few, Flag, Handle, ItemCodec, Micros, Record, Text};

messages! {
    /// The first frame of a client.
    0x01 Client Hello {
        /// What the client can do.
        capabilities: Capabilities,
        /// What the client takes.
        limits: Limits,
        /// The session to go on with, or zeros for a new one.
        session: [u8; 16],
        /// The life of the server that the session is from, or 0.
        epoch: u64,
        /// Random bytes, so that no server can answer with what another one said.
        nonce: [u8; 32],
        /// The program, for people.
        agent: Text,
    }

    /// The answer to [`Hello`] when the server wants to know who it is.
    0x02 Server Challenge {
        /// Random bytes, so that no client can say what another one said.
        nonce: [u8; 32],
    }

    /// The answer to [`Challenge`].
    0x03 Client Proof {
        /// Which secret, by its name.
        identity: Text,
        /// HMAC-SHA-256 with the secret over `sage rpc 1 client` and the frames of [`Hello`] and [`Challenge`], byte for byte.
        proof: [u8; 32],
    }

    /// The end of the handshake: from here on both sides send what they like.
    0x04 Server Welcome {
        /// Whether the session goes on where it was, with its sequence numbers.
        resumed: Flag<0>,
        /// What both sides can do.
        capabilities: Capabilities,
        /// What the server takes.
        limits: Limits,
        /// The session. Whoever knows it and can prove who it is may go on with it.
        session: [u8; 16],
        /// Which life of the server it is: what is volatile is gone when it changes.
        epoch: u64,
        /// As in [`Proof`] with `sage rpc 1 server`: the server knows the secret too. Zeros without [`Challenge`].
        proof: [u8; 32],
        /// The program, for people.
        agent: Text,
    }

    /// Are you there? To be answered at once.
    0x08 Both Ping {
        /// Any number.
        number: u64,
    }

    /// The answer to [`Ping`].
    0x09 Both Pong {
        /// The same number.
        number: u64,
    }

    /// Nothing more will be asked; what was asked is still answered. The last frame of a side.
    0x0a Both Goodbye {
        /// How long the other side may take to end what is under way.
        grace: Micros,
        /// Why, when it is not simply the end.
        failure: Option<Failure>,
    }

    /// A call failed; or, without a call, a queue or the whole connection did.
    0x0b Both Failed {
        /// The queue that it is about, if one: without a call, the number is void from now on.
        queue: Option<Handle>,
        /// The call.
        call: Option<Call>,
        /// Why.
        failure: Failure,
    }

    /// A call that has no other answer was done.
    0x0c Server Done {
        /// The call.
        call: Call,
    }

    /// A call is not waited for any more. It is answered all the same, in most cases by [`Failed`] with `Cancelled`.
    0x0d Client Cancel {
        /// The call.
        call: Call,
    }

    /// Opens a queue, or makes it. A connection opens a queue once.
    0x10 Client Open {
        /// The call.
        call: Call,
        /// What may be made.
        creation: Creation,
        /// The type of the items; any, when its name is empty.
        tag: Tag,
        /// Its descriptor: name and parameters.
        record: Record,
    }

    /// The answer to [`Open`].
    0x11 Server Opened {
        /// The number of the queue on this connection.
        queue: Handle,
        /// Whether it was made for this call.
        created: Flag<0>,
        /// Whether what was delivered to the session and neither consumed nor settled still is; otherwise it went back, and must
        /// not be handed over any more.
        kept: Flag<1>,
        /// The call.
        call: Call,
        /// Which life of the name it is.
        epoch: u64,
        /// The most items, 0 for any number.
        capacity: u64,
        /// The number that the next item put by the session has to have, 1 at first: everything below is stored.
        next_put: u64,
        /// The number that the next delivery to the session will have, 1 at first.
        next_delivery: u64,
        /// How long a loan lasts when nobody says otherwise.
        lease: Micros,
    }

    /// The number of the queue is not needed any more. What was delivered and not consumed goes back. Answered by [`Done`].
    0x12 Client Release {
        /// The queue.
        queue: Handle,
        /// The call.
        call: Call,
    }

    /// Closes the queue for everyone: puts fail, gets take what is left. Answered by [`Done`].
    0x13 Client Close {
        /// The queue.
        queue: Handle,
        /// The call.
        call: Call,
    }

    /// The queue was closed, by whomever.
    0x14 Server Closed {
        /// The queue.
        queue: Handle,
    }

    /// Removes a queue with what is in it. Answered by [`Done`].
    0x15 Client Delete {
        /// The call.
        call: Call,
        /// Its name.
        id: QueueId,
    }

    /// Is there a queue of that name?
    0x16 Client Exists {
        /// The call.
        call: Call,
        /// Its name.
        id: QueueId,
    }

    /// The answer to [`Exists`].
    0x17 Server Existence {
        /// The call.
        call: Call,
        /// Whether there is one.
        exists: bool,
    }

    /// Which queues are there? In the order of their bytes.
    0x18 Client List {
        /// The call.
        call: Call,
        /// How the names begin.
        prefix: Text,
        /// The last one of the page before.
        after: Option<QueueId>,
        /// The most that this page may have.
        most: u16,
    }

    /// The answer to [`List`].
    0x19 Server Listed {
        /// Whether there are more after these.
        more: Flag<0>,
        /// The call.
        call: Call,
        /// The queues.
        queues: Few<Listing, 512>,
    }

    /// How is that queue?
    0x1a Client Stats {
        /// The call.
        call: Call,
        /// Its name.
        id: QueueId,
    }

    /// The answer to [`Stats`].
    0x1b Server StatsAre {
        /// The call.
        call: Call,
        /// Its descriptor.
        record: Record,
        /// Numbers by their names, as in [`stat`](crate::stat).
        values: Few<(u16, u64), 256>,
    }

    /// How many items are in the queue?
    0x1c Client Depth {
        /// The queue.
        queue: Handle,
        /// The call.
        call: Call,
    }

    /// The answer to [`Depth`].
    0x1d Server DepthIs {
        /// The call.
        call: Call,
        /// Items that wait.
        waiting: u64,
        /// Items on loan, and prefetched ones not yet marked as consumed.
        away: u64,
    }

    /// Shows items without taking them. Answered by [`Peeked`], or by [`Failed`] with `Empty`.
    0x1e Client Peek {
        /// The queue.
        queue: Handle,
        /// The call.
        call: Call,
        /// How many from the head on are left out.
        skip: u64,
        /// The most items.
        items: u32,
        /// The most bytes of them; the first one may have more.
        bytes: u64,
    }

    /// The answer to [`Peek`].
    0x1f Server Peeked {
        /// The codec of the items.
        codec: ItemCodec,
        /// The call.
        call: Call,
        /// The items from the head on, as many as have one codec.
        items: Items,
    }

    /// Items for a queue. Answered by [`Confirmed`] and [`Refused`], for any number of puts at once.
    0x20 Client Put {
        /// The queue.
        queue: Handle,
        /// The codec of the items.
        codec: ItemCodec,
        /// The number of the first item. Numbers belong to the session and the queue and have no gaps.
        first: u64,
        /// How long the server may wait for room.
        wait: Micros,
        /// The items.
        items: Items,
    }

    /// Items are stored.
    0x21 Server Confirmed {
        /// The queue.
        queue: Handle,
        /// All up to and including this number.
        up_to: u64,
    }

    /// Items are not stored, and will not be: their numbers are free again, and the next put begins with the first of them. What was
    /// under way meanwhile falls under it: a server drops puts that begin later than that.
    0x22 Server Refused {
        /// The queue.
        queue: Handle,
        /// All from this number on; those before are confirmed.
        from: u64,
        /// Why.
        failure: Failure,
    }

    /// Puts are not waited for any more. What is stored is confirmed, the rest refused with `Cancelled`.
    0x23 Client Withdraw {
        /// The queue.
        queue: Handle,
        /// From this number on.
        from: u64,
    }

    /// Credit: the server may deliver so many items, as they come. Calls of one queue are served in their order.
    0x30 Client Get {
        /// The queue.
        queue: Handle,
        /// Whether the first items end the call, however many there are; otherwise it lasts until its credit is used up.
        once: Flag<0>,
        /// Whether items are the client's as soon as they are sent, so that none can come twice; otherwise they are once it says
        /// [`Consumed`], and go back when it never does.
        outright: Flag<1>,
        /// The call.
        call: Call,
        /// The most items.
        items: u32,
        /// The most bytes of them; the first one may have more.
        bytes: u64,
        /// How long the server may wait for them. After that the call fails with `Empty`.
        wait: Micros,
    }

    /// Items for [`Get`].
    0x31 Server Delivered {
        /// The queue.
        queue: Handle,
        /// The codec of the items.
        codec: ItemCodec,
        /// Whether this ends the call.
        last: Flag<0>,
        /// The call.
        call: Call,
        /// The number of the first delivery. Numbers belong to the session and the queue and have no gaps.
        first: u64,
        /// The items.
        items: Items,
    }

    /// Items were handed over to the program and will not come again.
    0x32 Client Consumed {
        /// The queue.
        queue: Handle,
        /// All deliveries up to and including this number, but for loans.
        up_to: u64,
    }

    /// As [`Get`], for items on loan.
    0x33 Client Lease {
        /// The queue.
        queue: Handle,
        /// As for [`Get`].
        once: Flag<0>,
        /// The call.
        call: Call,
        /// As for [`Get`].
        items: u32,
        /// As for [`Get`].
        bytes: u64,
        /// As for [`Get`].
        wait: Micros,
        /// How long each loan lasts from its delivery on, zero for what the queue says.
        lease: Micros,
    }

    /// Items for [`Lease`].
    0x34 Server Lent {
        /// The queue.
        queue: Handle,
        /// The codec of the items.
        codec: ItemCodec,
        /// Whether this ends the call.
        last: Flag<0>,
        /// The call.
        call: Call,
        /// The number of the first delivery, as for [`Delivered`].
        first: u64,
        /// The items, with the number of their deliveries.
        items: Loans,
    }

    /// Loans end, the items are done. Answered by [`Settled`].
    0x35 Client Ack {
        /// The queue.
        queue: Handle,
        /// The call.
        call: Call,
        /// The deliveries.
        deliveries: Ranges,
    }

    /// Loans end, the items come back. Answered by [`Settled`].
    0x36 Client Nack {
        /// The queue.
        queue: Handle,
        /// The call.
        call: Call,
        /// After which time they are visible again.
        after: Micros,
        /// The deliveries.
        deliveries: Ranges,
    }

    /// Loans go on. Answered by [`Settled`].
    0x37 Client Extend {
        /// The queue.
        queue: Handle,
        /// The call.
        call: Call,
        /// At least so long from now.
        by: Micros,
        /// The deliveries.
        deliveries: Ranges,
    }

    /// The answer to [`Ack`], [`Nack`] and [`Extend`].
    0x38 Server Settled {
        /// The call.
        call: Call,
        /// Those that were no loans of the session any more; nothing was done with them.
        stale: Ranges,
    }
}
