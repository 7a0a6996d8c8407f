//! TLS 1.3 towards a server.

use std::sync::Arc;

use descriptor_core::ErrorKind;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::target::TlsPlaces;
use crate::secret::SecretRef;
use crate::session::Cause;

fn wrong(what: &str, found: impl std::fmt::Display) -> Cause {
    Cause::new(
        ErrorKind::Unauthenticated,
        what,
        found.to_string(),
        "give PEM files: ca of who signed the server's certificate, cert and key of this side",
    )
}

/// What is in one of the places.
fn read(name: &'static str, place: &str) -> Result<Vec<u8>, Cause> {
    let found = SecretRef::parse(name, place).and_then(|place| place.read(name));
    found.map_err(|error| wrong(&format!("a readable `{name}`"), error))
}

fn certificates(name: &'static str, place: &str) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let pem = read(name, place)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(wrong(&format!("certificates in `{name}`"), "none")),
        Err(error) => Err(wrong(&format!("certificates in `{name}`"), error)),
    }
}

fn config(places: &TlsPlaces) -> Result<ClientConfig, Cause> {
    let mut roots = RootCertStore::empty();
    if let Some(ca) = &places.ca {
        for certificate in certificates("ca", ca)? {
            roots
                .add(certificate)
                .map_err(|error| wrong("certificates of authorities in `ca`", error))?;
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| wrong("TLS 1.3", error))?
        .with_root_certificates(roots);
    let (Some(cert), Some(key)) = (&places.cert, &places.key) else {
        return Ok(builder.with_no_client_auth());
    };
    let key =
        PrivateKeyDer::from_pem_slice(&read("key", key)?).map_err(|error| wrong("a private key in `key`", error))?;
    builder
        .with_client_auth_cert(certificates("cert", cert)?, key)
        .map_err(|error| wrong("a certificate and its key", error))
}

/// # Errors
/// `Unauthenticated` when either side does not trust the other; `Disconnected` when the connection ends meanwhile.
pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    places: &TlsPlaces,
    stream: S,
) -> Result<TlsStream<S>, Cause> {
    let name = ServerName::try_from(places.server_name.clone())
        .map_err(|error| wrong("`server_name`, or the host, to be a name or an address", error))?;
    let connector = TlsConnector::from(Arc::new(config(places)?));
    connector.connect(name, stream).await.map_err(|error| {
        // What rustls objects to is invalid data for the stream.
        if error.kind() == std::io::ErrorKind::InvalidData {
            wrong(&format!("TLS with a server that is {}", places.server_name), error)
        } else {
            Cause::lost(error.to_string())
        }
    })
}
