//! State by key.

use std::hash::Hasher;

use hashbrown::HashTable;
use partition_key::Key;

/// Takes the hash a [`Key`] already carries instead of hashing again.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoredHash(u64);

impl Hasher for StoredHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys write one u64; anything else still gets a usable hash.
        for byte in bytes {
            self.0 = self.0.rotate_left(5) ^ u64::from(*byte);
        }
    }
}

/// One value per key, owned by one operator instance.
///
/// Keys are spread by hash, so every key lives in exactly one instance and needs no lock.
#[derive(Clone, Debug)]
pub struct KeyedState<S> {
    values: HashTable<(Key, S)>,
}

impl<S> Default for KeyedState<S> {
    fn default() -> Self {
        Self {
            values: HashTable::new(),
        }
    }
}

impl<S> KeyedState<S> {
    /// Nothing for any key.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&S> {
        let found = self.values.find(key.hash(), |(known, _)| known == key);
        found.map(|(_, value)| value)
    }

    /// The value of `key`, made by `first` when there is none.
    #[inline]
    pub fn get_or_insert_with(&mut self, key: &Key, first: impl FnOnce() -> S) -> &mut S {
        let hash = key.hash();
        let found = match key.as_i64() {
            Some(number) => self
                .values
                .find_entry(hash, |(known, _)| known.as_i64() == Some(number)),
            None => self.values.find_entry(hash, |(known, _)| known == key),
        };
        let entry = match found {
            Ok(entry) => entry,
            Err(absent) => {
                let fresh = (key.clone(), first());
                absent
                    .into_table()
                    .insert_unique(hash, fresh, |(known, _)| known.hash())
            }
        };
        &mut entry.into_mut().1
    }

    /// Forgets `key` and hands over its value.
    pub fn remove(&mut self, key: &Key) -> Option<S> {
        let found = self.values.find_entry(key.hash(), |(known, _)| known == key);
        found.ok().map(|entry| entry.remove().0.1)
    }

    /// How many keys have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True when no key has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Every key with its value, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &S)> {
        self.values.iter().map(|(key, value)| (key, value))
    }

    /// Hands over everything and forgets it.
    pub fn drain(&mut self) -> impl Iterator<Item = (Key, S)> {
        self.values.drain()
    }

    /// Keeps what `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key, &mut S) -> bool) {
        self.values.retain(|(key, value)| keep(key, value));
    }
}
