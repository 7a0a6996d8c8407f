//! Items on loan that came for a queue and wait for who asked for them.

use std::collections::VecDeque;

use bytes::Bytes;
use rpc_wire::Call;

/// An item on loan.
#[derive(Debug)]
pub(crate) struct Loan {
    /// The number of its delivery.
    pub(crate) number: u64,
    /// How often it was delivered, this time included.
    pub(crate) deliveries: u32,
    pub(crate) codec: u8,
    pub(crate) item: Bytes,
}

#[derive(Debug, Default)]
pub(crate) struct Loans {
    pub(crate) ready: VecDeque<Loan>,
    credits: Vec<(Call, u64)>,
    outstanding: u64,
    /// Items that callers wait for right now.
    pub(crate) demand: usize,
    /// Those that the program has.
    pub(crate) held: usize,
    /// Which life of the loans it is: those of an earlier one are void.
    pub(crate) life: u16,
}

impl Loans {
    /// How many to ask for.
    pub(crate) fn ask(&self) -> u32 {
        let have = self.ready.len() as u64 + self.outstanding;
        (self.demand as u64).saturating_sub(have).min(u32::MAX.into()) as u32
    }

    pub(crate) fn asked(&mut self, call: Call, items: u32) {
        self.credits.push((call, items.into()));
        self.outstanding += u64::from(items);
    }

    pub(crate) fn used(&mut self, call: Call, items: u64, last: bool) -> bool {
        let Some(at) = self.credits.iter().position(|(known, _)| *known == call) else {
            return false;
        };
        if let Some((_, left)) = self.credits.get_mut(at) {
            let used = if last { *left } else { items.min(*left) };
            *left -= used;
            self.outstanding -= used;
        }
        if last {
            self.credits.swap_remove(at);
        }
        true
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = Call> + '_ {
        self.credits.iter().map(|(call, _)| *call)
    }

    pub(crate) fn disconnected(&mut self) {
        self.credits.clear();
        self.outstanding = 0;
    }

    /// All loans of this session went back.
    pub(crate) fn gone_back(&mut self) {
        self.ready.clear();
        self.held = 0;
        self.life = self.life.wrapping_add(1);
    }
}

const NUMBER_BITS: u32 = 48;

/// The number by which the program knows a loan: which life, and which delivery of it.
pub(crate) const fn ticket(life: u16, number: u64) -> u64 {
    (life as u64) << NUMBER_BITS | (number & ((1 << NUMBER_BITS) - 1))
}

/// The life and the delivery of a ticket.
pub(crate) const fn delivery(ticket: u64) -> (u16, u64) {
    ((ticket >> NUMBER_BITS) as u16, ticket & ((1 << NUMBER_BITS) - 1))
}
