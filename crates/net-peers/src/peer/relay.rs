//! The floor: frames of a length and an item, handed on by a task in the middle that looks at no more than the lengths. Nothing is
//! confirmed, kept, counted or checked.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use ipc_peers::item;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Ask, Peer, Result, Rx, Tx, failed, runtime, same};
use crate::certificate::{self, HOST};
use crate::site::Site;
use crate::stock::Stock;

const BUFFER: usize = 128 << 10;
/// Pieces of up to a buffer each that are on their way.
const PIECES: usize = 64;
/// Bytes of a length.
const HEAD: usize = 4;

/// With TLS or without.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relay {
    pub(crate) tls: bool,
}

/// What a connection says first.
const PRODUCER: u8 = b'P';
const CONSUMER: u8 = b'C';
const ECHO: u8 = b'E';

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}
type Stream = Box<dyn Duplex>;

impl Peer for Relay {
    fn serve(&self, site: &Site) -> Result<Box<dyn Any>> {
        let tls = if self.tls { Some(acceptor(site)?) } else { None };
        let runtime = runtime()?;
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .map_err(failed("listen"))?;
        site.announce(&[listener.local_addr().map_err(failed("an address"))?.to_string()])?;
        Ok(Box::new(std::thread::spawn(move || {
            runtime.block_on(serve(listener, tls))
        })))
    }

    fn tx(&self, site: &Site) -> Result<Box<dyn Tx>> {
        let (runtime, stream) = self.connect(site, PRODUCER)?;
        Ok(Box::new(Sender {
            runtime,
            stream: BufWriter::with_capacity(BUFFER, stream),
            stock: Stock::new(site.size),
        }))
    }

    fn rx(&self, site: &Site) -> Result<Box<dyn Rx>> {
        let (runtime, stream) = self.connect(site, CONSUMER)?;
        let frames = Frames::new(stream);
        Ok(Box::new(Receiver { runtime, frames }))
    }

    fn put(&self, site: &Site) -> Result<Box<dyn Ask>> {
        let (runtime, stream) = self.connect(site, ECHO)?;
        let (from, to) = tokio::io::split(stream);
        Ok(Box::new(Caller {
            runtime,
            frames: Frames::new(from),
            stream: BufWriter::with_capacity(BUFFER, to),
            stock: Stock::new(site.size),
        }))
    }
}

impl Relay {
    fn connect(self, site: &Site, role: u8) -> Result<(Runtime, Stream)> {
        let runtime = runtime()?;
        let address: SocketAddr = site.address(0)?.parse().map_err(failed("an address"))?;
        let stream = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.map_err(failed("connect"))?;
            stream.set_nodelay(true).map_err(failed("nodelay"))?;
            let mut stream: Stream = if self.tls {
                let name = ServerName::try_from(HOST).map_err(failed("a name"))?;
                let stream = connector(site)?.connect(name, stream).await;
                Box::new(stream.map_err(failed("TLS"))?)
            } else {
                Box::new(stream)
            };
            stream.write_u8(role).await.map_err(failed("write"))?;
            stream.flush().await.map_err(failed("flush"))?;
            Ok::<_, String>(stream)
        })?;
        Ok((runtime, stream))
    }
}

struct Sender {
    runtime: Runtime,
    stream: BufWriter<Stream>,
    stock: Stock,
}

impl Tx for Sender {
    fn send(&mut self, items: u64) -> Result<()> {
        let Self { runtime, stream, stock } = self;
        runtime.block_on(async {
            for number in 0..items {
                write(stream, stock, number).await.map_err(failed("write"))?;
            }
            stream.flush().await.map_err(failed("flush"))
        })
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), stock: &mut Stock, number: u64) -> io::Result<()> {
    to.write_u32_le(stock.size() as u32).await?;
    to.write_all(stock.lend(number)).await
}

struct Receiver {
    runtime: Runtime,
    frames: Frames<Stream>,
}

impl Rx for Receiver {
    fn receive(&mut self, items: u64) -> Result<u64> {
        let Self { runtime, frames } = self;
        runtime.block_on(async {
            let mut sum = 0_u64;
            for _ in 0..items {
                sum = sum.wrapping_add(item::number(&frames.next().await.map_err(failed("read"))?));
            }
            Ok(sum)
        })
    }
}

