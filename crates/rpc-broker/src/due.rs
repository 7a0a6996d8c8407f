//! What happens when its moment has come.

use std::time::Instant;

use queue_core::{Error, ErrorKind};
use rpc_wire::Ping;

use crate::broker::{Broker, stopped};
use crate::connection::Phase;
use crate::table::Key;
use crate::timers::Timer;

/// Beats without a word after which a peer is gone.
const SILENT_BEATS: u32 = 4;

impl Broker {
    pub(crate) fn fire(&mut self, timer: Timer, now: Instant) {
        match timer {
            Timer::Handshake(connection) => {
                let deadline = self.settings.handshake_deadline;
                let error = late("a handshake", deadline);
                self.break_off(connection, &error, now);
            }
            Timer::Beat(connection) => self.beat(connection, now),
            Timer::Get(queue, id) => self.get_is_late(queue, id),
            Timer::Put(member, id) => self.put_is_late(member, id),
            Timer::Loan(member, delivery) => self.loan_ran_out(member, delivery),
            Timer::Sight(queue) => self.reveal(queue, now),
            Timer::Return(session) => self.return_items(session),
            Timer::Forget(session) => self.forget(session),
            Timer::Stop => {
                for connection in self.connections.keys() {
                    self.break_off(connection, &stopped("serve"), now);
                }
            }
        }
    }

    /// Looks whether the peer is there, and whether it ends what it begins.
    fn beat(&mut self, at: Key, now: Instant) {
        let beat = self.settings.heartbeat;
        let frame_deadline = self.settings.frame_deadline;
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        connection.idle_frames = 0;
        connection.trim();
        let silent = now.saturating_duration_since(connection.heard);
        let half = connection.half_since.map(|since| now.saturating_duration_since(since));
        let known = matches!(connection.phase, Phase::Known);
        connection.beat_due = now.checked_add(beat);
        if let Some(due) = connection.beat_due {
            self.timers.set(due, Timer::Beat(at));
        }
        if half.is_some_and(|half| half >= frame_deadline) {
            self.break_off(at, &late("the rest of a frame", frame_deadline), now);
        } else if known && silent >= beat * SILENT_BEATS {
            self.break_off(at, &late("a sign of life", beat * SILENT_BEATS), now);
        } else if known && silent >= beat {
            self.tell(at, Ping { number: self.last_id });
        }
        self.trim();
    }

    /// Queues that are empty hold no memory for items.
    fn trim(&mut self) {
        for queue in std::mem::take(&mut self.touched) {
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.touched = false;
                queue.store.trim();
                if queue.gets.is_empty() {
                    queue.gets = Default::default();
                }
                if queue.puts.is_empty() {
                    queue.puts = Default::default();
                }
            }
        }
    }
}

fn late(what: &str, after: std::time::Duration) -> Error {
    Error::new(ErrorKind::Timeout, "read from connection")
        .backend("rpc")
        .expected(format!("{what} within {after:?}"))
        .found("none")
        .remedy("connect again")
}
