//! NATS: its core, which confirms nothing, and JetStream, where a work queue keeps items until they are acknowledged.

use std::collections::VecDeque;
use std::future::IntoFuture;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::{self, Context, stream};
use async_nats::{Client, ConnectOptions, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use ipc_peers::item;
use tokio::runtime::Runtime;

use super::{Ask, Peer, Result, Rx, Tx, failed, runtime, same};
use crate::site::Site;
use crate::stock::Stock;

const SUBJECT: &str = "bench";
const READY: &str = "ready";
/// A whole round may wait in the client.
const CAPACITY: usize = 1 << 22;

async fn connect(site: &Site) -> Result<Client> {
    let options = ConnectOptions::new().subscription_capacity(CAPACITY);
    let client = options.connect(site.address(0)?).await;
    client.map_err(failed("connect"))
}

/// Publish and subscribe.
#[derive(Debug)]
pub(crate) struct Core;

impl Peer for Core {
    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        let runtime = runtime()?;
        let client = runtime.block_on(connect(site))?;
        Ok(Box::new(CoreTx {
            runtime,
            client,
            stock: Stock::new(site.size),
        }))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        let runtime = runtime()?;
        let (client, items) = runtime.block_on(async {
            let client = connect(site).await?;
            let items = client.subscribe(SUBJECT).await.map_err(failed("subscribe"))?;
            // What is published before the server knows is lost. It knows when it has answered what was said after that.
            let mut echo = client.subscribe(READY).await.map_err(failed("subscribe"))?;
            client.publish(READY, Bytes::new()).await.map_err(failed("publish"))?;
            echo.next().await.ok_or("no answer")?;
            Ok::<_, String>((client, items))
        })?;
        Ok(Box::new(CoreRx {
            runtime,
            items,
            _client: client,
        }))
    }
}

struct CoreTx {
    runtime: Runtime,
    client: Client,
    stock: Stock,
}

impl Tx for CoreTx {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self { runtime, client, stock } = self;
        runtime.block_on(async {
            for number in 0..items {
                let sent = client.publish(SUBJECT, stock.item(number)).await;
                sent.map_err(failed("publish"))?;
            }
            client.flush().await.map_err(failed("flush"))
        })
    }
}

struct CoreRx {
    runtime: Runtime,
    items: Subscriber,
    _client: Client,
}

impl Rx for CoreRx {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let Self {
            runtime, items: from, ..
        } = self;
        runtime.block_on(async {
            let mut sum = 0_u64;
            for _ in 0..items {
                let message = from.next().await.ok_or("no more messages")?;
                sum = sum.wrapping_add(item::number(&message.payload));
            }
            Ok(sum)
        })
    }
}

/// A stream that is a work queue, in memory or in a file.
#[derive(Debug)]
pub(crate) struct JetStream {
    pub(crate) file: bool,
}

impl JetStream {
    async fn stream(&self, site: &Site) -> Result<(Context, stream::Stream)> {
        let context = jetstream::new(connect(site).await?);
        let stream = context.get_or_create_stream(stream::Config {
            name: SUBJECT.into(),
            subjects: vec![SUBJECT.into()],
            retention: stream::RetentionPolicy::WorkQueue,
            discard: stream::DiscardPolicy::New,
            storage: if self.file {
                stream::StorageType::File
            } else {
                stream::StorageType::Memory
            },
            ..stream::Config::default()
        });
        let stream = match stream.await {
            Ok(stream) => stream,
            // Of two who make it at once, a server tells one that its subject is taken.
            Err(_) => context.get_stream(SUBJECT).await.map_err(failed("a stream"))?,
        };
        Ok((context, stream))
    }

    async fn items(&self, site: &Site) -> Result<(Context, pull::Stream)> {
        let (context, stream) = self.stream(site).await?;
        let config = pull::Config {
            durable_name: Some(SUBJECT.into()),
            ack_policy: AckPolicy::Explicit,
            max_ack_pending: -1,
            ..pull::Config::default()
        };
        let consumer: PullConsumer = stream
            .get_or_create_consumer(SUBJECT, config)
            .await
            .map_err(failed("a consumer"))?;
        let batch = site.window(512, 64, 16);
        let items = consumer.stream().max_messages_per_batch(batch).messages();
        Ok((context, items.await.map_err(failed("messages"))?))
    }
}

