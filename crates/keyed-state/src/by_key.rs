//! State that can be divided among more or fewer instances.

use descriptor_core::{Error, ErrorKind};
use partition_key::Key;

use crate::KeyedState;

/// State that lies by key, so that another number of instances can have it: each takes of each of the old ones the keys
/// that are its own now, and puts them together.
///
/// ```
/// use keyed_state::{ByKey, KeyedState};
/// use partition_key::Key;
///
/// let mut old = [KeyedState::new(), KeyedState::new()];
/// old[0].get_or_insert_with(&Key::from("a"), || 1);
/// old[1].get_or_insert_with(&Key::from("b"), || 2);
/// let [mut all, other] = old;
/// all.take_in(other)?;
/// all.keep(&|key| *key == Key::from("b"), true);
/// assert_eq!((all.len(), all.get(&Key::from("b"))), (1, Some(&2)));
/// # Ok::<(), descriptor_core::Error>(())
/// ```
pub trait ByKey: Sized {
    /// Forgets every key that `own` does not say yes to; and what belongs to no key, such as a count, unless `rest`: of
    /// those who share the state of an instance one is asked to keep that.
    fn keep(&mut self, own: &dyn Fn(&Key) -> bool, rest: bool);

    /// Takes in what another instance had, which has none of the keys that are here.
    ///
    /// # Errors
    /// `Corrupt` when a key is in both, or when the two do not belong to one moment.
    fn take_in(&mut self, other: Self) -> Result<(), Error>;
}

impl<S> ByKey for KeyedState<S> {
    fn keep(&mut self, own: &dyn Fn(&Key) -> bool, _rest: bool) {
        self.retain(|key, _| own(key));
    }

    fn take_in(&mut self, mut other: Self) -> Result<(), Error> {
        for (key, value) in other.drain() {
            let before = self.len();
            self.get_or_insert_with(&key, || value);
            if self.len() == before {
                return Err(misfit("each key in one instance", format!("key {key} in two")));
            }
        }
        Ok(())
    }
}

impl<A: ByKey, B: ByKey> ByKey for (A, B) {
    fn keep(&mut self, own: &dyn Fn(&Key) -> bool, rest: bool) {
        self.0.keep(own, rest);
        self.1.keep(own, rest);
    }

    fn take_in(&mut self, other: Self) -> Result<(), Error> {
        self.0.take_in(other.0)?;
        self.1.take_in(other.1)
    }
}

/// Two states that are not of one node at one moment.
pub(crate) fn misfit(expected: &'static str, found: String) -> Error {
    Error::new(ErrorKind::Corrupt, "join states")
        .expected(expected)
        .found(found)
        .remedy("go on with the parallelism that the checkpoint was made with")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Panes, Place, WindowSpec};

    /// Stands for the choice by key group.
    fn owner(key: &Key, of: u64) -> u64 {
        key.hash() % of
    }

    fn shared<T: ByKey + Clone>(old: &[T], of: u64) -> Vec<T> {
        let new = (0..of).map(|index| {
            let parts = old.iter().enumerate().map(|(from, state)| {
                let mut part = state.clone();
                part.keep(&|key| owner(key, of) == index, from as u64 % of == index);
                part
            });
            let together = |mut all: T, part| {
                all.take_in(part).unwrap();
                all
            };
            parts.reduce(together).unwrap()
        });
        new.collect()
    }

    #[test]
    fn every_key_is_where_it_belongs_and_nowhere_else() {
        let mut old = vec![(KeyedState::<u64>::new(), KeyedState::<String>::new()); 3];
        for number in 0..1000_u64 {
            let key = Key::from(number);
            let (numbers, texts) = &mut old[owner(&key, 3) as usize];
            numbers.get_or_insert_with(&key, || number);
            texts.get_or_insert_with(&key, || number.to_string());
        }
        for of in [1, 2, 3, 5, 8] {
            let new = shared(&old, of);
            assert_eq!(new.iter().map(|(numbers, _)| numbers.len()).sum::<usize>(), 1000);
            for number in 0..1000_u64 {
                let key = Key::from(number);
                let (numbers, texts) = &new[owner(&key, of) as usize];
                assert_eq!(numbers.get(&key), Some(&number));
                assert_eq!(texts.get(&key), Some(&number.to_string()));
            }
        }
    }

    #[test]
    fn a_key_in_two_instances_is_refused() {
        let mut one = KeyedState::new();
        one.get_or_insert_with(&Key::from(1_u8), || 1);
        let error = one.clone().take_in(one).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("key 1 in two"), "{error}");
    }

    fn windows(keys: impl Iterator<Item = u64>, watermark_ms: u64) -> Panes<u64> {
        let mut panes = Panes::new(WindowSpec::sliding(10, 5).unwrap());
        panes
            .fire(watermark_ms, |_| Ok::<(), std::convert::Infallible>(()))
            .unwrap();
        for key in keys {
            for time in [1, 9, 12, 17] {
                if let Place::Open(sum) = panes.place(time, &Key::from(key)) {
                    *sum += key * 100 + time;
                }
            }
        }
        panes
    }

    #[test]
    fn windows_fire_as_if_there_had_been_as_many_instances_from_the_start() {
        type Fired = Vec<(u64, Vec<(Key, u64)>)>;
        let fire = |mut panes: Panes<u64>| {
            let mut fired: Fired = Vec::new();
            let each = |window: &mut crate::Window<'_, u64>| {
                let whole = window.merged(|into, from| *into += from);
                let mut all: Vec<_> = whole.iter().map(|(key, sum)| (key.clone(), *sum)).collect();
                all.sort_by_key(|(key, _)| key.decode::<u64>().unwrap());
                fired.push((window.end_ms, all));
                Ok::<(), std::convert::Infallible>(())
            };
            panes.fire(u64::MAX, each).unwrap();
            fired
        };
        let of = |count| {
            let all = (0..count)
                .map(move |index| windows((0..200).filter(move |key| owner(&Key::from(*key), count) == index), 10));
            all.collect::<Vec<_>>()
        };
        let late = |all: &[Panes<u64>]| {
            all.iter()
                .map(|it| (it.late(), it.partly_late()))
                .fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
        };
        for after in [1, 3, 4] {
            let new = shared(&of(2), after);
            // What is counted belongs to no key, and is counted on.
            assert_eq!(late(&new), late(&of(2)));
            for (new, fresh) in new.into_iter().zip(of(after)) {
                assert_eq!(fire(new), fire(fresh));
            }
        }
    }

    #[test]
    fn windows_of_different_moments_are_refused() {
        for other in [windows(0..1, 15), Panes::new(WindowSpec::tumbling(10).unwrap())] {
            let error = windows(1..2, 10).take_in(other).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }
}
