//! An answer in parts.

use std::fmt;
use std::time::Instant;

use descriptor_core::{Error, Wire};

use crate::client::ServiceClient;
use crate::desk::Inside;
use crate::message::{Flag, Reply};

/// The parts of an answer as they come, from [`ServiceClient::stream`]. It ends behind the last part, or with one error.
///
/// Parts that nobody reads fill the response queue, and then the worker waits.
pub struct Replies<Req: Wire, Resp: Wire> {
    client: ServiceClient<Req, Resp>,
    call: u64,
    until: Instant,
    flag: Flag,
    _inside: Inside<Req>,
    done: bool,
}

impl<Req: Wire, Resp: Wire> Replies<Req, Resp> {
    pub(crate) const fn new(
        client: ServiceClient<Req, Resp>,
        call: u64,
        until: Instant,
        flag: Flag,
        inside: Inside<Req>,
    ) -> Self {
        Self {
            client,
            call,
            until,
            flag,
            _inside: inside,
            done: false,
        }
    }

    fn end(&mut self, answered: bool) {
        self.done = true;
        if answered {
            self.client.mailbox.end(self.call);
        } else {
            self.client.give_up(self.call, &self.flag);
        }
    }
}

impl<Req: Wire, Resp: Wire> Iterator for Replies<Req, Resp> {
    type Item = Result<Resp, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let named = |error: Error| error.with("service", self.client.name());
        let (item, answered) = match self.client.mailbox.wait(self.call, self.until) {
            Ok(Some(Reply::Part(parcel))) => match parcel.open() {
                Ok(part) => return Some(Ok(part)),
                Err(error) => (Some(Err(named(error))), false),
            },
            Ok(Some(Reply::Whole(parcel))) => (Some(parcel.open().map_err(named)), true),
            Ok(Some(Reply::End)) => (None, true),
            Ok(Some(Reply::Failed(fault))) => (Some(Err(fault.into_error(self.client.name()))), true),
            Ok(None) => (Some(Err(self.client.timed_out())), false),
            Err(error) => (Some(Err(named(error))), false),
        };
        self.end(answered);
        item
    }
}

impl<Req: Wire, Resp: Wire> Drop for Replies<Req, Resp> {
    fn drop(&mut self) {
        if !self.done {
            self.end(false);
        }
    }
}

impl<Req: Wire, Resp: Wire> fmt::Debug for Replies<Req, Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies")
            .field("service", &self.client.name())
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