struct Caller {
    runtime: Runtime,
    frames: Frames<ReadHalf<Stream>>,
    stream: BufWriter<WriteHalf<Stream>>,
    stock: Stock,
}

impl Ask for Caller {
    fn ask(&mut self, trips: u64) -> Result<Vec<f64>> {
        let Self {
            runtime,
            frames,
            stream,
            stock,
        } = self;
        runtime.block_on(async {
            let mut nanos = Vec::new();
            for number in 0..trips {
                let asked = Instant::now();
                write(stream, stock, number).await.map_err(failed("write"))?;
                stream.flush().await.map_err(failed("flush"))?;
                let answer = frames.next().await.map_err(failed("read"))?;
                nanos.push(asked.elapsed().as_nanos() as f64);
                same(number, item::number(&answer))?;
            }
            Ok(nanos)
        })
    }
}

/// Frames out of a stream.
struct Frames<S> {
    stream: S,
    bytes: BytesMut,
}

impl<S: AsyncRead + Unpin> Frames<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            bytes: BytesMut::with_capacity(BUFFER),
        }
    }

    /// Where the next frame ends that begins at `at`, when all of it is there.
    fn end(&self, at: usize) -> Option<usize> {
        let size = self.bytes.get(at..)?.first_chunk::<HEAD>().copied();
        let end = at.checked_add(HEAD + u32::from_le_bytes(size?) as usize)?;
        (end <= self.bytes.len()).then_some(end)
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.bytes.reserve(BUFFER);
        match self.stream.read_buf(&mut self.bytes).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// The item of one frame.
    async fn next(&mut self) -> io::Result<BytesMut> {
        loop {
            if let Some(end) = self.end(0) {
                let mut frame = self.bytes.split_to(end);
                frame.advance(HEAD);
                return Ok(frame);
            }
            self.fill().await?;
        }
    }

    /// As many whole frames as are there, at least one.
    async fn piece(&mut self) -> io::Result<Bytes> {
        loop {
            let mut ends = 0;
            while let Some(end) = self.end(ends) {
                ends = end;
            }
            if ends > 0 {
                return Ok(self.bytes.split_to(ends).freeze());
            }
            self.fill().await?;
        }
    }
}

/// One bounded queue for all.
async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>) {
    let (to, from) = mpsc::channel::<Bytes>(PIECES);
    let from = Arc::new(Mutex::new(from));
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, to, from) = (tls.clone(), to.clone(), Arc::clone(&from));
        // Who leaves has nothing to say to the others.
        tokio::spawn(async move {
            stream.set_nodelay(true)?;
            let stream: Stream = match tls {
                Some(tls) => Box::new(tls.accept(stream).await?),
                None => Box::new(stream),
            };
            connection(stream, to, from).await
        });
    }
}

async fn connection(
    mut stream: Stream,
    to: mpsc::Sender<Bytes>,
    from: Arc<Mutex<mpsc::Receiver<Bytes>>>,
) -> io::Result<()> {
    match stream.read_u8().await? {
        PRODUCER => {
            let mut frames = Frames::new(stream);
            while to.send(frames.piece().await?).await.is_ok() {}
        }
        CONSUMER => {
            let mut from = from.lock().await;
            while let Some(piece) = from.recv().await {
                stream.write_all(&piece).await?;
                if from.is_empty() {
                    stream.flush().await?;
                }
            }
        }
        _ => {
            let (half, mut back) = tokio::io::split(stream);
            let mut frames = Frames::new(half);
            loop {
                back.write_all(&frames.piece().await?).await?;
                back.flush().await?;
            }
        }
    }
    Ok(())
}

fn acceptor(site: &Site) -> Result<TlsAcceptor> {
    let files = certificate::make(site)?;
    let chain = CertificateDer::from_pem_file(&files.certificate).map_err(failed("the certificate"))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(failed("the key"))?;
    let config = rustls::ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .map_err(failed("TLS"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn connector(site: &Site) -> Result<TlsConnector> {
    let authority = CertificateDer::from_pem_file(certificate::authority(site)).map_err(failed("the authority"))?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority).map_err(failed("the authority"))?;
    let config = rustls::ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
