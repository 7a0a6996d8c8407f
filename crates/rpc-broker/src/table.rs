//! Values by keys that are never given twice.

/// Where a value is in its table, and which one of those that were there. A key of a value that is gone finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    at: u32,
    life: u32,
}

#[derive(Debug)]
struct Slot<T> {
    life: u32,
    value: Option<T>,
}

/// A table. Finding a value takes no hash.
#[derive(Debug)]
pub(crate) struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Tables are limited far below the `u32::MAX` values that have a key.
    pub(crate) fn insert(&mut self, value: T) -> Key {
        if let Some(at) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(at as usize)
        {
            slot.value = Some(value);
            return Key { at, life: slot.life };
        }
        let at = self.slots.len() as u32;
        self.slots.push(Slot {
            life: 0,
            value: Some(value),
        });
        Key { at, life: 0 }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let slot = self.slots.get(key.at as usize)?;
        slot.value.as_ref().filter(|_| slot.life == key.life)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.at as usize)?;
        slot.value.as_mut().filter(|_| slot.life == key.life)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self
            .slots
            .get_mut(key.at as usize)
            .filter(|slot| slot.life == key.life)?;
        let value = slot.value.take()?;
        // A place that was used 2^32 times is given up rather than mistaken.
        if let Some(life) = slot.life.checked_add(1) {
            slot.life = life;
            self.free.push(key.at);
        }
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots.iter().enumerate().filter_map(|(at, slot)| {
            let key = Key {
                at: at as u32,
                life: slot.life,
            };
            slot.value.as_ref().map(|value| (key, value))
        })
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.iter().map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_value_that_is_gone_finds_nothing_though_its_place_is_used_again() {
        let mut table = Table::new();
        let one = table.insert("one");
        assert_eq!(table.remove(one), Some("one"));
        let two = table.insert("two");
        assert_ne!(one, two);
        assert_eq!((table.get(one), table.get(two)), (None, Some(&"two")));
        assert_eq!((table.remove(one), table.len()), (None, 1));
        assert_eq!(table.keys(), [two]);
    }
}
