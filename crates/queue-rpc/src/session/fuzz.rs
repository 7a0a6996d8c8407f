//! A session whose server says anything.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use descriptor_core::{DescriptorRecord, QueueId, Wait};
use rpc_wire::{Capabilities, Flag, ItemCodec, Limits, Message, Record, Tag, Text, Welcome};

use super::{PutTicket, Session, Step, Terms};

/// Lets a client hear these messages, one after the other. It puts, gets and leases meanwhile, and goes on over a new
/// connection when it ends the old one.
pub fn client(said: Vec<Message>) {
    let mut now = Instant::now();
    let mut session = Session::new(None, None, now);
    let Some(terms) = terms() else { return };
    let Some((key, _)) = session.attach(&terms) else { return };
    let mut output = VecDeque::new();
    connect(&mut session, now, &mut output);
    for (turn, message) in said.into_iter().enumerate() {
        match turn % 4 {
            0 => drop(session.put(key, b"item")),
            1 => session.want(key, now),
            2 => session.want_loan(key, 1),
            _ => drop(session.submit(key, &[1, 0, 0, 0, b'x'], 1, Wait::Never, &PutTicket::new())),
        }
        let end = session.receive(message, now);
        // What was delivered is taken at once, so that the next delivery has its credit.
        while let Step::Item(..) = session.pop(key, false) {}
        session.take_output(now, &mut output);
        output.clear();
        let (wakes, _) = session.after();
        wakes.into_iter().for_each(super::Wake::run);
        if let Err(cause) = end {
            session.disconnected(&cause);
            now += Duration::from_secs(1);
            connect(&mut session, now, &mut output);
        }
    }
    session.detach(key);
    session.leave();
}

/// A server that begins as it should.
fn connect(session: &mut Session, now: Instant, output: &mut VecDeque<bytes::Bytes>) {
    session.connected([5; 32], now);
    session.take_output(now, output);
    output.clear();
    let welcome = Welcome {
        resumed: Flag(true),
        capabilities: Capabilities(0xff),
        limits: Limits::default(),
        session: [9; 16],
        epoch: 7,
        proof: [0; 32],
        agent: Text::default(),
    };
    // Refused when it does not fit what was said before: then the client says so to whatever comes next.
    let _ = session.receive(welcome.into(), now);
    session.take_output(now, output);
    output.clear();
}

fn terms() -> Option<Terms> {
    let id = QueueId::new("letters/in").ok()?;
    let mut record = DescriptorRecord::new(id.clone(), "rpc");
    record.created_timestamp = 0.0;
    Some(Terms {
        tag: Tag {
            name: Text::clipped("bytes"),
            shape: 1,
        },
        record: Record::new(&record).ok()?,
        id,
        codec: ItemCodec(0),
        prefetch: 100,
        each: false,
    })
}
