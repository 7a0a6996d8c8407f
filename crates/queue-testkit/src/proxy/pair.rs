//! A connection: the client's half and the server's.

use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::Direction;
use super::endpoint::Socket;

#[derive(Debug)]
pub(super) struct Pair {
    client: Socket,
    server: Socket,
    is_cut: AtomicBool,
    is_flipped: AtomicBool,
    ended: AtomicU8,
}

impl Pair {
    pub(super) const fn new(client: Socket, server: Socket) -> Self {
        Self {
            client,
            server,
            is_cut: AtomicBool::new(false),
            is_flipped: AtomicBool::new(false),
            ended: AtomicU8::new(0),
        }
    }

    /// Where bytes of that direction come from, and where they go.
    pub(super) const fn ends(&self, direction: Direction) -> (&Socket, &Socket) {
        match direction {
            Direction::ToServer => (&self.client, &self.server),
            Direction::ToClient => (&self.server, &self.client),
        }
    }

    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.client.shutdown(Shutdown::Both);
        self.server.shutdown(Shutdown::Both);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }

    pub(super) fn flipped(&self) {
        self.is_flipped.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_flipped(&self) -> bool {
        self.is_flipped.load(Ordering::SeqCst)
    }

    /// One direction has ended: whether both have.
    pub(super) fn end(&self) -> bool {
        self.ended.fetch_add(1, Ordering::SeqCst) == 1
    }
}
