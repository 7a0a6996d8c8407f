//! Reaching a server.

use std::io;

use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::target::{Address, Target};
use super::tls;
use crate::session::Cause;

#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    TlsTcp(Box<TlsStream<TcpStream>>),
    TlsUnix(Box<TlsStream<UnixStream>>),
}

fn unreachable(address: &Address, error: &io::Error) -> Cause {
    Cause::new(
        descriptor_core::ErrorKind::Disconnected,
        &format!("a server at {address}"),
        error.to_string(),
        "start one with `sage serve`, or correct the address",
    )
}

/// # Errors
/// `Disconnected` when nobody is there, and what TLS says.
pub(super) async fn connect(target: &Target) -> Result<Stream, Cause> {
    let failed = |error: io::Error| unreachable(&target.address, &error);
    match &target.address {
        Address::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(failed)?;
            // Small frames go out at once: they are gathered here.
            stream.set_nodelay(true).map_err(failed)?;
            match &target.tls {
                Some(places) => Ok(Stream::TlsTcp(Box::new(tls::connect(places, stream).await?))),
                None => Ok(Stream::Tcp(stream)),
            }
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(failed)?;
            match &target.tls {
                Some(places) => Ok(Stream::TlsUnix(Box::new(tls::connect(places, stream).await?))),
                None => Ok(Stream::Unix(stream)),
            }
        }
    }
}
