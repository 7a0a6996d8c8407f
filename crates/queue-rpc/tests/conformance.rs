//! `rpc` keeps every clause of the contract: over a Unix socket, TCP and TLS; in memory and on disk; with a put that is stored and with
//! one that is accepted; with one connection for all and with one for each.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use descriptor_core::{Caps, Descriptor, DynQueue, Error, QueueId, Wire};
use queue_rpc::{Confirm, Durability, RpcQueue, RpcSpec};
use queue_testkit::{Lending, Loan, Subject, Twice};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rpc_server::{Address, RunningServer, Server, Settings, TlsFiles};

/// A server, how to reach it, and what a put says.
struct Rpc {
    name: &'static str,
    // Before the folder, where its socket is.
    server: RunningServer,
    folder: Folder,
    _data: Folder,
    terms: Terms,
}

#[derive(Clone, Copy)]
struct Terms {
    over: Over,
    confirm: Confirm,
    /// Whether the server has a folder for them. It is in memory where there is such a place: what is tried here is the contract.
    on_disk: bool,
    /// Whether all queues share one connection.
    pooled: bool,
    prefetch: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Unix,
    Tcp,
    Tls,
}

/// A folder that goes with the subject.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const CA: &str = "ca.pem";

/// A certificate for this host, signed by one that lies beside it.
fn certificate(folder: &Path) -> TlsFiles {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let server = params.signed_by(&key, &authority).expect("a certificate");
    let file = |name: &str, text: String| {
        let path = folder.join(name);
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .expect("a file");
        file.write_all(text.as_bytes()).expect("room for a certificate");
        path
    };
    file(CA, authority.pem());
    TlsFiles {
        certificate: file("cert.pem", server.pem()),
        key: file("key.pem", key.serialize_pem()),
        client_ca: None,
    }
}

impl Rpc {
    fn new(name: &'static str, terms: Terms) -> Self {
        let folder = std::env::temp_dir().join(QueueId::generated("sage-rpc").as_str());
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut settings = Settings {
            bind: vec!["127.0.0.1:0".into()],
            unix: Some(folder.join("server.sock")),
            max_per_address: 100_000,
            ..Settings::default()
        };
        settings.broker.max_connections = 100_000;
        let memory = Path::new("/dev/shm");
        let data = folder.file_name().map(|name| memory.join(name));
        let data = data.filter(|_| memory.is_dir()).unwrap_or_else(|| folder.join("data"));
        if terms.on_disk {
            settings.data_dir = Some(data.clone());
        }
        if terms.over == Over::Tls {
            settings.tls = Some(certificate(&folder));
        }
        Self {
            name,
            server: Server::start(settings).expect("a server"),
            folder: Folder(folder),
            _data: Folder(data),
            terms,
        }
    }

    fn spec(&self, capacity: Option<usize>) -> RpcSpec {
        let spec = self
            .server
            .addresses()
            .iter()
            .find_map(|address| match (self.terms.over, address) {
                (Over::Unix, Address::Unix(path)) => Some(RpcSpec::on_socket(path.to_string_lossy())),
                (Over::Tcp, Address::Tcp(address)) => Some(RpcSpec::at(address.ip().to_string(), address.port())),
                (Over::Tls, Address::Tls(address)) => Some(RpcSpec {
                    tls: true,
                    server_name: Some("localhost".into()),
                    ca: Some(format!("file:{}", self.folder.0.join(CA).display())),
                    ..RpcSpec::at(address.ip().to_string(), address.port())
                }),
                _ => None,
            })
            .expect("an address of that kind");
        let durability = match self.terms.on_disk {
            true => Durability::Disk,
            false => Durability::Process,
        };
        RpcSpec {
            enable_pooling: self.terms.pooled,
            durability,
            ..spec
        }
        // A server has no queues without a bound: 0 is refused when it is opened.
        .capacity(capacity.unwrap_or(0))
        .confirm(self.terms.confirm)
        .prefetch(self.terms.prefetch)
    }

    fn lend<T: Wire>(&self, capacity: usize, loan: Loan) -> Result<Lending<T>, Error> {
        let mut terms = self
            .spec(Some(capacity))
            .lease_time(loan.time)
            .max_deliveries(loan.max_deliveries);
        let mut dead_letters = None;
        if loan.dead_letters > 0 {
            let id = QueueId::generated("dead");
            let queue: DynQueue<T> = Arc::new(RpcQueue::open(&id, &self.spec(Some(loan.dead_letters)))?);
            dead_letters = Some(queue);
            terms = terms.dead_letter(id.as_str());
        }
        Ok(Lending {
            queue: Arc::new(RpcQueue::open(&QueueId::generated("rpc"), &terms)?),
            dead_letters,
        })
    }
}

impl Subject for Rpc {
    fn name(&self) -> &str {
        self.name
    }

    fn caps(&self) -> Caps {
        self.spec(Some(1)).caps_here()
    }

    fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        Ok(Arc::new(RpcQueue::open(
            &QueueId::generated("rpc"),
            &self.spec(capacity),
        )?))
    }

    fn unbounded(&self) -> bool {
        false
    }

    fn effort(&self) -> f64 {
        // A put that is only accepted lets many gather, which all have to go over the disk.
        match (self.terms.confirm, self.terms.on_disk) {
            (Confirm::Window, true) => 0.02,
            _ => 0.1,
        }
    }

    fn lending<T: Wire>(&self, capacity: usize, loan: Loan) -> Option<Result<Lending<T>, Error>> {
        Some(self.lend(capacity, loan))
    }

    fn twice<A: Wire, B: Wire>(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<A, B>> {
        let id = QueueId::generated("rpc");
        let one = Descriptor::new(id.clone(), self.spec(first)).and_then(|it| it.queue::<A>());
        let two = Descriptor::new(id, self.spec(second)).and_then(|it| it.queue::<B>());
        Some((one, two))
    }
}

const STORED: Terms = Terms {
    over: Over::Unix,
    confirm: Confirm::Each,
    on_disk: false,
    pooled: true,
    prefetch: 256,
};
const ALONE: Terms = Terms {
    over: Over::Tls,
    pooled: false,
    ..STORED
};
const DURABLE: Terms = Terms {
    on_disk: true,
    ..STORED
};
const DURABLE_LATER: Terms = Terms {
    confirm: Confirm::Window,
    ..DURABLE
};
const ACCEPTED: Terms = Terms {
    over: Over::Tcp,
    confirm: Confirm::Window,
    ..STORED
};

queue_testkit::conformance!(unix_each, Rpc::new("rpc over a Unix socket, confirm=each", STORED));
queue_testkit::conformance!(tcp_window, Rpc::new("rpc over TCP, confirm=window", ACCEPTED));
queue_testkit::conformance!(
    disk_each,
    Rpc::new("rpc over a Unix socket, confirm=each, durability=disk", DURABLE)
);
queue_testkit::conformance!(
    disk_window,
    Rpc::new("rpc over a Unix socket, confirm=window, durability=disk", DURABLE_LATER)
);
queue_testkit::conformance!(
    tls_each,
    Rpc::new("rpc over TLS, confirm=each, a connection for each queue", ALONE)
);
