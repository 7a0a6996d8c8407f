//! A pack as frames have it: column by column, so that what rows have in common is said once.
//!
//! Sources read the clock once per batch, and rows of one sort have one input and no partition of their own: where it is
//! written packet by packet, most of a small packet is what its neighbours say too. Forms for people keep a list of packets.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use super::{Pack, Sort};
use crate::packet::Marks;
use crate::{Key, Packet, PacketPartition};

/// Rows for which room is made on the word of a reader.
const MOST: usize = 256;
const FIELDS: [&str; 4] = ["marks", "times", "keys", "payloads"];

/// A value, and how many more rows have it behind the first.
type Run<V> = (u32, V);
/// The input, and the partition that a packet asks for.
type Mark = (u16, Option<PacketPartition>);

/// The keys of all rows.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Keys")]
enum Keys<I, A> {
    None,
    Ints(I),
    Any(A),
}

type NoKeys = Keys<(), ()>;

/// What an iterator yields, as often as it is asked for.
struct Column<F>(F);

impl<F, I> Serialize for Column<F>
where
    F: Fn() -> I,
    I: IntoIterator<Item: Serialize>,
{
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

pub(super) fn write<T: Serialize, S: Serializer>(pack: &Pack<T>, serializer: S) -> Result<S::Ok, S::Error> {
    let all = |rows: usize| match u32::try_from(rows) {
        Ok(0) => Ok(Vec::new()),
        Ok(rows) => Ok(vec![(rows - 1, pack.marks)]),
        Err(_) => Err(serde::ser::Error::custom("more than 2^32 packets in a row")),
    };
    match &pack.rows {
        Sort::Plain(rows) => write_columns(
            serializer,
            &all(rows.len())?,
            runs(rows.iter().map(|row| row.1)),
            &NoKeys::None,
            &Column(|| rows.iter().map(|row| &row.0)),
        ),
        Sort::Int(rows) => write_columns(
            serializer,
            &all(rows.len())?,
            runs(rows.iter().map(|row| row.1)),
            &Keys::<_, ()>::Ints(Column(|| rows.iter().map(|row| row.2))),
            &Column(|| rows.iter().map(|row| &row.0)),
        ),
        Sort::Mixed(rows) => write_columns(
            serializer,
            &runs(rows.iter().map(|row| row.marks)),
            runs(rows.iter().map(|row| row.timestamp)),
            &Keys::<(), _>::Any(Column(|| rows.iter().map(|row| &row.key))),
            &Column(|| rows.iter().map(|row| &row.payload)),
        ),
    }
}

fn write_columns<S: Serializer>(
    serializer: S,
    marks: &[Run<Marks>],
    times: Vec<Run<u64>>,
    keys: &impl Serialize,
    payloads: &impl Serialize,
) -> Result<S::Ok, S::Error> {
    let [marks_name, times_name, keys_name, payloads_name] = FIELDS;
    let mark = |marks: Marks| -> Mark { (marks.input_index(), marks.partition()) };
    let mut columns = serializer.serialize_struct("Pack", FIELDS.len())?;
    columns.serialize_field(
        marks_name,
        &Column(|| marks.iter().map(|(more, marks)| (*more, mark(*marks)))),
    )?;
    columns.serialize_field(times_name, &differences(times))?;
    columns.serialize_field(keys_name, keys)?;
    columns.serialize_field(payloads_name, payloads)?;
    columns.end()
}

fn runs<V: Copy + PartialEq>(values: impl Iterator<Item = V>) -> Vec<Run<V>> {
    let mut runs: Vec<Run<V>> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((more, last)) if *last == value && *more < u32::MAX => *more += 1,
            _ => runs.push((0, value)),
        }
    }
    runs
}

/// Times as what they are later than the one before: a small number in codecs that write small numbers in few bytes.
fn differences(times: Vec<Run<u64>>) -> Vec<Run<i64>> {
    let mut before = 0_u64;
    let runs = times.into_iter().map(|(more, time)| {
        let later = time.wrapping_sub(before) as i64;
        before = time;
        (more, later)
    });
    runs.collect()
}

pub(super) fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Pack<T>, D::Error> {
    deserializer.deserialize_struct("Pack", &FIELDS, Columns(PhantomData))
}

struct Columns<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Columns<T> {
    type Value = Pack<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the columns of a pack")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut columns: A) -> Result<Pack<T>, A::Error> {
        let missing = |index| A::Error::invalid_length(index, &self);
        let marks: Vec<Run<Mark>> = columns.next_element()?.ok_or_else(|| missing(0))?;
        let times: Vec<Run<i64>> = columns.next_element()?.ok_or_else(|| missing(1))?;
        let keys = columns.next_element()?.ok_or_else(|| missing(2))?;
        let rows = Rows {
            marks: &marks,
            times: &times,
            keys,
            payload: PhantomData,
        };
        columns.next_element_seed(rows)?.ok_or_else(|| missing(3))
    }
}

