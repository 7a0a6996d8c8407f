//! Queues are opened, made, released, closed and deleted.

use std::collections::VecDeque;

use descriptor_record::{DescriptorRecord, QueueId};
use queue_core::{Error, ErrorKind};
use rpc_wire::{
    Closed, Creation, Delete, Done, Failed, Failure, Flag, Handle, Message, Micros, Open, Opened, Record, Tag,
};

use crate::broker::Broker;
use crate::dispatch::Stop;
use crate::journal::Entry;
use crate::queue::{Queue, about};
use crate::rights::Rights;
use crate::session::Member;
use crate::store::Store;
use crate::table::Key;
use crate::terms::{Terms, Wanted};

/// Which life of its name a queue is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Making {
    /// The next one.
    New,
    /// One that was begun elsewhere.
    Life(u64),
}

impl Broker {
    /// The member, what is said to it, and whether the queue is closed.
    pub(crate) fn open(&mut self, at: Key, open: &Open) -> Result<(Key, Opened, bool), Stop> {
        let record = open.record.read()?;
        let wanted = Wanted::read(&record)?;
        let id = &record.queue_id;
        self.permit(at, id.as_str(), Rights::ALL, "open")?;
        self.summon(id)?;
        if let Some(grave) = &wanted.dead_letter {
            self.summon(grave)?;
        }
        wanted.durable(id, &self.settings)?;
        let (queue_key, created) = match (self.names.get(id).copied(), open.creation) {
            (Some(_), Creation::Always) => {
                return Err(about(id, ErrorKind::Incompatible, "make")
                    .expected("no queue of that name")
                    .found("one that is there")
                    .remedy("open it, delete it first, or take another name")
                    .into());
            }
            (Some(key), _) => (key, false),
            (None, Creation::Never) => {
                return Err(about(id, ErrorKind::NotFound, "open")
                    .expected("a queue of that name")
                    .found("none")
                    .remedy("make it, or check the name")
                    .into());
            }
            (None, _) => {
                self.check_epoch(id, &record, None)?;
                self.permit(
                    at,
                    id.as_str(),
                    Rights::PUT.with(Rights::GET).with(Rights::ADMIN),
                    "make",
                )?;
                if let Some(grave) = &wanted.dead_letter {
                    self.permit(at, grave.as_str(), Rights::PUT, "bury in")?;
                }
                let terms = wanted.terms(&self.settings);
                (self.make(&record, terms)?, true)
            }
        };
        if let Some(queue) = self.queues.get_mut(queue_key) {
            wanted.agree(id, &queue.terms)?;
            agree_on_type(queue, &open.tag)?;
            let epoch = Some(queue.epoch);
            self.check_epoch(id, &record, epoch)?;
        }
        let entered = self.enter(at, queue_key);
        if entered.is_err() && created {
            self.unmake(queue_key);
        }
        let (member, handle) = entered?;
        if created
            && self.settings.guests.is_some()
            && let Some(grave) = wanted.dead_letter.filter(|grave| !self.has(grave))
        {
            // So that no guest is made of that name.
            self.make_grave(queue_key, grave);
        }
        self.opened(member, handle, created, open)
    }

    fn check_epoch(&self, id: &QueueId, record: &DescriptorRecord, found: Option<u64>) -> Result<(), Error> {
        match record.epoch.filter(|epoch| Some(*epoch) != found) {
            None => Ok(()),
            Some(epoch) => Err(about(id, ErrorKind::StaleHandle, "open")
                .expected(format!("life {epoch} of the queue, as the descriptor says"))
                .found(found.map_or_else(|| "no queue".to_owned(), |found| format!("life {found}")))
                .remedy("what was in it is gone; take a descriptor of the queue as it is now")),
        }
    }

    fn make(&mut self, record: &DescriptorRecord, terms: Terms) -> Result<Key, Error> {
        self.check_room_for(&record.queue_id)?;
        self.make_as(record, terms, Making::New)
    }

