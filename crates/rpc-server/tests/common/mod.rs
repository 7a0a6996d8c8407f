//! A small client over blocking sockets, and a folder for the files of a test.
#![allow(dead_code, reason = "every test binary uses its own part")]

use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use descriptor_record::DescriptorRecord;
use ring::hmac;
use rpc_server::{Address, RunningServer, Server, Settings};
use rpc_wire::{
    Call, Capabilities, Creation, Decoder, Failure, Flag, Get, Goodbye, Handle, Hello, ItemCodec, Items, Limits,
    Message, Micros, Open, Opened, Proof, Put, Record, Tag, Text, Welcome, preamble,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Far beyond what anything here takes on a loaded machine: after it a test fails instead of hanging.
pub(crate) const HANG: Duration = Duration::from_secs(60);
const NONCE: [u8; 32] = [7; 32];

pub(crate) trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// Settings for a free port of the loopback address.
pub(crate) fn settings() -> Settings {
    Settings {
        bind: vec!["127.0.0.1:0".to_owned()],
        ..Settings::default()
    }
}

pub(crate) fn start(settings: Settings) -> RunningServer {
    Server::start(settings).expect("start")
}

/// The first TCP address of a server.
pub(crate) fn port(server: &RunningServer) -> SocketAddr {
    server.addresses().iter().find_map(Address::socket).expect("TCP")
}

pub(crate) fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(HANG)).expect("timeout");
    stream.set_write_timeout(Some(HANG)).expect("timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

pub(crate) fn unix(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).expect("connect");
    stream.set_read_timeout(Some(HANG)).expect("timeout");
    stream.set_write_timeout(Some(HANG)).expect("timeout");
    stream
}

/// Asks until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < HANG, "never: {what}");
        std::thread::yield_now();
    }
}

/// What comes until the other end closes; a connection that was reset is closed too.
pub(crate) fn rest(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => bytes,
    }
}

pub(crate) fn hello() -> Hello {
    Hello {
        capabilities: Capabilities::LEASES,
        limits: Limits::default(),
        session: [0; 16],
        epoch: 0,
        nonce: NONCE,
        agent: Text::clipped("a test"),
    }
}

pub(crate) fn encoded(message: impl Into<Message>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.into().encode(&mut bytes, 1 << 24).expect("encode");
    bytes
}

/// One connection.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    decoder: Decoder,
}

