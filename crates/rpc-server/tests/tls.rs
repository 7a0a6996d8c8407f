//! TLS 1.3: clients that are let in, those that are not, and files that are wrong.
#![cfg(unix)]

mod common;

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use common::{Client, Folder, Recorder, port, rest, settings, start, tcp, until};
use queue_core::ErrorKind;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rpc_server::{Server, Settings, TlsFiles};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("valid")).expect("valid")
}

/// A certificate for that name and its key, in PEM.
fn signed(by: &Authority, name: &str) -> (String, String) {
    signed_but(by, name, |_| {})
}

/// The same, changed.
fn signed_but(by: &Authority, name: &str, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let key = KeyPair::generate().expect("valid");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("valid");
    change(&mut params);
    (params.signed_by(&key, by).expect("valid").pem(), key.serialize_pem())
}

/// One that nobody signed but its own key.
fn self_signed(name: &str) -> (String, String) {
    let key = KeyPair::generate().expect("valid");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("valid");
    (params.self_signed(&key).expect("valid").pem(), key.serialize_pem())
}

/// Files of a server whose certificate that authority signed.
fn files(folder: &Folder, by: &Authority) -> TlsFiles {
    let (certificate, key) = signed(by, "localhost");
    TlsFiles {
        certificate: folder.file("cert.pem", 0o644, &certificate),
        key: folder.file("key.pem", 0o600, &key),
        client_ca: None,
    }
}

fn config(trusts: &Authority, shows: Option<(String, String)>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusts.der().clone()).expect("valid");
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("valid")
        .with_root_certificates(roots);
    Arc::new(match shows {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("valid")];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("valid");
            builder.with_client_auth_cert(chain, key).expect("valid")
        }
    })
}

fn tls<S: Read + Write>(stream: S, config: Arc<ClientConfig>) -> StreamOwned<ClientConnection, S> {
    let name = "localhost".try_into().expect("valid");
    StreamOwned::new(ClientConnection::new(config, name).expect("valid"), stream)
}

#[test]
fn items_travel_over_tls_and_it_ends_in_order() {
    let folder = Folder::new("tls");
    let authority = authority();
    let server = start(Settings {
        tls: Some(files(&folder, &authority)),
        ..settings()
    });
    assert!(server.addresses()[0].to_string().starts_with("tls://127.0.0.1:"));
    let config = config(&authority, None);
    let mut client = Client::connect(tls(tcp(port(&server)), Arc::clone(&config)));
    let queue = client.open("rpc://letters");
    // More than the buffers of TLS hold.
    let items: Vec<_> = (0..8_u8).map(|number| vec![number; 1 << 20]).collect();
    for (number, item) in (1..).zip(&items) {
        client.put(queue, number, &[item]);
        client.confirmed(number);
    }
    client.get(queue, 2, 8);
    let mut got = Vec::new();
    while got.len() < items.len() {
        got.extend(client.delivered());
    }
    assert_eq!(got, items);
    client.goodbye();
    assert_eq!(client.farewell(), None);
    // The stream fails if it was cut off instead of closed.
    assert_eq!(client.hear(), None);

    let mut waiting = Client::connect(tls(tcp(port(&server)), config));
    server.stop(Duration::ZERO).unwrap();
    assert!(waiting.farewell().is_some());
    assert_eq!(waiting.hear(), None);
}

#[test]
fn h15_who_speaks_no_tls_or_trusts_another_gets_nowhere() {
    let folder = Folder::new("no-tls");
    let ours = authority();
    let mut settings = Settings {
        tls: Some(files(&folder, &ours)),
        ..settings()
    };
    settings.broker.handshake_deadline = Duration::from_secs(1);
    let server = start(settings);
    let mut plain = tcp(port(&server));
    plain.write_all(&rpc_wire::preamble()).unwrap();
    // At most an alert of TLS.
    assert!(rest(&mut plain).first().is_none_or(|first| *first == 0x15));
    // Nothing at all, for as long as the handshake may take.
    assert_eq!(rest(&mut tcp(port(&server))), b"");
    let mut stranger = tls(tcp(port(&server)), config(&authority(), None));
    assert!(stranger.write_all(b"x").and_then(|()| stranger.flush()).is_err());
    drop(stranger);
    until("all have left", || server.status().connections == 0);
    Client::connect(tls(tcp(port(&server)), config(&ours, None)));
}

#[test]
fn one_too_many_is_told_over_tls() {
    let folder = Folder::new("tls-many");
    let authority = authority();
    let mut settings = Settings {
        tls: Some(files(&folder, &authority)),
        ..settings()
    };
    settings.broker.max_connections = 1;
    let server = start(settings);
    let _first = Client::connect(tls(tcp(port(&server)), config(&authority, None)));
    let mut second = Client::new(tls(tcp(port(&server)), config(&authority, None)));
    let failure = second.farewell().expect("a reason");
    assert_eq!(failure.kind.kind(), Some(ErrorKind::Overloaded));
}

