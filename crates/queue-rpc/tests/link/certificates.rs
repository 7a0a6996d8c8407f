//! A server whose certificate is not what it should be, and one that knows an old TLS only.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use descriptor_core::{ErrorKind, Queue, QueueId};
use queue_rpc::{RpcQueue, RpcSpec};
use queue_testkit::{join, spawn, watchdog};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rpc_server::{RunningServer, Server, Settings, TlsFiles};

use crate::{LIMIT, id, open};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(QueueId::generated("sage-tls").as_str());
        std::fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, text: &str) -> PathBuf {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.0.join(QueueId::generated("file").as_str());
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

fn serve(folder: &Folder, certificate: &str, key: &KeyPair) -> RunningServer {
    let settings = Settings {
        bind: vec!["127.0.0.1:0".to_owned()],
        tls: Some(TlsFiles {
            certificate: folder.file(certificate),
            key: folder.file(&key.serialize_pem()),
            client_ca: None,
        }),
        ..Settings::default()
    };
    Server::start(settings).expect("a server")
}

/// A client that trusts what that authority signed for `localhost`.
fn spec(port: u16, ca: &Path) -> RpcSpec {
    RpcSpec {
        tls: true,
        server_name: Some("localhost".into()),
        ca: Some(format!("file:{}", ca.display())),
        retry_count: 1,
        enable_pooling: false,
        ..RpcSpec::at("127.0.0.1", port)
    }
}

fn port(server: &RunningServer) -> u16 {
    let address = server.addresses().iter().find_map(|address| address.socket());
    address.expect("an address for TCP").port()
}

fn refused(spec: &RpcSpec) -> String {
    let error = RpcQueue::<u64>::open(&id(), spec).expect_err("nobody to be trusted");
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    error.to_string()
}

#[test]
fn h15_a_server_with_a_wrong_certificate_is_refused_and_what_is_wrong_is_said() {
    watchdog(LIMIT, "wrong certificates", || {
        let folder = Folder::new();
        let (ours, others) = (authority("ours"), authority("others"));
        let ca = folder.file(&ours.pem());
        let key = KeyPair::generate().expect("a key");
        let signed = |by: &Authority, change: &dyn Fn(&mut CertificateParams)| {
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
            change(&mut params);
            params.signed_by(&key, by).expect("a certificate").pem()
        };
        let same = |_: &mut CertificateParams| {};
        let alone = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let alone = alone.self_signed(&key).expect("a certificate").pem();
        let named = |params: &mut CertificateParams| {
            *params = CertificateParams::new(vec!["elsewhere.example".to_owned()]).expect("a name");
        };
        for (certificate, words) in [
            (
                signed(&ours, &|params| params.not_after = date_time_ymd(2020, 1, 1)),
                "expired",
            ),
            (
                signed(&ours, &|params| params.not_before = date_time_ymd(4000, 1, 1)),
                "not valid yet",
            ),
            (signed(&ours, &named), "not valid for name"),
            (
                signed(&ours, &|params| {
                    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]
                }),
                "key usage",
            ),
            (signed(&others, &same), "UnknownIssuer"),
            (alone, "UnknownIssuer"),
        ] {
            let server = serve(&folder, &certificate, &key);
            let error = refused(&spec(port(&server), &ca));
            assert!(error.contains(words), "{words:?} is not in {error}");
        }
        let server = serve(&folder, &signed(&ours, &same), &key);
        let queue: RpcQueue<u64> = open(&id(), &spec(port(&server), &ca));
        assert!(queue.put(1).is_ok());
    });
}

#[test]
fn h15_a_server_that_knows_tls_1_2_only_is_refused() {
    watchdog(LIMIT, "an old TLS", || {
        let folder = Folder::new();
        let ca = folder.file(&authority("ours").pem());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let old = spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut head = [0; 5];
            stream.read_exact(&mut head).expect("a greeting");
            let mut greeting = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            stream.read_exact(&mut greeting).expect("a greeting");
            // The answer of a server that takes ECDHE with AES-GCM of TLS 1.2: random bytes, no session, no extensions.
            let mut hello = vec![2, 0, 0, 38, 3, 3];
            hello.extend([7; 32]);
            hello.extend([0, 0xc0, 0x2f, 0]);
            let mut record = vec![0x16, 3, 3, 0, hello.len() as u8];
            record.extend(hello);
            stream.write_all(&record).expect("a client that listens");
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            answer
        });
        let error = refused(&spec(port, &ca));
        assert!(error.contains("ServerTlsVersion"), "{error}");
        // A fatal alert: that version of the protocol is not spoken.
        let answer = join(old);
        assert_eq!(
            answer.get(answer.len().saturating_sub(2)..),
            Some([2, 70].as_slice()),
            "{answer:?}"
        );
    });
}
