//! Packets in a row, in the form that takes the least room.

mod columns;

use std::fmt;
use std::vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::packet::Marks;
use crate::{Key, Packet};

/// Packets in a row, which travel as one item.
///
/// Most streams are of one sort: no packet has a key, or every key is an integer, and none asks for a partition of its
/// own. Those are kept as rows of what differs, a third of a packet and less; the sort is asked once a pack and not once
/// a packet. A pack of several sorts holds packets. Frames have it column by column, and JSON as a list of packets.
///
/// ```
/// use router::{Pack, Packet};
/// let mut pack: Pack<_> = (0..3_u64).map(|number| Packet::new(number, 7).with_key(number)).collect();
/// assert_eq!(pack.len(), 3);
/// let sum: u64 = pack.drain().map(|packet| packet.payload).sum();
/// assert_eq!((sum, pack.len()), (3, 0));
/// ```
#[derive(Clone)]
pub struct Pack<T> {
    /// What all rows have; those that are packets have their own.
    marks: Marks,
    rows: Sort<T>,
}

#[derive(Clone)]
enum Sort<T> {
    /// Payload and timestamp of packets without a key.
    Plain(Vec<(T, u64, ())>),
    /// Payload, timestamp and key.
    Int(Vec<(T, u64, i64)>),
    Mixed(Vec<Packet<T>>),
}

macro_rules! each {
    ($rows:expr, $them:ident => $do:expr) => {
        match $rows {
            Sort::Plain($them) => $do,
            Sort::Int($them) => $do,
            Sort::Mixed($them) => $do,
        }
    };
}

impl<T> Pack<T> {
    /// Nothing yet, and no room.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            marks: Marks::NONE,
            rows: Sort::Plain(Vec::new()),
        }
    }

    /// How many packets.
    #[must_use]
    pub fn len(&self) -> usize {
        each!(&self.rows, rows => rows.len())
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a packet of `payload` with all else as `like` has it, for this input, as long as that is simple: there is room,
    /// and it is of the pack's sort. Gives the payload back otherwise, for [`push`](Self::push).
    ///
    /// # Errors
    /// The payload.
    #[inline(always)]
    pub fn try_push_as(&mut self, payload: T, like: &Packet<()>, input_index: u16) -> Result<(), T> {
        let alike = self.marks == like.marks.with_input_index(input_index);
        match (&mut self.rows, &like.key) {
            (Sort::Plain(rows), None) if alike && rows.len() < rows.capacity() => {
                rows.push((payload, like.timestamp, ()));
            }
            (Sort::Int(rows), Some(key)) if alike && rows.len() < rows.capacity() => {
                let Some(key) = key.as_i64() else {
                    return Err(payload);
                };
                rows.push((payload, like.timestamp, key));
            }
            _ => return Err(payload),
        }
        Ok(())
    }

    /// As [`try_push_as`](Self::try_push_as), of a packet.
    ///
    /// # Errors
    /// The packet.
    #[inline(always)]
    pub fn try_push(&mut self, packet: Packet<T>, input_index: u16) -> Result<(), Packet<T>> {
        let alike = self.marks == packet.marks.with_input_index(input_index);
        match (&mut self.rows, &packet.key) {
            (Sort::Plain(rows), None) if alike && rows.len() < rows.capacity() => {
                rows.push((packet.payload, packet.timestamp, ()));
            }
            (Sort::Int(rows), Some(key)) if alike && rows.len() < rows.capacity() => {
                let Some(key) = key.as_i64() else {
                    return Err(packet);
                };
                rows.push((packet.payload, packet.timestamp, key));
            }
            _ => return Err(packet),
        }
        Ok(())
    }

    /// Adds a packet, whatever it takes. The first one says of what sort the pack is, and sees to room for `room` of them.
    #[inline(never)]
    pub fn push(&mut self, packet: Packet<T>, room: usize) {
        let key = packet.key.as_ref().map(Key::as_i64);
        if self.is_empty() {
            self.marks = packet.marks;
            // Not more: as much as there is room for becomes one item.
            match (&mut self.rows, key) {
                (Sort::Plain(rows), None) => rows.reserve_exact(room),
                (Sort::Int(rows), Some(Some(_))) => rows.reserve_exact(room),
                (_, None) => self.rows = Sort::Plain(Vec::with_capacity(room)),
                (_, Some(Some(_))) => self.rows = Sort::Int(Vec::with_capacity(room)),
                (_, Some(None)) => self.rows = Sort::Mixed(Vec::with_capacity(room)),
            }
        }
        match (&mut self.rows, key) {
            (Sort::Plain(rows), None) if self.marks == packet.marks => {
                rows.push((packet.payload, packet.timestamp, ()))
            }
            (Sort::Int(rows), Some(Some(key))) if self.marks == packet.marks => {
                rows.push((packet.payload, packet.timestamp, key));
            }
            (Sort::Mixed(rows), _) => rows.push(packet),
            _ => {
                let mut mixed = Vec::with_capacity(room);
                mixed.extend(std::mem::take(self));
                mixed.push(packet);
                self.rows = Sort::Mixed(mixed);
            }
        }
    }

    /// Takes out every packet, and drops the rest when the iterator goes. The room for packets of one sort stays.
    #[inline(always)]
    pub fn drain(&mut self) -> Drain<'_, T> {
        let marks = self.marks;
        match &mut self.rows {
            Sort::Plain(rows) => {
                let rows = rows.drain(..);
                Drain::Plain(Rows { rows, marks })
            }
            Sort::Int(rows) => {
                let rows = rows.drain(..);
                Drain::Int(Rows { rows, marks })
            }
            // Without room, so that the next packet says of what sort the pack is.
            Sort::Mixed(rows) => Drain::Mixed(std::mem::take(rows).into_iter()),
        }
    }

    /// The packets, with their payloads by reference.
    pub fn iter(&self) -> impl Iterator<Item = Packet<&T>> {
        let marks = self.marks;
        let (plains, ints, mixed): (&[_], &[_], &[_]) = match &self.rows {
            Sort::Plain(rows) => (rows, &[], &[]),
            Sort::Int(rows) => (&[], rows, &[]),
            Sort::Mixed(rows) => (&[], &[], rows),
        };
        let plains = plains.iter().map(move |row| of_row(row, marks));
        let ints = ints.iter().map(move |row| of_row(row, marks));
        plains
            .chain(ints)
            .chain(mixed.iter().map(|it| it.inherit_partition_info(&it.payload)))
    }

    /// Drops every packet; the room stays.
    pub fn clear(&mut self) {
        each!(&mut self.rows, rows => rows.clear());
    }

    /// Splits it in two; the second half is handed over.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        let rows = match &mut self.rows {
            Sort::Plain(rows) => Sort::Plain(rows.split_off(at)),
            Sort::Int(rows) => Sort::Int(rows.split_off(at)),
            Sort::Mixed(rows) => Sort::Mixed(rows.split_off(at)),
        };
        Self {
            marks: self.marks,
            rows,
        }
    }

    /// The same packets with their payloads changed.
    #[must_use]
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Pack<U> {
        let rows = match self.rows {
            Sort::Plain(rows) => Sort::Plain(
                rows.into_iter()
                    .map(|(it, time, key)| (change(it), time, key))
                    .collect(),
            ),
            Sort::Int(rows) => {
                let rows = rows.into_iter().map(|(it, time, key)| (change(it), time, key));
                Sort::Int(rows.collect())
            }
            Sort::Mixed(rows) => Sort::Mixed(rows.into_iter().map(|packet| packet.map(&mut change)).collect()),
        };
        Pack {
            marks: self.marks,
            rows,
        }
    }
}

