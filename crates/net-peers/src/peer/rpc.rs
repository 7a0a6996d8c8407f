//! Ours: queue type `rpc` through its server.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use ipc_peers::item;
use sage_comm::serve::{Server, Settings, TlsFiles};
use sage_comm::{Confirm, Durability, Queue, QueueCore, QueueExt, QueueId, RpcQueue, RpcSpec, Wait};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::{Ask, Peer, Result, Rx, Tx, failed, runtime, same, timed};
use crate::certificate;
use crate::site::Site;
use crate::stock::Stock;

/// More than any scenario has.
const CONNECTIONS: usize = 4096;
/// Puts that nobody gets have room.
const DEEP: usize = 1 << 20;

/// What a connection is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Tcp,
    Unix,
    Tls,
}

/// Terms of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rpc {
    pub(crate) over: Over,
    pub(crate) confirm: Confirm,
    pub(crate) durability: Durability,
    /// Items in a call.
    pub(crate) batch: usize,
}

impl Rpc {
    /// One item a call, over TCP, in a window.
    pub(crate) const SINGLE: Self = Self {
        over: Over::Tcp,
        confirm: Confirm::Window,
        durability: Durability::Process,
        batch: 1,
    };

    /// Of a server of such queues, with all that it keeps in the folder of its site.
    fn settings(self, site: &Site) -> Result<Settings> {
        let mut settings = Settings {
            bind: vec!["127.0.0.1:0".to_owned()],
            max_per_address: CONNECTIONS,
            ..Settings::default()
        };
        settings.broker.max_connections = CONNECTIONS;
        if self.durability == Durability::Disk {
            settings.data_dir = Some(site.folder.join("data"));
        }
        match self.over {
            Over::Tcp => {}
            Over::Unix => settings.unix = Some(site.socket()),
            Over::Tls => {
                let files = certificate::make(site)?;
                settings.tls = Some(TlsFiles {
                    certificate: files.certificate,
                    key: files.key,
                    client_ca: None,
                });
            }
        }
        Ok(settings)
    }

    fn spec(self, site: &Site) -> Result<RpcSpec> {
        let mut spec = match self.over {
            Over::Unix => RpcSpec::on_socket(site.socket().display().to_string()),
            Over::Tcp => RpcSpec::at("127.0.0.1", site.port()?),
            Over::Tls => RpcSpec::at(certificate::HOST, site.port()?),
        };
        if self.over == Over::Tls {
            spec.tls = true;
            spec.ca = Some(format!("file:{}", certificate::authority(site).display()));
        }
        Ok(spec
            .durability(self.durability)
            .confirm(self.confirm)
            .capacity(site.room()))
    }

    fn open(self, site: &Site) -> Result<RpcQueue<Bytes>> {
        queue("bench", &self.spec(site)?)
    }

    /// A queue that nobody has to empty.
    fn deep(self, site: &Site) -> Result<RpcQueue<Bytes>> {
        queue("deep", &self.spec(site)?.capacity(DEEP))
    }

    /// One of many connections, each with a queue.
    fn client(self, site: &Site, number: u64) -> Result<Arc<RpcQueue<Bytes>>> {
        let spec = RpcSpec {
            enable_pooling: false,
            ..self.spec(site)?
        };
        queue(&format!("client/{number}"), &spec).map(Arc::new)
    }
}

fn queue(name: &str, spec: &RpcSpec) -> Result<RpcQueue<Bytes>> {
    let id = QueueId::new(name).map_err(failed("name"))?;
    RpcQueue::open(&id, spec).map_err(failed("open"))
}

impl Peer for Rpc {
    fn serve(&self, site: &Site) -> Result<Box<dyn Any>> {
        let server = Server::start(self.settings(site)?).map_err(failed("serve"))?;
        let addresses = server.addresses().iter().filter_map(|address| address.socket());
        site.announce(&addresses.map(|address| address.to_string()).collect::<Vec<_>>())?;
        Ok(Box::new(server))
    }

    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        let (queue, stock) = (self.open(site)?, Stock::new(site.size));
        if self.batch == 1 {
            return Ok(Box::new(Single(queue, stock)));
        }
        let batch = VecDeque::with_capacity(self.batch);
        Ok(Box::new(Batched(queue, stock, batch, self.batch)))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        let queue = self.open(site)?;
        if self.batch == 1 {
            return Ok(Box::new(SingleRx(queue)));
        }
        Ok(Box::new(BatchedRx(queue, Vec::with_capacity(self.batch))))
    }

    fn put(&self, site: &Site) -> Result<Box<dyn Ask>> {
        Ok(Box::new(Put(self.deep(site)?, Stock::new(site.size))))
    }

    fn trip(&self, site: &Site) -> Result<Box<dyn Ask>> {
        Ok(Box::new(Trip(self.deep(site)?, Stock::new(site.size))))
    }

    fn crowd(&self, site: &Site, producers: u64) -> Result<Box<dyn Tx>> {
        let queue = Arc::new(self.deep(site)?);
        Ok(Box::new(Many {
            queues: vec![queue; usize::try_from(producers).unwrap_or(usize::MAX)],
            size: site.size,
            runtime: runtime()?,
        }))
    }

    fn tx_many(&self, site: &Site, clients: u64) -> Result<Box<dyn Tx>> {
        Ok(Box::new(self.many(site, clients)?))
    }

    fn rx_many(&self, site: &Site, clients: u64) -> Result<Box<dyn Rx>> {
        Ok(Box::new(self.many(site, clients)?))
    }

    fn hold(&self, site: &Site, amount: u64, queues: bool) -> Result<Box<dyn Any>> {
        if !queues {
            return Ok(Box::new(self.many(site, amount)?));
        }
        let spec = self.spec(site)?;
        let open = |number| queue(&format!("idle/{number}"), &spec);
        Ok(Box::new((0..amount).map(open).collect::<Result<Vec<_>>>()?))
    }
}

