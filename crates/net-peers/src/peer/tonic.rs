//! tonic: a call that streams items to the server, and one that streams them from there. A bounded queue is in between.

use std::any::Any;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use futures_util::stream::{self, BoxStream};
use http::uri::PathAndQuery;
use ipc_peers::item;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};
use tonic::body::Body;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};
use tower_service::Service;

use super::{Peer, Result, Rx, Tx, failed, runtime};
use crate::site::Site;
use crate::stock::Stock;

const PUT: &str = "/bench/put";
const GET: &str = "/bench/get";
const LARGEST: usize = 16 << 20;
/// What is on its way in one stream, and in a connection. The usual 64 KiB would stop after each large item.
const WINDOW: u32 = 4 << 20;
const BUFFER: usize = 128 << 10;

type Answer<R> = Pin<Box<dyn Future<Output = std::result::Result<R, Status>> + Send>>;

/// Bytes as they are.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> std::result::Result<(), Status> {
        to.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, BUFFER)
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> std::result::Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, BUFFER)
    }
}

/// Streams.
#[derive(Debug)]
pub(crate) struct Streams;

impl Peer for Streams {
    fn serve(&self, site: &Site) -> Result<Box<dyn Any>> {
        let runtime = runtime()?;
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .map_err(failed("listen"))?;
        site.announce(&[listener.local_addr().map_err(failed("an address"))?.to_string()])?;
        let (to, from) = mpsc::channel(site.room());
        let queue = Queue {
            to,
            from: Arc::new(Mutex::new(Some(from))),
        };
        let server = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        Ok(Box::new(std::thread::spawn(move || {
            runtime.block_on(async {
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                server.serve_with_incoming(queue, incoming).await
            })
        })))
    }

    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        let runtime = runtime()?;
        let client = runtime.block_on(connect(site))?;
        Ok(Box::new(Sender {
            runtime,
            client,
            size: site.size,
        }))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        let runtime = runtime()?;
        let items = runtime.block_on(async {
            let mut client = connect(site).await?;
            client.ready().await.map_err(failed("ready"))?;
            let path = PathAndQuery::from_static(GET);
            let answer = client.server_streaming(Request::new(Bytes::new()), path, Raw).await;
            Ok::<_, String>(answer.map_err(failed("get"))?.into_inner())
        })?;
        Ok(Box::new(Receiver { runtime, items }))
    }
}

type Client = tonic::client::Grpc<Channel>;

async fn connect(site: &Site) -> Result<Client> {
    let endpoint = Endpoint::from_shared(format!("http://{}", site.address(0)?)).map_err(failed("an address"))?;
    let endpoint = endpoint
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW);
    let channel = endpoint.connect().await.map_err(failed("connect"))?;
    Ok(Client::new(channel).max_decoding_message_size(LARGEST))
}

struct Sender {
    runtime: Runtime,
    client: Client,
    size: usize,
}

impl Tx for Sender {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self { runtime, client, size } = self;
        runtime.block_on(async {
            client.ready().await.map_err(failed("ready"))?;
            let mut stock = Stock::new(*size);
            let items = stream::iter((0..items).map(move |number| stock.item(number)));
            let path = PathAndQuery::from_static(PUT);
            let answer = client.client_streaming(Request::new(items), path, Raw).await;
            answer.map(drop).map_err(failed("put"))
        })
    }
}

struct Receiver {
    runtime: Runtime,
    items: Streaming<Bytes>,
}

impl Rx for Receiver {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let Self { runtime, items: from } = self;
        runtime.block_on(async {
            let mut sum = 0_u64;
            for _ in 0..items {
                let item = from.message().await.map_err(failed("get"))?;
                sum = sum.wrapping_add(item::number(&item.ok_or("no more items")?));
            }
            Ok(sum)
        })
    }
}

/// The server's only queue.
#[derive(Clone)]
struct Queue {
    to: mpsc::Sender<Bytes>,
    from: Arc<Mutex<Option<mpsc::Receiver<Bytes>>>>,
}

impl Service<http::Request<Body>> for Queue {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let queue = self.clone();
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Raw).max_decoding_message_size(LARGEST);
            Ok(if request.uri().path() == PUT {
                grpc.client_streaming(Put(queue.to), request).await
            } else {
                grpc.server_streaming(Get(queue.from), request).await
            })
        })
    }
}

struct Put(mpsc::Sender<Bytes>);

impl Service<Request<Streaming<Bytes>>> for Put {
    type Response = Response<Bytes>;
    type Error = Status;
    type Future = Answer<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let to = self.0.clone();
        Box::pin(async move {
            let mut items = request.into_inner();
            while let Some(item) = items.message().await? {
                to.send(item).await.map_err(|_| Status::unavailable("no queue"))?;
            }
            Ok(Response::new(Bytes::new()))
        })
    }
}

struct Get(Arc<Mutex<Option<mpsc::Receiver<Bytes>>>>);

impl Service<Request<Bytes>> for Get {
    type Response = Response<BoxStream<'static, std::result::Result<Bytes, Status>>>;
    type Error = Status;
    type Future = Answer<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let from = Arc::clone(&self.0);
        Box::pin(async move {
            let from = from.lock().await.take();
            let mut from = from.ok_or_else(|| Status::resource_exhausted("one consumer"))?;
            let items = stream::poll_fn(move |cx| from.poll_recv(cx).map(|item| item.map(Ok)));
            Ok(Response::new(Box::pin(items) as BoxStream<'static, _>))
        })
    }
}
