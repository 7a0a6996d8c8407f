//! State by key.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

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
    values: HashMap<Key, S, BuildHasherDefault<StoredHash>>,
}

impl<S> Default for KeyedState<S> {
    fn default() -> Self {
        Self {
            values: HashMap::default(),
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
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&S> {
        self.values.get(key)
    }

    /// The value of `key`, made by `first` when there is none.
    pub fn get_or_insert_with(&mut self, key: &Key, first: impl FnOnce() -> S) -> &mut S {
        self.values.entry(key.clone()).or_insert_with(first)
    }

    /// Forgets `key` and hands over its value.
    pub fn remove(&mut self, key: &Key) -> Option<S> {
        self.values.remove(key)
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
        self.values.iter()
    }

    /// Hands over everything and forgets it.
    pub fn drain(&mut self) -> impl Iterator<Item = (Key, S)> {
        self.values.drain()
    }

    /// Keeps what `keep` says.
    pub fn retain(&mut self, keep: impl FnMut(&Key, &mut S) -> bool) {
        self.values.retain(keep);
    }
}