/// All but the payloads, which are read one by one into rows.
struct Rows<'a, T> {
    marks: &'a [Run<Mark>],
    times: &'a [Run<i64>],
    keys: Keys<Vec<i64>, Vec<Option<Key>>>,
    payload: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Rows<'_, T> {
    type Value = Pack<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Pack<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Rows<'_, T> {
    type Value = Pack<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a payload for each row of the other columns")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, payloads: A) -> Result<Pack<T>, A::Error> {
        let (first, others) = match self.marks {
            [first, others @ ..] => (marks_of(&first.1), !others.is_empty()),
            [] => (Marks::NONE, false),
        };
        let rows = match self.keys {
            Keys::None if !others => Sort::Plain(rows(self.times, payloads, || Some(()))?),
            Keys::Ints(keys) if !others => {
                let mut keys = keys.into_iter();
                let rows = rows(self.times, payloads, || keys.next())?;
                all_used::<_, A::Error>(keys, rows.len())?;
                Sort::Int(rows)
            }
            keys => Sort::Mixed(packets(self.marks, self.times, keys, payloads)?),
        };
        let pack = Pack { marks: first, rows };
        let marked: u64 = self.marks.iter().map(|(more, _)| u64::from(*more) + 1).sum();
        if marked != pack.len() as u64 {
            return Err(unequal(pack.len()));
        }
        Ok(pack)
    }
}

/// A row for each payload.
#[inline]
fn rows<'de, T, K, A>(
    times: &[Run<i64>],
    mut payloads: A,
    mut key: impl FnMut() -> Option<K>,
) -> Result<Vec<(T, u64, K)>, A::Error>
where
    T: Deserialize<'de>,
    A: SeqAccess<'de>,
{
    // A length that was read may be any number.
    let mut rows = Vec::with_capacity(payloads.size_hint().unwrap_or(0).min(MOST));
    let mut time = 0_u64;
    for (more, later) in times {
        time = time.wrapping_add(*later as u64);
        for _ in 0..=*more {
            // The key first: a payload may be large, and is moved once less.
            let Some(key) = key() else {
                return Err(unequal(rows.len()));
            };
            let Some(payload) = payloads.next_element()? else {
                return Err(unequal(rows.len()));
            };
            rows.push((payload, time, key));
        }
    }
    match payloads.next_element::<T>()? {
        None => Ok(rows),
        Some(_) => Err(unequal(rows.len() + 1)),
    }
}

fn packets<'de, T, A>(
    marks: &[Run<Mark>],
    times: &[Run<i64>],
    keys: Keys<Vec<i64>, Vec<Option<Key>>>,
    payloads: A,
) -> Result<Vec<Packet<T>>, A::Error>
where
    T: Deserialize<'de>,
    A: SeqAccess<'de>,
{
    let rows: Vec<(T, u64, Option<Key>)> = match keys {
        Keys::None => rows(times, payloads, || Some(None))?,
        Keys::Ints(keys) => {
            let mut keys = keys.into_iter();
            let rows = rows(times, payloads, || keys.next().map(|key| Some(Key::from(key))))?;
            all_used::<_, A::Error>(keys, rows.len())?;
            rows
        }
        Keys::Any(keys) => {
            let mut keys = keys.into_iter();
            let rows = rows(times, payloads, || keys.next())?;
            all_used::<_, A::Error>(keys, rows.len())?;
            rows
        }
    };
    let mut each = marks
        .iter()
        .flat_map(|(more, mark)| (0..=*more).map(|_| marks_of(mark)));
    let packets = rows.into_iter().map(|(payload, timestamp, key)| Packet {
        payload,
        timestamp,
        key,
        // One for each, or the pack is refused for their number.
        marks: each.next().unwrap_or(Marks::NONE),
    });
    Ok(packets.collect())
}

const fn marks_of((input_index, partition): &Mark) -> Marks {
    Marks::NONE.with_input_index(*input_index).with_partition(*partition)
}

fn all_used<K, E: Error>(keys: impl ExactSizeIterator<Item = K>, rows: usize) -> Result<(), E> {
    if keys.len() == 0 { Ok(()) } else { Err(unequal(rows)) }
}

#[cold]
fn unequal<E: Error>(rows: usize) -> E {
    E::custom(format_args!("columns of unequal length, one of {rows} rows"))
}