    /// As [`make`](Self::make), however many there are.
    pub(crate) fn make_as(&mut self, record: &DescriptorRecord, terms: Terms, making: Making) -> Result<Key, Error> {
        let id = &record.queue_id;
        if terms.durable {
            self.can_write(id)?;
        }
        let epoch = match making {
            Making::New => self.next_life(),
            Making::Life(epoch) => epoch,
        };
        let key = self.queues.insert(Queue {
            id: id.clone(),
            epoch,
            record: Record::new(&terms.record(record, epoch))?,
            terms,
            tag: None,
            closed: false,
            store: Store::default(),
            gets: Default::default(),
            puts: Default::default(),
            members: Default::default(),
            dirty: false,
            touched: false,
            sight_due: None,
        });
        self.names.insert(id.clone(), key);
        if let Some(queue) = self.queues.get(key) {
            queue.made(&mut self.journal);
        }
        Ok(key)
    }

    /// Makes the queue for dead letters of another one, for the same items.
    pub(crate) fn make_grave(&mut self, of: Key, id: QueueId) -> Option<Key> {
        let queue = self.queues.get(of)?;
        let (terms, tag) = (queue.terms.of_dead_letters(), queue.tag.clone());
        let mut record = queue.record.read().ok()?;
        record.queue_id = id;
        let key = self.make(&record, terms).ok()?;
        let grave = self.queues.get_mut(key)?;
        grave.tag = tag;
        grave.typed(&mut self.journal);
        Some(key)
    }

    /// Gives the queue a number on this connection.
    fn enter(&mut self, at: Key, queue_key: Key) -> Result<(Key, Handle), Error> {
        let (max_open, max_members) = (self.settings.max_open, self.settings.max_members);
        let gone = || Error::new(ErrorKind::Disconnected, "open").backend("rpc");
        let connection = self.connections.get(at).ok_or_else(gone)?;
        let session_key = connection.session.ok_or_else(gone)?;
        let known = self
            .sessions
            .get(session_key)
            .ok_or_else(gone)?
            .members
            .get(&queue_key)
            .copied();
        let queue = self.queues.get(queue_key).ok_or_else(gone)?;
        if let Some((_, handle)) = known.and_then(|member| self.members.get(member)?.open) {
            return Err(queue
                .error(ErrorKind::Unsupported, "open")
                .expected("to be opened once on a connection")
                .found(format!("number {} for it", handle.get()))
                .remedy("use that number, or release it first"));
        }
        if connection.open.len() >= max_open {
            return Err(too_many(
                queue,
                &format!("at most {max_open} queues open on a connection"),
            ));
        }
        let number = connection.next_handle;
        let handle = Handle::new(number).filter(|_| number < u32::MAX);
        let handle = handle.ok_or_else(|| too_many(queue, "a number of a queue that was not given yet"))?;
        let rights = self.rights(at, queue.id.as_str());
        if known.is_none() && self.members.len() >= max_members {
            match self.detached.first().copied() {
                Some((_, oldest)) => self.forget(oldest),
                None => {
                    return Err(too_many(
                        queue,
                        &format!("at most {max_members} queues open on all connections"),
                    ));
                }
            }
        }
        let key = known.unwrap_or_else(|| self.members.insert(Member::new(session_key, queue_key)));
        if let Some(session) = self.sessions.get_mut(session_key) {
            session.members.insert(queue_key, key);
        }
        if let Some(queue) = self.queues.get_mut(queue_key) {
            queue.members.insert(key);
        }
        if let Some(connection) = self.connections.get_mut(at) {
            connection.open.insert(number, key);
            connection.next_handle += 1;
            let loans = self.members.get(key).map_or(0, |member| member.loans.len());
            connection.loans += loans as u64;
        }
        if let Some(member) = self.members.get_mut(key) {
            member.open = Some((at, handle));
            member.rights = rights;
        }
        Ok((key, handle))
    }

