//! Who takes part: one entry for each time a process opened the queue.

use std::sync::atomic::Ordering;

use crate::host::Host;
use crate::layout::{
    Bell, FINISHED, GENERATION, MAX_PARTICIPANTS, PARTICIPANT, PARTICIPANTS, PID, TAKEN, TOKEN, UNDERTAKER,
};
use crate::map::Map;
use crate::point;

/// A participant as a lock names it: its entry and the generation of that entry, so that a word that is left over from
/// a dead one never names its successor. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) u32);

const INDEX_BITS: u32 = 9;
const INDEX: u32 = (1 << INDEX_BITS) - 1;
const GENERATIONS: u32 = (1 << (31 - INDEX_BITS)) - 1;
/// The bit of a lock that is not part of the name.
pub(crate) const NOT_NAME: u32 = 1 << 31;

impl Name {
    const fn new(index: usize, generation: u32) -> Self {
        Self((generation & GENERATIONS) << INDEX_BITS | (index as u32 + 1))
    }

    /// Its entry; `None` for a number that is no name.
    pub(crate) const fn index(self) -> Option<usize> {
        let index = self.0 & INDEX;
        if index == 0 || index as usize > UNDERTAKER + 1 {
            None
        } else {
            Some(index as usize - 1)
        }
    }

    const fn generation(self) -> u32 {
        (self.0 & !NOT_NAME) >> INDEX_BITS
    }
}

/// Where a word of an entry is.
pub(crate) const fn at(index: usize, word: usize) -> usize {
    PARTICIPANTS + index * PARTICIPANT + word
}

/// Takes a free entry. Only under the lock of the queue's name. That of a dead one is not free before the dead one is
/// buried: what it took would be forgotten.
pub(crate) fn claim(map: &Map, host: &Host) -> Option<Name> {
    let index = (0..MAX_PARTICIPANTS).find(|index| token_of(map, *index) == 0)?;
    Some(take(map, host, index))
}

/// Takes the entry of who buries the dead. Only under the lock of the queue's name, and to be freed under it: whoever is
/// there already is dead, and has taken nothing.
pub(crate) fn claim_to_bury(map: &Map, host: &Host) -> Name {
    take(map, host, UNDERTAKER)
}

fn take(map: &Map, host: &Host, index: usize) -> Name {
    let generation = map.u32(at(index, GENERATION)).load(Ordering::Relaxed).wrapping_add(1) & GENERATIONS;
    for word in [TAKEN, FINISHED] {
        map.u64(at(index, word)).store(0, Ordering::Relaxed);
    }
    map.u32(at(index, PID)).store(std::process::id(), Ordering::Relaxed);
    map.u32(at(index, GENERATION)).store(generation, Ordering::Release);
    map.u64(at(index, TOKEN)).store(host.token(), Ordering::Release);
    Name::new(index, generation)
}

/// Makes an entry free again. Only under the lock of the queue's name, and when nothing names it any more.
pub(crate) fn free(map: &Map, index: usize) {
    map.u64(at(index, TOKEN)).store(0, Ordering::Release);
}

pub(crate) fn token_of(map: &Map, index: usize) -> u64 {
    map.u64(at(index, TOKEN)).load(Ordering::Acquire)
}

/// The name in force of an entry that is taken.
pub(crate) fn name_of(map: &Map, index: usize) -> Option<Name> {
    (token_of(map, index) != 0).then(|| Name::new(index, map.u32(at(index, GENERATION)).load(Ordering::Acquire)))
}

/// Whether the participant of that name lives. A name that nobody has, such as one that somebody made up, is dead.
pub(crate) fn is_alive(map: &Map, host: &Host, name: Name) -> bool {
    let Some(index) = name.index() else {
        return false;
    };
    if point::planted("never-rob") {
        return true;
    }
    let token = token_of(map, index);
    !point::planted("rob-the-living")
        && map.u32(at(index, GENERATION)).load(Ordering::Acquire) == name.generation()
        && token != 0
        && host.is_alive(token)
}

/// Says that a thread of this participant begins or ends to sleep.
pub(crate) fn sleeps(map: &Map, index: usize, bell: Bell, begins: bool) {
    let (all, mine) = (map.u32(bell.sleepers), map.u32(at(index, bell.mine)));
    // Who dies in between stays in the count of all, which costs others a call of the system. The other way round somebody
    // who sleeps would be taken out of it in the place of the dead.
    if begins {
        all.fetch_add(1, Ordering::AcqRel);
        point::reach("sleep.counted");
        mine.fetch_add(1, Ordering::AcqRel);
        return;
    }
    for word in [mine, all] {
        // Others may have set it to anything: never below none.
        let _ = word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| count.checked_sub(1));
        point::reach("sleep.ended");
    }
}

/// Takes those out of the count of sleepers who died asleep.
pub(crate) fn forget_sleepers(map: &Map, index: usize, bell: Bell) {
    let mine = map.u32(at(index, bell.mine)).swap(0, Ordering::AcqRel);
    let _ = map
        .u32(bell.sleepers)
        .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| {
            Some(count.saturating_sub(mine))
        });
}
