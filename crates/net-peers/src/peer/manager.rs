//! Ours: queue type `ray_queue`, through its manager or inside of its process, and the ring that is measured beside it.

use std::any::Any;
use std::path::PathBuf;

use bytes::Bytes;
use ipc_peers::item;
use sage_comm::{DynQueue, ManagerSettings, Open, QueueId, QueueManager, RayQueueSpec, SageSpec, Wait, Wire};

use super::{Peer, Result, Rx, Tx, failed, same};
use crate::site::Site;
use crate::stock::Stock;

const NAMESPACE: &str = "bench";
const QUEUE: &str = "bench";
/// Room of the queues that one process uses alone.
const DEEP: usize = 1024;

/// That of the site: nobody else's manager is in its folder.
fn manager(site: &Site) -> Result<QueueManager> {
    let settings = ManagerSettings {
        folder: Some(folder(site)),
        ..ManagerSettings::default()
    };
    QueueManager::with(NAMESPACE, settings).map_err(failed("a manager"))
}

fn folder(site: &Site) -> PathBuf {
    site.folder.join("managers")
}

fn id() -> Result<QueueId> {
    QueueId::new(QUEUE).map_err(failed("name"))
}

/// A queue of a manager: one in a process of its own for those who send, the process itself for who does both.
#[derive(Debug)]
pub(crate) struct Manager;

impl Manager {
    fn there(site: &Site) -> Result<DynQueue<Bytes>> {
        let spec = RayQueueSpec::bounded(site.room()).attach_only();
        manager(site)?.open(&id()?, &spec).map_err(failed("open"))
    }
}

impl Peer for Manager {
    fn serve(&self, site: &Site) -> Result<Box<dyn Any>> {
        Ok(Box::new(manager(site)?.serve().map_err(failed("serve"))?))
    }

    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        Ok(Box::new(Single(Self::there(site)?, Stock::new(site.size))))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        Ok(Box::new(SingleRx(Self::there(site)?)))
    }
}

/// A queue of the manager that the process is itself.
#[derive(Debug)]
pub(crate) struct Inside;

impl Peer for Inside {
    fn serve(&self, _: &Site) -> Result<Box<dyn Any>> {
        Ok(Box::new(()))
    }

    fn alone(&self, site: &Site) -> Result<Box<dyn Rx>> {
        let manager = manager(site)?;
        let queue = manager.get_or_create(QUEUE, DEEP).map_err(failed("open"))?;
        if !manager.is_here() {
            return Err("another process is the manager".into());
        }
        Ok(Box::new(Alone(queue)))
    }
}

/// The ring that such a queue is made of, opened like any other.
#[derive(Debug)]
pub(crate) struct Ring;

impl Peer for Ring {
    fn serve(&self, _: &Site) -> Result<Box<dyn Any>> {
        Ok(Box::new(()))
    }

    fn alone(&self, _: &Site) -> Result<Box<dyn Rx>> {
        let queue = SageSpec::bounded(DEEP).open(&id()?).map_err(failed("open"))?;
        Ok(Box::new(Alone(queue)))
    }
}

struct Single(DynQueue<Bytes>, Stock);

impl Tx for Single {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self(queue, stock) = self;
        for number in 0..items {
            queue.put(stock.item(number)).map_err(failed("put"))?;
        }
        queue.flush(Wait::Forever).map_err(failed("flush"))
    }
}

struct SingleRx(DynQueue<Bytes>);

impl Rx for SingleRx {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let mut sum = 0_u64;
        for _ in 0..items {
            sum = sum.wrapping_add(item::number(&self.0.get().map_err(failed("get"))?));
        }
        Ok(sum)
    }
}

/// Both sides of a queue of numbers: with a larger item there would be more of the item in the time, and less of the queue.
struct Alone<T: Wire>(DynQueue<T>);

impl Rx for Alone<u64> {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let mut sum = 0_u64;
        for number in 0..items {
            self.0.put(number).map_err(failed("put"))?;
            let found = self.0.get().map_err(failed("get"))?;
            same(number, found)?;
            sum = sum.wrapping_add(found);
        }
        Ok(sum)
    }
}