    fn opened(
        &mut self,
        key: Key,
        queue_number: Handle,
        created: bool,
        open: &Open,
    ) -> Result<(Key, Opened, bool), Stop> {
        let member = self.members.get_mut(key);
        let Some((member, queue)) = member.and_then(|member| {
            let queue = self.queues.get_mut(member.queue)?;
            Some((member, queue))
        }) else {
            return Err(Error::new(ErrorKind::Disconnected, "open").backend("rpc").into());
        };
        if queue.tag.is_none() && !open.tag.name.as_str().is_empty() {
            queue.tag = Some(open.tag.clone());
            queue.typed(&mut self.journal);
        }
        let kept = !std::mem::replace(&mut member.lost, false) && !member.is_new();
        let opened = Opened {
            queue: queue_number,
            created: Flag(created),
            kept: Flag(kept),
            call: open.call,
            epoch: queue.epoch,
            capacity: queue.terms.capacity,
            next_put: member.next_put,
            next_delivery: member.next_delivery,
            lease: queue.terms.lease.map_or(Micros::FOREVER, Micros::from),
        };
        Ok((key, opened, queue.closed))
    }

    pub(crate) fn release(&mut self, key: Key, call: rpc_wire::Call) -> Result<Message, Stop> {
        self.fail_gets_of(key, &Failure::plain(ErrorKind::Cancelled));
        self.cut(key, 0, ErrorKind::Cancelled);
        self.confirm(key);
        self.return_of(key, false);
        let Some(member) = self.members.get_mut(key) else {
            return Ok(Done { call }.into());
        };
        let open = member.open.take();
        member.dropping = false;
        member.refusing = None;
        if self.journal.is_behind() && self.queues.get(member.queue).is_some_and(|queue| queue.terms.durable) {
            // Marks that were set before are not answered: this is the answer to them.
            self.journal.touch();
        }
        if let Some((at, handle)) = open
            && let Some(connection) = self.connections.get_mut(at)
        {
            connection.open.remove(&handle.get());
        }
        self.drop_if_new(key);
        Ok(Done { call }.into())
    }

    /// Numbers at their beginning are not kept.
    fn drop_if_new(&mut self, key: Key) {
        let Some(member) = self
            .members
            .get(key)
            .filter(|member| member.is_new() && !member.holds())
        else {
            return;
        };
        let (session, queue) = (member.session, member.queue);
        self.members.remove(key);
        self.sessions
            .get_mut(session)
            .map(|session| session.members.remove(&queue));
        self.queues.get_mut(queue).map(|queue| queue.members.remove(&key));
    }

    fn fail_gets_of(&mut self, key: Key, failure: &Failure) {
        let Some(at) = self.members.get(key).map(|member| member.queue) else {
            return;
        };
        let Some(queue) = self.queues.get_mut(at) else {
            return;
        };
        let gets = std::mem::take(&mut queue.gets).into_iter();
        let (failing, staying): (VecDeque<_>, _) = gets.partition(|waiter| waiter.member == key);
        queue.gets = staying;
        for waiter in failing {
            self.fail_get(at, &waiter, failure);
        }
    }

    pub(crate) fn close(&mut self, key: Key, call: rpc_wire::Call) -> Result<Message, Stop> {
        let (queue_key, open) = match self.members.get(key) {
            Some(member) => (member.queue, member.open),
            None => return Ok(Done { call }.into()),
        };
        let Some(queue) = self.queues.get(queue_key) else {
            return Ok(Done { call }.into());
        };
        if let Some((at, _)) = open {
            self.permit(at, queue.id.as_str(), Rights::ADMIN, "close")?;
        }
        let members: Vec<Key> = queue.members.iter().copied().collect();
        if let Some(queue) = self.queues.get_mut(queue_key).filter(|queue| !queue.closed) {
            queue.closed = true;
            let durable = queue.terms.durable;
            if durable {
                self.journal.push(Entry::Closed { queue: queue.epoch });
            }
            for member in members {
                // Puts fail at once, also those that wait for room.
                self.cut(member, 0, ErrorKind::Closed);
                if let Some((at, queue)) = self.members.get(member).and_then(|member| member.open) {
                    self.tell_in_turn(durable, at, Closed { queue });
                }
            }
            self.mark(queue_key);
        }
        Ok(Done { call }.into())
    }

