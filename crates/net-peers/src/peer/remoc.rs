//! remoc: a channel to the server and one from there, and a bounded queue in between.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use ipc_peers::item;
use remoc::rch::{base, mpsc as remote};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};

use super::{Peer, Result, Rx, Tx, driven, failed, runtime};
use crate::site::Site;
use crate::stock::Stock;

/// Items that wait to be encoded.
const BUFFER: usize = 256;

/// What a client wants.
#[derive(Serialize, Deserialize)]
enum Hello {
    Put(remote::Receiver<Bytes>),
    Get(remote::Sender<Bytes>),
}

/// Channels.
#[derive(Debug)]
pub(crate) struct Channels;

impl Peer for Channels {
    fn serve(&self, site: &Site) -> Result<Box<dyn Any>> {
        let runtime = runtime()?;
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .map_err(failed("listen"))?;
        site.announce(&[listener.local_addr().map_err(failed("an address"))?.to_string()])?;
        let (to, from) = mpsc::channel(site.room());
        let from = Arc::new(Mutex::new(from));
        Ok(Box::new(std::thread::spawn(move || {
            runtime.block_on(async {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(client(stream, to.clone(), Arc::clone(&from)));
                }
            });
        })))
    }

    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        let (runtime, items, hello) = connect(site, || {
            let (items, there) = remote::with_local_buffer(BUFFER);
            (items, Hello::Put(there))
        })?;
        Ok(Box::new(Sender {
            runtime,
            items,
            stock: Stock::new(site.size),
            _hello: hello,
        }))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        let (runtime, items, hello) = connect(site, || {
            let (there, items) = remote::with_local_buffer(BUFFER);
            (items, Hello::Get(there))
        })?;
        Ok(Box::new(Receiver {
            runtime,
            items,
            _hello: hello,
        }))
    }
}

async fn client(stream: TcpStream, to: mpsc::Sender<Bytes>, from: Arc<Mutex<mpsc::Receiver<Bytes>>>) -> Result<()> {
    stream.set_nodelay(true).map_err(failed("nodelay"))?;
    let (read, write) = stream.into_split();
    let opened = remoc::Connect::io(remoc::Cfg::default(), read, write).await;
    // What it says first is all that it says; the other direction has no words.
    let (connection, _said, mut hello): (_, base::Sender<()>, base::Receiver<Hello>) =
        opened.map_err(failed("accept"))?;
    tokio::spawn(connection);
    match hello.recv().await.map_err(failed("a greeting"))? {
        Some(Hello::Put(mut items)) => {
            while let Some(item) = items.recv().await.map_err(failed("put"))? {
                to.send(item).await.map_err(failed("the queue"))?;
            }
        }
        Some(Hello::Get(items)) => {
            let mut from = from.lock().await;
            while let Some(item) = from.recv().await {
                items.send(item).await.map_err(failed("get"))?;
            }
        }
        None => {}
    }
    Ok(())
}

/// `open` makes the two halves of a channel, for which there has to be a runtime: the one that stays and the one that goes.
fn connect<H>(site: &Site, open: impl FnOnce() -> (H, Hello)) -> Result<(Runtime, H, base::Sender<Hello>)> {
    let runtime = driven()?;
    let address: SocketAddr = site.address(0)?.parse().map_err(failed("an address"))?;
    let (half, said) = runtime.block_on(async {
        let stream = TcpStream::connect(address).await.map_err(failed("connect"))?;
        stream.set_nodelay(true).map_err(failed("nodelay"))?;
        let (read, write) = stream.into_split();
        let opened = remoc::Connect::io(remoc::Cfg::default(), read, write).await;
        let (connection, mut said, _heard): (_, base::Sender<Hello>, base::Receiver<()>) =
            opened.map_err(failed("connect"))?;
        tokio::spawn(connection);
        let (half, hello) = open();
        said.send(hello).await.map_err(failed("greet"))?;
        Ok::<_, String>((half, said))
    })?;
    Ok((runtime, half, said))
}

struct Sender {
    runtime: Runtime,
    items: remote::Sender<Bytes>,
    stock: Stock,
    _hello: base::Sender<Hello>,
}

impl Tx for Sender {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self {
            runtime,
            items: to,
            stock,
            ..
        } = self;
        runtime.block_on(async {
            let mut last = None;
            for number in 0..items {
                let sent = to.send(stock.item(number)).await;
                last = Some(sent.map_err(failed("put"))?);
            }
            // Items go in order: when the last one is on its way, all are.
            match last {
                Some(sending) => sending.await.map(drop).map_err(failed("flush")),
                None => Ok(()),
            }
        })
    }
}

struct Receiver {
    runtime: Runtime,
    items: remote::Receiver<Bytes>,
    _hello: base::Sender<Hello>,
}

impl Rx for Receiver {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let Self {
            runtime, items: from, ..
        } = self;
        runtime.block_on(async {
            let mut sum = 0_u64;
            for _ in 0..items {
                let item = from.recv().await.map_err(failed("get"))?;
                sum = sum.wrapping_add(item::number(&item.ok_or("no more items")?));
            }
            Ok(sum)
        })
    }
}