impl Rpc {
    fn many(self, site: &Site, clients: u64) -> Result<Many> {
        Ok(Many {
            queues: (0..clients)
                .map(|number| self.client(site, number))
                .collect::<Result<_>>()?,
            size: site.size,
            runtime: runtime()?,
        })
    }
}

struct Single(RpcQueue<Bytes>, Stock);

impl Tx for Single {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self(queue, stock) = self;
        for number in 0..items {
            queue.put(stock.item(number)).map_err(failed("put"))?;
        }
        queue.flush(Wait::Forever).map_err(failed("flush"))
    }
}

struct SingleRx(RpcQueue<Bytes>);

impl Rx for SingleRx {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let mut sum = 0_u64;
        for _ in 0..items {
            sum = sum.wrapping_add(item::number(&self.0.get().map_err(failed("get"))?));
        }
        Ok(sum)
    }
}

struct Batched(RpcQueue<Bytes>, Stock, VecDeque<Bytes>, usize);

impl Tx for Batched {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self(queue, stock, batch, full) = self;
        for number in 0..items {
            batch.push_back(stock.item(number));
            if batch.len() < *full && number + 1 < items {
                continue;
            }
            while !batch.is_empty() {
                queue.put_batch(batch, Wait::Forever).map_err(failed("put"))?;
            }
        }
        queue.flush(Wait::Forever).map_err(failed("flush"))
    }
}

struct BatchedRx(RpcQueue<Bytes>, Vec<Bytes>);

impl Rx for BatchedRx {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let Self(queue, batch) = self;
        let (mut left, mut sum) = (items, 0_u64);
        while left > 0 {
            let most = batch.capacity().min(usize::try_from(left).unwrap_or(usize::MAX));
            let got = queue.get_batch(batch, most, Wait::Forever).map_err(failed("get"))?;
            left -= got as u64;
            sum = batch
                .drain(..)
                .fold(sum, |sum, item| sum.wrapping_add(item::number(&item)));
        }
        Ok(sum)
    }
}

struct Put(RpcQueue<Bytes>, Stock);

impl Ask for Put {
    fn ask(&mut self, trips: u64) -> Result<Vec<f64>> {
        timed(trips, |number| self.0.put(self.1.item(number)).map_err(failed("put")))
    }
}

struct Trip(RpcQueue<Bytes>, Stock);

impl Ask for Trip {
    fn ask(&mut self, trips: u64) -> Result<Vec<f64>> {
        timed(trips, |number| {
            self.0.put(self.1.item(number)).map_err(failed("put"))?;
            same(number, item::number(&self.0.get().map_err(failed("get"))?))
        })
    }
}

/// A task for each queue.
struct Many {
    queues: Vec<Arc<RpcQueue<Bytes>>>,
    size: usize,
    runtime: Runtime,
}

impl Many {
    /// The numbers of the place-th of them: all that are equal to it modulo how many there are.
    fn share(&self, place: usize, items: u64) -> impl Iterator<Item = u64> + use<> {
        (place as u64..items).step_by(self.queues.len())
    }
}

impl Tx for Many {
    fn send(&mut self, items: u64) -> Result<()> {
        let mut tasks = JoinSet::new();
        for (place, queue) in self.queues.iter().enumerate() {
            let (queue, share, mut stock) = (Arc::clone(queue), self.share(place, items), Stock::new(self.size));
            tasks.spawn_on(
                async move {
                    for number in share {
                        queue.put_async(stock.item(number)).await.map_err(failed("put"))?;
                    }
                    Ok(0)
                },
                self.runtime.handle(),
            );
        }
        self.runtime.block_on(sum(tasks))?;
        self.queues
            .iter()
            .try_for_each(|queue| queue.flush(Wait::Forever).map_err(failed("flush")))
    }
}

impl Rx for Many {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let mut tasks = JoinSet::new();
        for (place, queue) in self.queues.iter().enumerate() {
            let (queue, share) = (Arc::clone(queue), self.share(place, items));
            tasks.spawn_on(
                async move {
                    let mut sum = 0_u64;
                    for number in share {
                        let found = item::number(&queue.get_async().await.map_err(failed("get"))?);
                        same(number, found)?;
                        sum = sum.wrapping_add(found);
                    }
                    Ok(sum)
                },
                self.runtime.handle(),
            );
        }
        self.runtime.block_on(sum(tasks))
    }
}

async fn sum(mut tasks: JoinSet<Result<u64>>) -> Result<u64> {
    let mut sum = 0_u64;
    while let Some(ended) = tasks.join_next().await {
        sum = sum.wrapping_add(ended.map_err(failed("a task"))??);
    }
    Ok(sum)
}