impl Peer for JetStream {
    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        let runtime = runtime()?;
        let (context, _) = runtime.block_on(self.stream(site))?;
        Ok(Box::new(StreamTx {
            runtime,
            context,
            stock: Stock::new(site.size),
            window: site.window(2048, 128, 32),
        }))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        let runtime = runtime()?;
        let (context, items) = runtime.block_on(self.items(site))?;
        Ok(Box::new(StreamRx {
            runtime,
            items,
            _context: context,
        }))
    }

    fn put(&self, site: &Site) -> Result<Box<dyn Ask>> {
        let runtime = runtime()?;
        let (context, _) = runtime.block_on(self.stream(site))?;
        Ok(Box::new(Put {
            runtime,
            context,
            stock: Stock::new(site.size),
        }))
    }

    fn trip(&self, site: &Site) -> Result<Box<dyn Ask>> {
        let runtime = runtime()?;
        let (context, items) = runtime.block_on(self.items(site))?;
        Ok(Box::new(Trip {
            runtime,
            context,
            items,
            stock: Stock::new(site.size),
        }))
    }

    fn crowd(&self, site: &Site, producers: u64) -> Result<Box<dyn Tx>> {
        let runtime = runtime()?;
        let (context, _) = runtime.block_on(self.stream(site))?;
        Ok(Box::new(Crowd {
            runtime,
            context,
            producers,
            size: site.size,
        }))
    }
}

struct StreamTx {
    runtime: Runtime,
    context: Context,
    stock: Stock,
    window: usize,
}

async fn confirmed(answer: PublishAckFuture) -> Result<()> {
    answer.into_future().await.map(drop).map_err(failed("confirm"))
}

impl Tx for StreamTx {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self {
            runtime,
            context,
            stock,
            window,
        } = self;
        runtime.block_on(async {
            let mut asked = VecDeque::with_capacity(*window);
            for number in 0..items {
                if asked.len() == *window
                    && let Some(oldest) = asked.pop_front()
                {
                    confirmed(oldest).await?;
                }
                let sent = context.publish(SUBJECT, stock.item(number)).await;
                asked.push_back(sent.map_err(failed("publish"))?);
            }
            for answer in asked {
                confirmed(answer).await?;
            }
            Ok(())
        })
    }
}

async fn next(items: &mut pull::Stream) -> Result<u64> {
    let message = items.next().await.ok_or("no more messages")?.map_err(failed("get"))?;
    message.ack().await.map_err(failed("acknowledge"))?;
    Ok(item::number(&message.payload))
}

struct StreamRx {
    runtime: Runtime,
    items: pull::Stream,
    _context: Context,
}

impl Rx for StreamRx {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let Self {
            runtime, items: from, ..
        } = self;
        runtime.block_on(async {
            let mut sum = 0_u64;
            for _ in 0..items {
                sum = sum.wrapping_add(next(from).await?);
            }
            Ok(sum)
        })
    }
}

struct Put {
    runtime: Runtime,
    context: Context,
    stock: Stock,
}

async fn put(context: &Context, stock: &mut Stock, number: u64) -> Result<()> {
    let sent = context.publish(SUBJECT, stock.item(number)).await;
    confirmed(sent.map_err(failed("publish"))?).await
}

impl Ask for Put {
    fn ask(&mut self, trips: u64) -> Result<Vec<f64>> {
        let Self {
            runtime,
            context,
            stock,
        } = self;
        runtime.block_on(async {
            let mut nanos = Vec::new();
            for number in 0..trips {
                let asked = std::time::Instant::now();
                put(context, stock, number).await?;
                nanos.push(asked.elapsed().as_nanos() as f64);
            }
            Ok(nanos)
        })
    }
}

struct Trip {
    runtime: Runtime,
    context: Context,
    items: pull::Stream,
    stock: Stock,
}

impl Ask for Trip {
    fn ask(&mut self, trips: u64) -> Result<Vec<f64>> {
        let Self {
            runtime,
            context,
            items,
            stock,
        } = self;
        runtime.block_on(async {
            let mut nanos = Vec::new();
            for number in 0..trips {
                let asked = std::time::Instant::now();
                put(context, stock, number).await?;
                let found = next(items).await?;
                nanos.push(asked.elapsed().as_nanos() as f64);
                same(number, found)?;
            }
            Ok(nanos)
        })
    }
}

struct Crowd {
    runtime: Runtime,
    context: Context,
    producers: u64,
    size: usize,
}

impl Tx for Crowd {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self {
            runtime,
            context,
            producers,
            size,
        } = self;
        let each = (0..*producers).map(|first| {
            let share = (first..items).step_by(*producers as usize);
            let (context, mut stock) = (&*context, Stock::new(*size));
            async move {
                for number in share {
                    put(context, &mut stock, number).await?;
                }
                Ok::<_, String>(())
            }
        });
        runtime.block_on(try_join_all(each)).map(drop)
    }
}
