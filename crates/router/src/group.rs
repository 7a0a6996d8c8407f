//! One logical edge: the choice among its targets.

use std::ops::Range;
use std::sync::Arc;

use descriptor_core::{Error, ErrorKind, Item, Wait};

use crate::send_error::{Reason, TargetId, Undelivered};
use crate::target::Outlet;
use crate::{Envelope, Event, Key, KeyGroups, Packet, PacketPartition, Partition, UpstreamId};

/// A custom choice: the key if there is one, the packet, the number of targets -> the index of one.
pub(crate) type Partitioner<T> = Arc<dyn Fn(Option<&Key>, &Packet<T>, usize) -> usize + Send + Sync>;

pub(crate) struct Group<T: Item> {
    pub(crate) number: u16,
    pub(crate) partition: Partition,
    /// The partition as packets can name it; `None` is the custom one.
    pub(crate) default: Option<PacketPartition>,
    pub(crate) custom: Option<Partitioner<T>>,
    pub(crate) key_groups: KeyGroups,
    pub(crate) sender: u32,
    /// The sender's own targets, for rescale.
    pub(crate) share: Range<usize>,
    /// Next target of the round robin.
    pub(crate) position: usize,
    /// Next place within the share.
    pub(crate) share_position: usize,
    pub(crate) random: u64,
    pub(crate) outlets: Vec<Outlet<T>>,
    /// Packets for which no target could be chosen.
    pub(crate) unroutable: u64,
}

enum Choice {
    Next(usize),
    Shared(usize),
    One(usize),
    All,
}

impl<T: Item + Clone> Group<T> {
    /// The target of a packet that takes the edge's own way to one target, in the two ways that most do, and where the
    /// round robin goes on once the target has it.
    #[inline]
    pub(crate) fn straight<U>(&self, packet: &Packet<U>) -> Option<(usize, usize)> {
        if packet.partition().is_some() {
            return None;
        }
        match (self.default?, packet.key()) {
            (PacketPartition::Hash, Some(key)) => {
                let index = self.key_groups.instance_of(key, self.outlets.len() as u32);
                Some((index as usize, self.position))
            }
            (PacketPartition::RoundRobin, _) => Some((self.position, self.behind(self.position))),
            _ => None,
        }
    }

    /// The target after this one, in a round.
    const fn behind(&self, index: usize) -> usize {
        if index + 1 < self.outlets.len() { index + 1 } else { 0 }
    }

    /// Keeps the packet for the targets it goes to; true when a flush is due for one of them.
    #[inline]
    pub(crate) fn push(
        &mut self,
        packet: Packet<T>,
        reached: &mut Vec<TargetId>,
        back: &mut Vec<Undelivered<T>>,
    ) -> bool {
        self.route(packet, reached, back, |outlet, packet, _| (true, outlet.buffer(packet)))
    }

    /// Puts the packet into the queues of the targets it goes to.
    pub(crate) fn send(
        &mut self,
        packet: Packet<T>,
        wait: Wait,
        reached: &mut Vec<TargetId>,
        back: &mut Vec<Undelivered<T>>,
    ) {
        self.route(packet, reached, back, |outlet, packet, back| {
            (outlet.deliver(packet, wait, back), false)
        });
    }

    #[inline]
    fn route(
        &mut self,
        packet: Packet<T>,
        reached: &mut Vec<TargetId>,
        back: &mut Vec<Undelivered<T>>,
        mut hand_over: impl FnMut(&mut Outlet<T>, Packet<T>, &mut Vec<Undelivered<T>>) -> (bool, bool),
    ) -> bool {
        let choice = match self.choose(&packet) {
            Ok(choice) => choice,
            Err(error) => {
                self.unroutable += 1;
                back.push(unroutable(self.number, packet, error));
                return false;
            }
        };
        match choice {
            Choice::Next(index) | Choice::Shared(index) | Choice::One(index) => {
                // Every choice is checked against the number of targets.
                let Some(outlet) = self.outlets.get_mut(index) else {
                    return false;
                };
                let (taken, due) = hand_over(outlet, packet, back);
                if taken {
                    reached.push(outlet.id());
                    self.advance(&choice);
                }
                due
            }
            Choice::All => {
                let Some((last, others)) = self.outlets.split_last_mut() else {
                    return false;
                };
                let mut any_due = false;
                let mut one = |outlet: &mut Outlet<T>, packet| {
                    let (taken, due) = hand_over(outlet, packet, back);
                    if taken {
                        reached.push(outlet.id());
                    }
                    any_due |= due;
                };
                for outlet in others {
                    one(outlet, packet.clone());
                }
                one(last, packet);
                any_due
            }
        }
    }

