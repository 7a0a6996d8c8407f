//! The queue contract's leases: items handed out on loan.

use descriptor_core::{GetError, Lease, Wait, Wire};

use crate::ShmQueue;
use crate::format::with_buffer;
use crate::layout::ITEMS;
use crate::lease::Lent;
use crate::lease_keeper::Granted;
use crate::lock::Held;
use crate::record::Front;

impl<T: Wire> ShmQueue<T> {
    pub(crate) fn lease_within(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        self.admit()?;
        self.segment
            .persist(ITEMS, wait, || self.lease_now(wait).transpose())
            .unwrap_or(Err(GetError::Empty))
    }

    /// One item on loan; `None` when there is none.
    pub(crate) fn lease_now(&self, wait: Wait) -> Result<Option<Lease<T>>, GetError> {
        self.segment.tend();
        let Some(held) = self.segment.getters(wait) else {
            return Ok(None);
        };
        with_buffer(|buffer| {
            let lent = held.lend(buffer);
            drop(held);
            match lent {
                Ok(Some(lent)) => self.hand_over(lent, buffer).map(Some),
                Ok(None) if self.segment.is_drained() => Err(GetError::Closed),
                Ok(None) => Ok(None),
                Err(error) => Err(GetError::Failed(error)),
            }
        })
    }

    /// Up to `max` items on loan, all under one lock, appended to `out`; 0 when there are none.
    fn lease_run(&self, out: &mut Vec<Lease<T>>, max: usize, wait: Wait) -> Result<usize, GetError> {
        self.segment.tend();
        let Some(held) = self.segment.getters(wait) else {
            return Ok(0);
        };
        with_buffer(|buffer| {
            let mut run = Vec::new();
            let mut end = None;
            while run.len() < max {
                match held.lend(buffer) {
                    Ok(Some(lent)) => run.push(lent),
                    Ok(None) => break,
                    Err(error) => {
                        end = Some(error);
                        break;
                    }
                }
            }
            drop(held);
            if run.is_empty() {
                return match end {
                    Some(error) => Err(GetError::Failed(error)),
                    None if self.segment.is_drained() => Err(GetError::Closed),
                    None => Ok(0),
                };
            }
            // What came after an item that was lent is told by the call that does not get past it.
            let (mut rest, before) = (buffer.as_slice(), out.len());
            let mut fault = None;
            for lent in run {
                let (item, next) = rest.split_at_checked(lent.front.len()).unwrap_or_default();
                rest = next;
                match self.hand_over(lent, item) {
                    Ok(lease) => out.push(lease),
                    Err(GetError::Failed(error)) if fault.is_none() && out.len() == before => fault = Some(error),
                    Err(GetError::Failed(error)) => self.keep_fault(error),
                    Err(_) => {}
                }
            }
            match (out.len() - before, fault) {
                (0, Some(error)) => Err(GetError::Failed(error)),
                (count, fault) => {
                    if let Some(error) = fault {
                        self.keep_fault(error);
                    }
                    Ok(count)
                }
            }
        })
    }

    pub(crate) fn lease_many(&self, out: &mut Vec<Lease<T>>, max: usize, wait: Wait) -> Result<usize, GetError> {
        if max == 0 {
            return Ok(0);
        }
        self.admit()?;
        let attempt = || match self.lease_run(out, max, wait) {
            Ok(0) => None,
            done => Some(done),
        };
        self.segment
            .persist(ITEMS, wait, attempt)
            .unwrap_or(Err(GetError::Empty))
    }

    /// Takes an item that came back, for good.
    pub(crate) fn take_back(&self, held: Held<'_>, index: usize, front: Front) -> Result<T, GetError> {
        with_buffer(|buffer| {
            let place = self.segment.loan_place(index, front);
            self.segment.map.take(place, front.len(), buffer);
            held.take_loan(index, front);
            drop(held);
            self.segment.announce_room(1);
            let item = front.check(buffer).and_then(|()| self.format.decode(buffer));
            self.segment.finish(1);
            item.map_err(|error| GetError::Failed(self.named(error)))
        })
    }

    /// What a batch does when there is an item that came back: the loop of singles.
    pub(crate) fn take_singly(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError> {
        let mut count = 0;
        while count < max {
            match self.take(Wait::Never) {
                None => break,
                Some(Ok(item)) => out.push(item),
                Some(Err(end)) if count == 0 => return Err(end),
                Some(Err(GetError::Failed(error))) => {
                    self.keep_fault(error);
                    break;
                }
                Some(Err(_)) => break,
            }
            count += 1;
        }
        Ok(count)
    }

    fn hand_over(&self, lent: Lent, item: &[u8]) -> Result<Lease<T>, GetError> {
        let mut granted = Granted {
            keeper: &self.keeper,
            lent,
            is_handed_over: false,
        };
        self.keeper.note(lent.due).map_err(GetError::Failed)?;
        match lent.front.check(item).and_then(|()| self.format.decode(item)) {
            Ok(item) => {
                granted.is_handed_over = true;
                let keeper = std::sync::Arc::clone(&self.keeper);
                Ok(Lease::new(item, lent.ticket, lent.deliveries, keeper))
            }
            Err(error) => {
                // As with a get, an item that cannot be read is one error, and gone: the next one would not read it either.
                granted.is_handed_over = true;
                let _ = self.keeper.finish(lent.ticket);
                Err(GetError::Failed(self.named(error)))
            }
        }
    }
}