impl Client {
    /// Says nothing yet.
    pub(crate) fn silent(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            decoder: Decoder::new(),
        }
    }

    /// Says the preamble, and nothing else.
    pub(crate) fn new(stream: impl Stream + 'static) -> Self {
        let mut client = Self::silent(stream);
        client.write(&preamble());
        client
    }

    /// After the handshake with a server that asks nobody.
    pub(crate) fn connect(stream: impl Stream + 'static) -> Self {
        let mut client = Self::new(stream);
        client.say(hello());
        client.welcome().expect("welcome");
        client
    }

    /// After the handshake with a server that asks, or what it says instead.
    pub(crate) fn prove(stream: impl Stream + 'static, identity: &str, secret: &str) -> Result<Self, Failure> {
        let mut client = Self::new(stream);
        client.say(hello());
        let Some(Message::Challenge(challenge)) = client.hear() else {
            panic!("no challenge");
        };
        let frames = [encoded(hello()), encoded(challenge)].concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let sign = |label: &[u8]| -> [u8; 32] {
            let tag = hmac::sign(&key, &[label, &frames].concat());
            tag.as_ref().try_into().expect("32 bytes")
        };
        client.say(Proof {
            identity: Text::clipped(identity),
            proof: sign(b"sage rpc 1 client"),
        });
        let welcome = client.welcome()?;
        assert_eq!(welcome.proof, sign(b"sage rpc 1 server"));
        Ok(client)
    }

    fn welcome(&mut self) -> Result<Welcome, Failure> {
        match self.hear() {
            Some(Message::Welcome(welcome)) => {
                self.decoder.set_limit(Limits::DEFAULT.frame);
                Ok(welcome)
            }
            Some(Message::Goodbye(goodbye)) => Err(goodbye.failure.expect("a reason")),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("write");
        self.stream.flush().expect("flush");
    }

    pub(crate) fn say(&mut self, message: impl Into<Message>) {
        self.write(&encoded(message));
    }

    /// The next message, but for those that only ask whether it is there; nothing when the server has closed.
    pub(crate) fn hear(&mut self) -> Option<Message> {
        loop {
            match self.decoder.next_message().expect("frames") {
                Some(Message::Ping(_)) => continue,
                Some(message) => return Some(message),
                None => {}
            }
            let mut bytes = [0; 1 << 16];
            match self.stream.read(&mut bytes).expect("read") {
                0 => return None,
                count => self.decoder.feed(&bytes[..count]),
            }
        }
    }

    /// The reason that the server ends with, which is the last that comes.
    pub(crate) fn farewell(&mut self) -> Option<Failure> {
        loop {
            if let Message::Goodbye(goodbye) = self.hear().expect("a goodbye") {
                return goodbye.failure;
            }
        }
    }

    pub(crate) fn open(&mut self, uri: &str) -> Handle {
        self.try_open(uri).expect("opened").queue
    }

    pub(crate) fn try_open(&mut self, uri: &str) -> Result<Opened, Failure> {
        let record = DescriptorRecord::from_uri(uri).expect("a URI");
        self.say(Open {
            call: Call::new(1).expect("not 0"),
            creation: Creation::IfAbsent,
            tag: Tag {
                name: Text::default(),
                shape: 0,
            },
            record: Record::new(&record).expect("short"),
        });
        match self.hear() {
            Some(Message::Opened(opened)) => Ok(opened),
            Some(Message::Failed(failed)) => Err(failed.failure),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn put(&mut self, queue: Handle, first: u64, items: &[&[u8]]) {
        self.say(Put {
            queue,
            codec: ItemCodec::default(),
            first,
            wait: Micros::FOREVER,
            items: Items::new(items.iter().copied()).expect("items"),
        });
    }

    pub(crate) fn confirmed(&mut self, number: u64) {
        loop {
            match self.hear() {
                Some(Message::Confirmed(confirmed)) if confirmed.up_to < number => {}
                Some(Message::Confirmed(confirmed)) => return assert_eq!(confirmed.up_to, number),
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn get(&mut self, queue: Handle, call: u32, items: u32) {
        self.say(Get {
            queue,
            once: Flag(false),
            outright: Flag(true),
            call: Call::new(call).expect("not 0"),
            items,
            bytes: 32 << 20,
            wait: Micros::FOREVER,
        });
    }

    /// The items of the next delivery.
    pub(crate) fn delivered(&mut self) -> Vec<Vec<u8>> {
        match self.hear() {
            Some(Message::Delivered(delivered)) => delivered.items.iter().map(<[u8]>::to_vec).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn goodbye(&mut self) {
        self.say(Goodbye {
            grace: Micros::ZERO,
            failure: None,
        });
    }
}

/// A connection that keeps what is written to it.
pub(crate) struct Recorder(pub(crate) TcpStream, pub(crate) Arc<Mutex<Vec<u8>>>);

impl Read for Recorder {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.0.write(bytes)?;
        let mut said = self.1.lock().expect("nobody panicked");
        said.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Sees to it that so many files can be open, if the system allows it at all.
pub(crate) fn room_for_files(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        let current = Some(count);
        setrlimit(Resource::Nofile, Rlimit { current, ..limit }).expect("room for files");
    }
}

/// The head of a put that has so many bytes.
pub(crate) fn head(length: u32) -> Vec<u8> {
    let mut head = [0; 16];
    head[4..8].copy_from_slice(&length.to_le_bytes());
    head[8] = 0x20;
    head[9] = 1;
    head[12] = 1;
    head[11] = head.iter().enumerate().fold(0x5a, |sum, (at, byte)| match at {
        4..=10 | 12..=15 => sum ^ byte,
        _ => sum,
    });
    head.to_vec()
}

/// A folder of mode 0700 for the files of one test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rpc-server-{}-{name}", std::process::id()));
        fs::create_dir(&path).expect("folder");
        let folder = Self(path);
        folder.chmod("", 0o700);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn file(&self, name: &str, mode: u32, content: &str) -> PathBuf {
        fs::write(self.path(name), content).expect("file");
        self.chmod(name, mode);
        self.path(name)
    }

    pub(crate) fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).expect("chmod");
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