    #[inline]
    fn choose(&mut self, packet: &Packet<T>) -> Result<Choice, Error> {
        let count = self.outlets.len();
        let Some(partition) = packet.partition().or(self.default) else {
            return self.choose_custom(packet);
        };
        Ok(match partition {
            PacketPartition::RoundRobin => Choice::Next(self.position),
            PacketPartition::Hash => {
                let key = packet
                    .key()
                    .ok_or_else(|| self.refuse("a packet with a key", "none", "put key_by before"))?;
                Choice::One(self.key_groups.instance_of(key, count as u32) as usize)
            }
            PacketPartition::Broadcast => Choice::All,
            PacketPartition::Forward if (self.sender as usize) < count => Choice::One(self.sender as usize),
            PacketPartition::Forward => {
                let found = format!("{count} for sender {}", self.sender);
                return Err(self.refuse("a target for every sender", &found, "give both sides one parallelism"));
            }
            PacketPartition::Rescale => Choice::Shared(self.share.start + self.share_position),
            PacketPartition::LoadAware if packet.is_keyed() => {
                return Err(self.refuse("a packet without a key", "a keyed one", "use hash for keyed packets"));
            }
            PacketPartition::LoadAware => Choice::One(self.less_loaded()),
        })
    }

    fn choose_custom(&self, packet: &Packet<T>) -> Result<Choice, Error> {
        let count = self.outlets.len();
        // A group without a default has a partitioner: the builder sees to it.
        let index = self
            .custom
            .as_ref()
            .map_or(count, |choose| choose(packet.key(), packet, count));
        if index < count {
            return Ok(Choice::One(index));
        }
        let expected = format!("an index below {count} from the partitioner");
        Err(self.refuse(&expected, &index.to_string(), "correct the partitioner"))
    }

    const fn advance(&mut self, choice: &Choice) {
        match choice {
            Choice::Next(index) => self.position = self.behind(*index),
            Choice::Shared(_) => {
                let next = self.share_position + 1;
                self.share_position = if self.share.start + next < self.share.end {
                    next
                } else {
                    0
                };
            }
            Choice::One(_) | Choice::All => {}
        }
    }

    /// The less loaded of two different targets drawn at random: nearly as even as looking at all of them, for two
    /// looks (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
    fn less_loaded(&mut self) -> usize {
        let count = self.outlets.len() as u64;
        if count < 2 {
            return 0;
        }
        let random = self.draw();
        // The two halves of one draw, scaled to a range each.
        let first = ((random >> 32) * count) >> 32;
        let second = ((random & 0xffff_ffff) * (count - 1)) >> 32;
        let second = second + u64::from(second >= first);
        if self.depth(second as usize) < self.depth(first as usize) {
            second as usize
        } else {
            first as usize
        }
    }

    fn depth(&self, index: usize) -> usize {
        self.outlets.get(index).map_or(usize::MAX, |outlet| {
            outlet.buffered() + outlet.connection.queue().depth().unwrap_or(0)
        })
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    const fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn refuse(&self, expected: &str, found: &str, remedy: &'static str) -> Error {
        Error::new(ErrorKind::InvalidGraph, "route")
            .expected(expected)
            .found(found)
            .with("group", self.number)
            .remedy(remedy)
    }
}

/// A packet for which there is no target. Nobody sees its sender, so that is the highest number.
pub(crate) fn unroutable<T>(group: u16, packet: Packet<T>, error: Error) -> Undelivered<T> {
    let envelope = Envelope {
        from: UpstreamId(u32::MAX),
        event: Event::Packet(packet),
    };
    Undelivered {
        group,
        target: None,
        envelope,
        reason: Reason::Unroutable(error),
    }
}