fn of_row<T, K: RowKey>((payload, time, key): &(T, u64, K), marks: Marks) -> Packet<&T> {
    let row = (payload, *time, *key);
    Row { row, marks }.into_packet()
}

/// The packets of a [`Pack`], by its sort: three loops over one sort each are faster than one loop over three.
#[derive(Debug)]
pub enum Drain<'a, T> {
    /// None has a key.
    Plain(Rows<'a, T, ()>),
    /// All have integers as keys.
    Int(Rows<'a, T, i64>),
    /// Any.
    Mixed(vec::IntoIter<Packet<T>>),
}

impl<T> Iterator for Drain<'_, T> {
    type Item = Packet<T>;

    fn next(&mut self) -> Option<Packet<T>> {
        match self {
            Self::Plain(rows) => rows.next().map(Row::into_packet),
            Self::Int(rows) => rows.next().map(Row::into_packet),
            Self::Mixed(packets) => packets.next(),
        }
    }
}

/// Takes the packets of one sort out of a [`Pack`].
#[derive(Debug)]
pub struct Rows<'a, T, K> {
    rows: vec::Drain<'a, (T, u64, K)>,
    marks: Marks,
}

impl<T, K: RowKey> Iterator for Rows<'_, T, K> {
    type Item = Row<T, K>;

    #[inline(always)]
    fn next(&mut self) -> Option<Row<T, K>> {
        let marks = self.marks;
        self.rows.next().map(|row| Row { row, marks })
    }
}

/// A packet that is not put together yet: what becomes of it can be decided from registers.
#[derive(Debug)]
pub struct Row<T, K> {
    row: (T, u64, K),
    marks: Marks,
}

impl<T, K: RowKey> Row<T, K> {
    /// All but the payload.
    #[inline(always)]
    pub fn like(&self) -> Packet<()> {
        Packet {
            payload: (),
            timestamp: self.row.1,
            key: self.row.2.key(),
            marks: self.marks,
        }
    }

    /// The packet.
    #[inline(always)]
    pub fn into_packet(self) -> Packet<T> {
        Packet {
            payload: self.row.0,
            timestamp: self.row.1,
            key: self.row.2.key(),
            marks: self.marks,
        }
    }
}

/// What rows of one sort have as a key.
pub trait RowKey: Copy {
    /// As packets have it.
    fn key(self) -> Option<Key>;
}

impl RowKey for () {
    #[inline(always)]
    fn key(self) -> Option<Key> {
        None
    }
}

impl RowKey for i64 {
    #[inline(always)]
    fn key(self) -> Option<Key> {
        Some(Key::from(self))
    }
}

impl<T> Default for Pack<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> IntoIterator for Pack<T> {
    type Item = Packet<T>;
    type IntoIter = vec::IntoIter<Packet<T>>;

    fn into_iter(mut self) -> Self::IntoIter {
        self.drain().collect::<Vec<_>>().into_iter()
    }
}

impl<T> FromIterator<Packet<T>> for Pack<T> {
    fn from_iter<I: IntoIterator<Item = Packet<T>>>(packets: I) -> Self {
        let packets = packets.into_iter();
        let room = packets.size_hint().0;
        let mut pack = Self::new();
        packets.for_each(|packet| pack.push(packet, room));
        pack
    }
}

/// As packets are: whatever their timestamps.
impl<T: PartialEq> PartialEq for Pack<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T> fmt::Debug for Pack<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = std::any::type_name::<T>();
        write!(f, "<Pack len={} payload_type={payload}>", self.len())
    }
}

impl<T: Serialize> Serialize for Pack<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_seq(self.iter())
        } else {
            columns::write(self, serializer)
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pack<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Vec::<Packet<T>>::deserialize(deserializer).map(Self::from_iter)
        } else {
            columns::read(deserializer)
        }
    }
}
