//! One campaign from its seed to its verdict.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use queue_testkit::Endpoint;
use queue_testkit::campaign::{folder, fresh_folder, say};
use rpc_server::{Address, RunningServer, Server, Settings};

use crate::crew::Crew;
use crate::options::{Fault, Options};
use crate::report::Report;
use crate::{half_open, kill_client, kill_server, resegment, wire};

pub(crate) fn run(options: &Options) -> ExitCode {
    options.wage(|| wage(options))
}

fn wage(options: &Options) -> Result<Report, String> {
    let folder = folder(&format!("rpc-{}-{}", options.name, options.seed))?;
    fresh_folder(&folder)?;
    let mut crew = Crew::new(folder.clone(), options.seed);
    let mut report = Report::default();
    let fight = match options.fault {
        Fault::KillClient => kill_client::run,
        Fault::KillServer | Fault::Power => kill_server::run,
        Fault::Cut | Fault::Bitflip => wire::run,
        Fault::Resegment => resegment::run,
        Fault::HalfOpen => half_open::run,
    };
    let fought = fight(options, &mut crew, &mut report);
    if report.is_good() && fought.is_ok() && !options.keep {
        let _ = std::fs::remove_dir_all(&folder);
    } else {
        say(format_args!("what happened is in {}", folder.display()));
    }
    fought.map(|()| report)
}

/// A server in this process.
pub(crate) struct Host {
    server: RunningServer,
    socket: PathBuf,
}

impl Host {
    /// With a time that sessions have to come back for what was sent to them.
    pub(crate) fn start(item_grace: Option<Duration>) -> Result<Self, String> {
        // Paths of sockets have to be short.
        let name = format!("sage-chaos-{}", std::process::id());
        let socket = std::env::temp_dir().join(name);
        let mut settings = Settings {
            bind: vec!["127.0.0.1:0".into()],
            unix: Some(socket.clone()),
            ..Settings::default()
        };
        if let Some(grace) = item_grace {
            settings.broker.item_grace = grace;
        }
        let server = Server::start(settings).map_err(|error| error.to_string())?;
        Ok(Self { server, socket })
    }

    /// By TCP or by its Unix socket.
    pub(crate) fn endpoint(&self, by_tcp: bool) -> Endpoint {
        match self.server.addresses().iter().find_map(Address::socket) {
            Some(address) if by_tcp => Endpoint::Tcp(address),
            _ => Endpoint::Unix(self.socket.clone()),
        }
    }

    /// Where a proxy may listen that is reached in the same way.
    pub(crate) fn front(&self, by_tcp: bool) -> Endpoint {
        if by_tcp {
            Endpoint::local()
        } else {
            Endpoint::Unix(self.socket.with_extension("front"))
        }
    }

    /// Waits until all connections have ended; those that do not are leaks.
    pub(crate) fn end(self, report: &mut Report) {
        let begun = Instant::now();
        while self.server.status().connections > 0 && begun.elapsed() < Duration::from_secs(15) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let left = self.server.status().connections as u64;
        report.leaks += left;
        if left > 0 {
            report.complain(format!("{left} connections are open although all clients have gone"));
        }
    }
}
