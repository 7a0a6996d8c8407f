//! tarpc: a call for each put, many of them at the same time, and calls that get several items. Answers come in any order.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ipc_peers::item;
use tarpc::context::{self, Context};
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::LengthDelimitedCodec;
use tarpc::tokio_util::codec::length_delimited::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};

use super::{Peer, Result, Rx, Tx, failed, runtime};
use crate::site::Site;
use crate::stock::Stock;

const LARGEST: usize = 64 << 20;
/// Items in one answer.
const MOST: u64 = 256;

#[tarpc::service]
trait Queue {
    async fn put(item: Bytes) -> bool;
    async fn get(most: u64) -> Vec<Bytes>;
}

/// The server's only queue.
#[derive(Clone)]
struct Held {
    to: mpsc::Sender<Bytes>,
    from: Arc<Mutex<mpsc::Receiver<Bytes>>>,
}

impl Queue for Held {
    async fn put(self, _: Context, item: Bytes) -> bool {
        self.to.send(item).await.is_ok()
    }

    async fn get(self, _: Context, most: u64) -> Vec<Bytes> {
        let mut items = Vec::new();
        self.from.lock().await.recv_many(&mut items, most as usize).await;
        items
    }
}

fn frames() -> Builder {
    let mut frames = LengthDelimitedCodec::builder();
    frames.max_frame_length(LARGEST);
    frames
}

/// Calls, without Nagle's delay.
#[derive(Debug)]
pub(crate) struct Calls;

impl Peer for Calls {
    fn serve(&self, site: &Site) -> Result<Box<dyn Any>> {
        let runtime = runtime()?;
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .map_err(failed("listen"))?;
        site.announce(&[listener.local_addr().map_err(failed("an address"))?.to_string()])?;
        let (to, from) = mpsc::channel(site.room());
        let held = Held {
            to,
            from: Arc::new(Mutex::new(from)),
        };
        Ok(Box::new(std::thread::spawn(move || {
            runtime.block_on(async {
                while let Ok((stream, _)) = listener.accept().await {
                    if stream.set_nodelay(true).is_err() {
                        continue;
                    }
                    let framed = frames().new_framed(stream);
                    let transport = tarpc::serde_transport::new(framed, Bincode::default());
                    let calls = BaseChannel::with_defaults(transport).execute(held.clone().serve());
                    tokio::spawn(calls.for_each(async |call| {
                        tokio::spawn(call);
                    }));
                }
            });
        })))
    }

    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        let (runtime, client) = connect(site)?;
        Ok(Box::new(Sender {
            runtime,
            client,
            stock: Stock::new(site.size),
            window: site.window(256, 32, 8),
        }))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        let (runtime, client) = connect(site)?;
        let most = MOST.min(site.window(256, 64, 8) as u64);
        Ok(Box::new(Receiver { runtime, client, most }))
    }
}

fn connect(site: &Site) -> Result<(Runtime, QueueClient)> {
    let runtime = runtime()?;
    let address: SocketAddr = site.address(0)?.parse().map_err(failed("an address"))?;
    let client = runtime.block_on(async {
        let stream = TcpStream::connect(address).await.map_err(failed("connect"))?;
        stream.set_nodelay(true).map_err(failed("nodelay"))?;
        let transport = tarpc::serde_transport::new(frames().new_framed(stream), Bincode::default());
        Ok::<_, String>(QueueClient::new(tarpc::client::Config::default(), transport).spawn())
    })?;
    Ok((runtime, client))
}

struct Sender {
    runtime: Runtime,
    client: QueueClient,
    stock: Stock,
    window: usize,
}

impl Tx for Sender {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self {
            runtime,
            client,
            stock,
            window,
        } = self;
        let client = &*client;
        runtime.block_on(async {
            let mut asked = FuturesUnordered::new();
            for number in 0..items {
                if asked.len() == *window {
                    stored(asked.next().await)?;
                }
                let item = stock.item(number);
                asked.push(async move { client.put(context::current(), item).await });
            }
            while let Some(answer) = asked.next().await {
                stored(Some(answer))?;
            }
            Ok(())
        })
    }
}

fn stored(answer: Option<std::result::Result<bool, tarpc::client::RpcError>>) -> Result<()> {
    match answer {
        Some(Ok(true)) => Ok(()),
        Some(Err(error)) => Err(format!("put: {error}")),
        _ => Err("an item that was not stored".into()),
    }
}

struct Receiver {
    runtime: Runtime,
    client: QueueClient,
    most: u64,
}

impl Rx for Receiver {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let Self { runtime, client, most } = self;
        runtime.block_on(async {
            let (mut left, mut sum) = (items, 0_u64);
            while left > 0 {
                let answer = client.get(context::current(), left.min(*most)).await;
                for item in answer.map_err(failed("get"))? {
                    sum = sum.wrapping_add(item::number(&item));
                    left -= 1;
                }
            }
            Ok(sum)
        })
    }
}
