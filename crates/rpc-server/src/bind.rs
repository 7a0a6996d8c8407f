//! From settings to sockets that listen.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::Path;

use queue_core::{Error, ErrorKind};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;

use crate::unix::SocketFile;
use crate::{Address, PORT, Settings, tls};

/// Connections that the system keeps until they are accepted.
const BACKLOG: u32 = 1024;

/// One socket that listens.
pub(crate) enum Listener {
    Tcp(TcpListener, Option<TlsAcceptor>),
    Unix(tokio::net::UnixListener),
}

/// All of them, and where they are.
pub(crate) struct Bound {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) addresses: Vec<Address>,
    /// Removed when dropped.
    pub(crate) socket_file: Option<SocketFile>,
}

impl Bound {
    /// Binds everything or nothing. To be called inside the runtime.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?;
        let mut bound = Self {
            listeners: Vec::new(),
            addresses: Vec::new(),
            socket_file: None,
        };
        for text in &settings.bind {
            bound.tcp(text, settings, tls.as_ref())?;
        }
        if let Some(path) = &settings.unix {
            bound.unix(path)?;
        }
        if bound.listeners.is_empty() {
            return Err(error(ErrorKind::InvalidDescriptor)
                .expected("an address or a Unix socket to listen on")
                .found("neither")
                .remedy("name one"));
        }
        Ok(bound)
    }

    fn tcp(&mut self, text: &str, settings: &Settings, tls: Option<&TlsAcceptor>) -> Result<(), Error> {
        let resolved = resolve(text)?;
        for address in &resolved {
            check_reach(*address, text, settings)?;
        }
        let mut absent = None;
        let before = self.listeners.len();
        for address in resolved {
            match listen(address) {
                Ok((listener, address)) => {
                    self.listeners.push(Listener::Tcp(listener, tls.cloned()));
                    self.addresses.push(match tls {
                        Some(_) => Address::Tls(address),
                        None => Address::Tcp(address),
                    });
                }
                // A name may stand for addresses of a family that this host has switched off.
                Err(cause) if is_absent(&cause) => absent = Some((address, cause)),
                Err(cause) => return Err(failed(address, cause)),
            }
        }
        match absent {
            Some((address, cause)) if self.listeners.len() == before => Err(failed(address, cause)),
            _ => Ok(()),
        }
    }

    fn unix(&mut self, path: &Path) -> Result<(), Error> {
        let (file, listener) = SocketFile::bind(path)?;
        self.socket_file = Some(file);
        self.listeners.push(Listener::Unix(listener));
        self.addresses.push(Address::Unix(path.to_owned()));
        Ok(())
    }
}

/// All addresses that `host:port` or `host` stands for.
fn resolve(text: &str) -> Result<Vec<SocketAddr>, Error> {
    let found = match text.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, PORT)],
        Err(_)
            if text
                .rsplit_once(':')
                .is_some_and(|(_, port)| port.parse::<u16>().is_ok()) =>
        {
            let found = text.to_socket_addrs().map_err(|cause| unknown(text).caused_by(cause))?;
            found.collect()
        }
        Err(_) if text.contains(':') => {
            return Err(error(ErrorKind::InvalidDescriptor)
                .expected("an address such as 127.0.0.1:7420 or [::1]:7420")
                .found(format!("`{}`", text.escape_debug()))
                .remedy("give the port as a number up to 65535"));
        }
        Err(_) => {
            let found = (text, PORT)
                .to_socket_addrs()
                .map_err(|cause| unknown(text).caused_by(cause))?;
            found.collect()
        }
    };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(unknown(text));
    }
    Ok(addresses)
}

/// Who can reach a server over the network has to say who it is, and nobody between may listen or change anything.
fn check_reach(address: SocketAddr, text: &str, settings: &Settings) -> Result<(), Error> {
    let certifies = settings.tls.as_ref().is_some_and(|files| files.client_ca.is_some());
    let lacks = match (settings.token_file.is_some() || certifies, settings.tls.is_some()) {
        (true, true) => return Ok(()),
        (false, true) => "no token file",
        (true, false) => "no TLS",
        (false, false) => "neither a token file nor TLS",
    };
    if address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(error(ErrorKind::InvalidDescriptor)
        .expected("a token file and TLS for an address that other hosts can reach")
        .found(format!("{lacks} for `{}`", text.escape_debug()))
        .remedy("give a token file, a certificate and its key, or listen on 127.0.0.1 or a Unix socket"))
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Or else the connections of the server before would keep the port for a minute. On Windows it means something else.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn is_absent(cause: &io::Error) -> bool {
    cause.kind() == io::ErrorKind::AddrNotAvailable || cause.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

fn failed(address: SocketAddr, cause: io::Error) -> Error {
    let (kind, remedy) = match cause.kind() {
        io::ErrorKind::AddrInUse => (
            ErrorKind::ResourceExhausted,
            "stop the program that listens there, or take another port; 0 takes a free one",
        ),
        io::ErrorKind::PermissionDenied => (ErrorKind::PermissionDenied, "take a port from 1024 on"),
        io::ErrorKind::AddrNotAvailable => (ErrorKind::NotFound, "listen on an address of this host"),
        _ => (ErrorKind::Io, "listen on another address"),
    };
    error(kind).with("address", address).caused_by(cause).remedy(remedy)
}

fn unknown(text: &str) -> Error {
    error(ErrorKind::NotFound)
        .expected("an address or the name of this host")
        .found(format!("`{}`", text.escape_debug()))
        .remedy("check the name, or give an address such as 127.0.0.1:7420")
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "start the server").backend("rpc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_leave_out_the_port() {
        for (text, expected) in [
            ("127.0.0.1", "127.0.0.1:7420"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("::1", "[::1]:7420"),
            ("[::1]:80", "[::1]:80"),
        ] {
            let expected: SocketAddr = expected.parse().unwrap();
            assert_eq!(resolve(text).unwrap(), [expected], "{text}");
        }
        let local = resolve("localhost").unwrap();
        assert!(
            local
                .iter()
                .all(|address| address.ip().is_loopback() && address.port() == PORT)
        );
        for wrong in [
            "",
            "127.0.0.1:65536",
            "127.0.0.1:http",
            "[::1]",
            "a b:1",
            "tcp://127.0.0.1:1",
        ] {
            assert!(resolve(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_others_can_reach_needs_token_and_tls() {
        let mut settings = Settings::default();
        let open: SocketAddr = "0.0.0.0:1".parse().unwrap();
        for inside in ["127.0.0.1:1", "127.8.9.10:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            check_reach(inside.parse().unwrap(), inside, &settings).unwrap();
        }
        for outside in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"] {
            let error = check_reach(outside.parse().unwrap(), outside, &settings).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{error}");
            assert!(error.to_string().contains("neither a token file nor TLS"), "{error}");
        }
        let mut files = crate::TlsFiles {
            certificate: "c".into(),
            key: "k".into(),
            client_ca: None,
        };
        settings.tls = Some(files.clone());
        let error = check_reach(open, "0.0.0.0:1", &settings).unwrap_err();
        assert!(error.to_string().contains("no token file"), "{error}");
        files.client_ca = Some("ca".into());
        settings.tls = Some(files);
        check_reach(open, "0.0.0.0:1", &settings).unwrap();
        settings.tls = None;
        settings.token_file = Some("tokens".into());
        let error = check_reach(open, "0.0.0.0:1", &settings).unwrap_err();
        assert!(error.to_string().contains("no TLS"), "{error}");
    }
}