#[test]
fn h15_with_an_authority_for_clients_only_its_own_are_let_in_everywhere() {
    let folder = Folder::new("mtls");
    let (servers, clients) = (authority(), authority());
    let ca = folder.file("ca.pem", 0o644, &clients.pem());
    let server = start(Settings {
        // Which a certificate is enough for.
        bind: vec!["0.0.0.0:0".to_owned()],
        tls: Some(TlsFiles {
            client_ca: Some(ca),
            ..files(&folder, &servers)
        }),
        ..settings()
    });
    let address = ([127, 0, 0, 1], port(&server).port()).into();
    let known = signed(&clients, "client");
    Client::connect(tls(tcp(address), config(&servers, Some(known))));
    let for_servers = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    for shows in [
        None,
        Some(signed(&servers, "client")),
        Some(self_signed("client")),
        Some(signed_but(&clients, "client", |params| {
            params.not_after = date_time_ymd(2020, 1, 1)
        })),
        Some(signed_but(&clients, "client", |params| {
            params.not_before = date_time_ymd(4000, 1, 1)
        })),
        Some(signed_but(&clients, "client", for_servers)),
    ] {
        let mut stream = tls(tcp(address), config(&servers, shows));
        // With TLS 1.3 the client hears of it with its first answer.
        let _ = stream.write_all(&rpc_wire::preamble());
        assert!(stream.read(&mut [0; 1]).is_err());
    }
}

#[test]
fn wrong_files_are_refused_with_what_to_do() {
    let folder = Folder::new("tls-files");
    let authority = authority();
    let right = files(&folder, &authority);
    let (_, other_key) = signed(&authority, "localhost");
    let other_key = folder.file("other.pem", 0o600, &other_key);
    let key = std::fs::read_to_string(&right.key).unwrap();
    let open_key = folder.file("open.pem", 0o644, &key);
    let middle = key.len() / 2;
    let cut = folder.file("cut.pem", 0o600, &key[..middle]);
    let secret = key.lines().nth(1).unwrap();
    let no_key = std::fs::read_to_string(&right.certificate).unwrap();
    let no_key = folder.file("no-key.pem", 0o600, &no_key);
    let absent = folder.path("absent.pem");
    let refused = |change: &dyn Fn(&mut TlsFiles), kind, parts: &[&str]| {
        let mut files = right.clone();
        change(&mut files);
        let error = Server::start(Settings {
            tls: Some(files),
            ..settings()
        })
        .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let message = error.to_string();
        for part in parts {
            assert!(message.contains(part), "{message} has no {part}");
        }
        assert!(!message.contains(secret), "{message}");
    };
    refused(
        &|files| files.certificate = absent.clone(),
        ErrorKind::NotFound,
        &["TLS certificate", "absent.pem"],
    );
    refused(
        &|files| files.certificate = right.key.clone(),
        ErrorKind::Corrupt,
        &["key.pem", "BEGIN CERTIFICATE", "found none"],
    );
    refused(
        &|files| files.key = no_key.clone(),
        ErrorKind::Corrupt,
        &["TLS key", "no-key.pem", "BEGIN PRIVATE KEY"],
    );
    refused(
        &|files| files.key = cut.clone(),
        ErrorKind::Corrupt,
        &["cut.pem", "a section without its end"],
    );
    refused(
        &|files| files.key = open_key.clone(),
        ErrorKind::PermissionDenied,
        &["open.pem", "mode 0644"],
    );
    refused(
        &|files| files.key = other_key.clone(),
        ErrorKind::Incompatible,
        &["cert.pem", "other.pem", "belong together"],
    );
    refused(
        &|files| files.client_ca = Some(right.key.clone()),
        ErrorKind::Corrupt,
        &["client CA", "key.pem"],
    );
}

#[test]
fn h09_what_was_overheard_of_tls_opens_nothing() {
    let folder = Folder::new("tls-replay");
    let authority = authority();
    let mut settings = Settings {
        tls: Some(files(&folder, &authority)),
        ..settings()
    };
    settings.broker.handshake_deadline = Duration::from_secs(1);
    let server = start(settings);
    let said = Arc::default();
    let recorder = Recorder(tcp(port(&server)), Arc::clone(&said));
    let mut client = Client::connect(tls(recorder, config(&authority, None)));
    let queue = client.open("rpc://letters");
    client.put(queue, 1, &[b"a"]);
    client.confirmed(1);
    let said = said.lock().unwrap().clone();
    let mut again = tcp(port(&server));
    // It may be closed before all of it is written.
    let _ = again.write_all(&said);
    rest(&mut again);
    assert_eq!(server.status().broker.items, 1);
    assert_eq!(server.status().broker.sessions, 1);
}

/// The greeting of a client that knows TLS 1.2 and nothing newer.
fn greeting_of_tls_1_2() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    // No session, two suites of ECDHE with AES-GCM, no compression.
    hello.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    // Its groups and its signatures.
    let extensions = [0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 6, 0, 4, 4, 3, 8, 4];
    hello.extend([0, extensions.len() as u8]);
    hello.extend(extensions);
    let mut record = vec![0x16, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(hello);
    record
}

#[test]
fn h15_tls_1_2_is_refused() {
    let folder = Folder::new("tls-1-2");
    let authority = authority();
    let server = start(Settings {
        tls: Some(files(&folder, &authority)),
        ..settings()
    });
    let mut old = tcp(port(&server));
    old.write_all(&greeting_of_tls_1_2()).unwrap();
    // A fatal alert: that version of the protocol is not spoken.
    let heard = rest(&mut old);
    assert_eq!(
        (heard.first(), heard.get(5..)),
        (Some(&0x15), Some([2, 70].as_slice())),
        "{heard:?}"
    );
    until("it has left", || server.status().connections == 0);
    Client::connect(tls(tcp(port(&server)), config(&authority, None)));
}