    pub(crate) fn delete(&mut self, at: Key, delete: &Delete) -> Result<Message, Stop> {
        let id = &delete.id;
        self.permit(at, id.as_str(), Rights::ADMIN, "delete")?;
        let Some(key) = self.names.get(id).copied() else {
            if self.settings.guests.as_ref().is_some_and(|guests| guests.remove(id)) {
                return Ok(Done { call: delete.call }.into());
            }
            return Err(about(id, ErrorKind::NotFound, "delete")
                .expected("a queue of that name")
                .found("none")
                .remedy("check the name")
                .into());
        };
        self.remove(id, key);
        Ok(Done { call: delete.call }.into())
    }

    /// A queue is no more, and everybody who has it open is told.
    pub(crate) fn remove(&mut self, id: &QueueId, key: Key) {
        let error = about(id, ErrorKind::StaleHandle, "use")
            .expected("the queue that was opened")
            .found("none: it was deleted")
            .remedy("open it again to make another one");
        let failure = Failure::from(&error);
        let members = self.queues.get(key).map(|queue| queue.members.clone());
        for member in members.into_iter().flatten() {
            self.void(member, &failure);
        }
        self.unmake(key);
    }

    /// The queue is no more; nobody counts in it.
    fn unmake(&mut self, key: Key) {
        if let Some(queue) = self.queues.remove(key) {
            self.names.remove(&queue.id);
            self.timers.clear(queue.sight_due, crate::timers::Timer::Sight(key));
            self.usage.0 -= queue.store.items();
            self.usage.1 -= queue.store.bytes();
            self.journal.staging.remove(&key);
            if queue.terms.durable {
                self.journal.push(Entry::Deleted { queue: queue.epoch });
            }
        }
    }

    /// The queue of a member is no more: what it waits for fails, and its number is void.
    fn void(&mut self, key: Key, failure: &Failure) {
        self.fail_gets_of(key, failure);
        if self.members.get(key).is_some_and(|member| !member.pending.is_empty()) {
            self.refuse(key, failure);
        }
        self.confirm(key);
        self.drop_loans(key);
        let Some(member) = self.members.remove(key) else {
            return;
        };
        self.sessions
            .get_mut(member.session)
            .map(|session| session.members.remove(&member.queue));
        if let Some((at, queue)) = member.open {
            if let Some(connection) = self.connections.get_mut(at) {
                connection.open.remove(&queue.get());
            }
            let durable = self.queues.get(member.queue).is_some_and(|queue| queue.terms.durable);
            self.tell_in_turn(
                durable,
                at,
                Failed {
                    queue: Some(queue),
                    call: None,
                    failure: failure.clone(),
                },
            );
        }
    }
}

/// Remembers the type of the items when nobody has said it before, and compares it otherwise.
fn agree_on_type(queue: &Queue, tag: &Tag) -> Result<(), Error> {
    let shown = |tag: &Tag| format!("`{}#{:016x}`", tag.name.as_str().escape_debug(), tag.shape);
    match queue
        .tag
        .as_ref()
        .filter(|found| *found != tag && !tag.name.as_str().is_empty())
    {
        None => Ok(()),
        Some(found) => Err(queue
            .error(ErrorKind::TypeMismatch, "open")
            .expected(format!("items of type {}", shown(tag)))
            .found(shown(found))
            .remedy("use the same item type, built from the same source, on both sides")),
    }
}

fn too_many(queue: &Queue, expected: &str) -> Error {
    queue
        .error(ErrorKind::ResourceExhausted, "open")
        .expected(expected)
        .found("one more")
        .remedy("release queues that are not used, or raise the limit of the server")
}
