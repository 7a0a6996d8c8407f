//! The thread that takes connections, and joins the threads of those that have ended.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Direction;
use super::endpoint::{Listener, Socket};
use super::gate::Gate;
use super::pair::Pair;
use super::pump;

/// Connections at a time; one more is closed at once.
const MOST: usize = 256;
/// A pause when the system has no room for a connection.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Acceptor {
    listener: Listener,
    gate: Arc<Gate>,
    pumps: Vec<JoinHandle<()>>,
}

impl Acceptor {
    pub(super) const fn new(listener: Listener, gate: Arc<Gate>) -> Self {
        Self {
            listener,
            gate,
            pumps: Vec::new(),
        }
    }

    pub(super) fn run(&mut self) {
        while !self.gate.is_over() {
            match self.listener.accept() {
                Ok(client) if !self.gate.is_over() => {
                    self.reap(false);
                    if self.connect(client).is_err() {
                        // The client sees the end of its connection.
                        continue;
                    }
                }
                Ok(_) => {}
                Err(_) => thread::sleep(PAUSE),
            }
        }
        for pair in self.gate.pairs().iter() {
            pair.cut();
        }
        self.gate.change(|_| {});
        self.reap(true);
    }

    fn connect(&mut self, client: Socket) -> io::Result<()> {
        self.gate.accepted.fetch_add(1, Ordering::SeqCst);
        if self.gate.pairs().len() >= MOST {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let pair = Arc::new(Pair::new(client, self.gate.target.connect()?));
        self.gate.pairs().push(Arc::clone(&pair));
        for direction in [Direction::ToServer, Direction::ToClient] {
            let (gate, own) = (Arc::clone(&self.gate), Arc::clone(&pair));
            let name = format!("proxy {direction:?}");
            let pump = thread::Builder::new()
                .name(name)
                .spawn(move || pump::run(&gate, &own, direction));
            match pump {
                Ok(pump) => self.pumps.push(pump),
                Err(error) => {
                    pair.cut();
                    if direction == Direction::ToClient {
                        pair.end();
                    }
                    self.gate.pairs().retain(|open| !Arc::ptr_eq(open, &pair));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn reap(&mut self, all: bool) {
        for pump in std::mem::take(&mut self.pumps) {
            if all || pump.is_finished() {
                // A panic was said by the thread itself.
                let _ = pump.join();
            } else {
                self.pumps.push(pump);
            }
        }
    }
}
