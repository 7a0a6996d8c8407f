//! TLS 1.3 from files.

use std::path::Path;
use std::sync::Arc;

use queue_core::{Error, ErrorKind};
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::TlsFiles;
use crate::file::Given;

const CERTIFICATE: &str = "TLS certificate";
const KEY: &str = "TLS key";
const CLIENT_CA: &str = "client CA";

/// What turns accepted connections into TLS.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (certificate, chain) = certificates(&files.certificate, CERTIFICATE)?;
    let key = private_key(&files.key)?;
    let versions = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|cause| Error::new(ErrorKind::Unsupported, "start the server").caused_by(cause))?;
    let clients = match &files.client_ca {
        Some(path) => versions.with_client_cert_verifier(clients_of(path, provider)?),
        None => versions.with_no_client_auth(),
    };
    let config = clients.with_single_cert(chain, key).map_err(|cause| {
        let error = match cause {
            rustls::Error::InconsistentKeys(_) => certificate.refuse(
                ErrorKind::Incompatible,
                "the certificate of the key",
                "one of another key",
                "name a certificate and a key that belong together",
            ),
            cause => certificate
                .refuse(
                    ErrorKind::Unsupported,
                    "a certificate and a key for TLS 1.3",
                    "others",
                    "make new ones, with a key of ECDSA P-256 for example",
                )
                .caused_by(cause),
        };
        error.with(KEY, files.key.display())
    })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates<'a>(path: &'a Path, what: &'static str) -> Result<(Given<'a>, Vec<CertificateDer<'static>>), Error> {
    let file = Given::read(path, what, 0)?;
    let wrong = |found: &str| {
        file.refuse(
            ErrorKind::Corrupt,
            "at least one certificate in PEM",
            found,
            "name a file with `BEGIN CERTIFICATE` in it",
        )
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&file.content)
        .collect::<Result<_, _>>()
        .map_err(|cause| wrong(plain(&cause)))?;
    if chain.is_empty() {
        return Err(wrong("none"));
    }
    Ok((file, chain))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    // Readable by its group, as keys are where one group serves them.
    let file = Given::read(path, KEY, 0o007)?;
    PrivateKeyDer::from_pem_slice(&file.content).map_err(|cause| {
        file.refuse(
            ErrorKind::Corrupt,
            "a private key in PEM, not encrypted",
            plain(&cause),
            "name a file with `BEGIN PRIVATE KEY` in it",
        )
    })
}

fn clients_of(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, Error> {
    let (file, signers) = certificates(path, CLIENT_CA)?;
    let mut roots = RootCertStore::empty();
    let wrong = || {
        file.refuse(
            ErrorKind::Corrupt,
            "certificates that may sign those of clients",
            "another",
            "name the certificate of the authority that signed those of your clients",
        )
    };
    for signer in signers {
        roots.add(signer).map_err(|cause| wrong().caused_by(cause))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|cause| wrong().caused_by(cause))
}

/// What is wrong with PEM, without anything of it: it may be a key.
fn plain(cause: &pem::Error) -> &'static str {
    match cause {
        pem::Error::NoItemsFound => "none",
        pem::Error::MissingSectionEnd { .. } => "a section without its end",
        pem::Error::IllegalSectionStart { .. } => "a section with a damaged first line",
        pem::Error::Base64Decode(_) => "a section that is no base64",
        _ => "something else",
    }
}
