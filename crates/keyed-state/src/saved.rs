//! State by key as it is written down.

use std::fmt;
use std::marker::PhantomData;

use partition_key::Key;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::KeyedState;

/// Pairs of key and value, in no particular order.
impl<S: Serialize> Serialize for KeyedState<S> {
    fn serialize<To: Serializer>(&self, to: To) -> Result<To::Ok, To::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de, S: Deserialize<'de>> Deserialize<'de> for KeyedState<S> {
    fn deserialize<From: Deserializer<'de>>(from: From) -> Result<Self, From::Error> {
        from.deserialize_seq(Pairs(PhantomData))
    }
}

struct Pairs<S>(PhantomData<S>);

impl<'de, S: Deserialize<'de>> Visitor<'de> for Pairs<S> {
    type Value = KeyedState<S>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pairs of a key and its value, each key once")
    }

    /// Grows with what is there: a length that is only claimed takes no memory.
    fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<KeyedState<S>, A::Error> {
        let mut state = KeyedState::new();
        let mut read = 0;
        while let Some((key, value)) = pairs.next_element::<(Key, S)>()? {
            state.get_or_insert_with(&key, || value);
            read += 1;
            if state.len() != read {
                return Err(de::Error::custom(format_args!("key {key} comes twice")));
            }
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use descriptor_core::{Codec, ErrorKind};

    use super::*;
    use crate::{Panes, Place, WindowSpec};

    fn through<T: Serialize + de::DeserializeOwned>(value: &T, codec: Codec) -> T {
        let mut bytes = Vec::new();
        codec.encode(value, 1 << 20, &mut bytes).unwrap();
        codec.decode(&bytes, 1 << 20).unwrap()
    }

    #[test]
    fn state_comes_back_key_by_key() {
        let mut state = KeyedState::new();
        for number in 0..500_u64 {
            state.get_or_insert_with(&Key::from(number), || number * 3);
            state.get_or_insert_with(&Key::from(number.to_string().as_str()), || number);
        }
        for codec in Codec::ALL {
            let back = through(&state, codec);
            assert_eq!(back.len(), 1000);
            assert!(state.iter().all(|(key, value)| back.get(key) == Some(value)));
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let twice = [(Key::from(1_u8), 1_u8), (Key::from(1_u8), 2)];
        let mut bytes = Vec::new();
        Codec::Postcard.encode(&twice.as_slice(), 100, &mut bytes).unwrap();
        let error = Codec::Postcard
            .decode::<KeyedState<u8>>(&bytes, 100)
            .map(drop)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn windows_go_on_where_they_were() {
        let key = Key::from("a");
        let mut panes = Panes::<u32>::new(WindowSpec::sliding(10, 5).unwrap());
        let mut fired = Vec::new();
        for (step, time) in [1, 4, 6, 12, 13, 21, 2, 34].into_iter().enumerate() {
            if let Place::Open(count) = panes.place(time, &key) {
                *count += 1;
            }
            if step == 3 {
                panes = through(&panes, Codec::Postcard);
            }
            panes
                .fire(time, |window| {
                    let whole = window.merged(|into, from| *into += from);
                    fired.push((window.end_ms, whole.get(&key).copied().unwrap_or_default()));
                    Ok::<(), std::convert::Infallible>(())
                })
                .unwrap();
            if step == 5 {
                panes = through(&panes, Codec::Bincode);
            }
        }
        assert_eq!(fired, [(5, 2), (10, 3), (15, 3), (20, 2), (25, 1), (30, 1)]);
        assert_eq!(panes.late(), 1);
    }

    #[test]
    fn a_slide_of_zero_is_refused() {
        let mut bytes = Vec::new();
        Codec::Postcard.encode(&(10_u64, 0_u64), 100, &mut bytes).unwrap();
        assert!(Codec::Postcard.decode::<WindowSpec>(&bytes, 100).is_err());
    }
}
