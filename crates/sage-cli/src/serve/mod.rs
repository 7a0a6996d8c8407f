//! `sage serve`: queues for other processes and hosts.

mod args;
mod jobs;
mod manager;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use sage_comm::serve::{RunningServer, Server, Settings, TlsFiles};
use sage_comm::{Error, ErrorKind};
use serde_json::json;

pub(crate) use args::ServeArgs;

use crate::failure::Failure;
use crate::interrupt::{Asked, Interrupts};
use crate::job;
use crate::output::Output;
use jobs::WithJobs;

/// How often it looks whether somebody asked for its end.
const TICK: Duration = Duration::from_millis(100);

pub(crate) fn serve(args: &ServeArgs) -> Result<ExitCode, Failure> {
    // In a worker of a job that was submitted here, this does not return.
    job::registry().work()?;
    if let Some(namespace) = &args.manager {
        return manager::manage(args, namespace);
    }
    let settings = settings(args);
    let is_tls = settings.tls.is_some();
    let authentication = match (&settings.token_file, &args.client_ca) {
        (Some(_), Some(_)) => "token and certificate",
        (Some(_), None) => "token",
        (None, Some(_)) => "certificate",
        (None, None) => "none",
    };
    let interrupts = Interrupts::catch()?;
    let server = Server::start(settings).map_err(wrong)?;
    let addresses: Vec<_> = server.addresses().iter().map(ToString::to_string).collect();
    let offers_jobs = args.jobs.is_some();
    let server: Box<dyn Serves> = match &args.jobs {
        Some(place) => Box::new(WithJobs::start(server, place, args.data_dir.as_deref())?),
        None => Box::new(server),
    };
    let pid = std::process::id();
    Output::stdout().print(|out| {
        if args.json {
            let ready = json!({
                "addresses": addresses, "pid": pid, "authentication": authentication, "tls": is_tls, "jobs": offers_jobs,
            });
            return writeln!(out, "{ready}");
        }
        let tls = if is_tls { "TLS 1.3" } else { "no TLS" };
        writeln!(
            out,
            "serving{} on {} (process {pid}, authentication: {authentication}, {tls})",
            if offers_jobs { " queues and jobs" } else { "" },
            addresses.join(" and ")
        )
    })?;
    until_the_end(&*server, args.grace, &interrupts)
}

fn settings(args: &ServeArgs) -> Settings {
    let mut settings = Settings {
        unix: args.unix.clone(),
        token_file: args.token_file.clone(),
        data_dir: args.data_dir.clone(),
        ..Settings::default()
    };
    if !args.bind.is_empty() || args.unix.is_some() {
        settings.bind.clone_from(&args.bind);
    }
    if let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) {
        settings.tls = Some(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca: args.client_ca.clone(),
        });
    }
    if !args.rights.is_empty() {
        settings.broker.anonymous.clone_from(&args.rights);
    }
    // At most a million by their types.
    if let Some(most) = args.max_connections {
        settings.broker.max_connections = most.0 as usize;
    }
    if let Some(most) = args.max_per_address {
        settings.max_per_address = most.0 as usize;
    }
    settings
}

/// What serves: a server, or a manager.
trait Serves {
    fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error>;
    fn begin_stop(&self, grace: Duration);
    fn connections(&self) -> usize;
}

impl Serves for RunningServer {
    fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        self.wait(timeout)
    }

    fn begin_stop(&self, grace: Duration) {
        self.begin_stop(grace);
    }

    fn connections(&self) -> usize {
        self.status().connections
    }
}

fn until_the_end(server: &dyn Serves, grace: Duration, interrupts: &Interrupts) -> Result<ExitCode, Failure> {
    let mut obeyed = Asked::Nothing;
    while !server.wait(Some(TICK))? {
        let asked = interrupts.asked();
        if asked <= obeyed {
            continue;
        }
        let connections = server.connections();
        if obeyed == Asked::Nothing && connections > 0 {
            say(format_args!(
                "stopping; {connections} clients have {grace:?} to end; interrupt again to cut them off"
            ));
        }
        server.begin_stop(grace);
        if asked == Asked::Abort {
            // Asked twice, it ends at once.
            server.begin_stop(grace);
        }
        obeyed = asked;
    }
    match obeyed {
        Asked::Abort => Err(Failure::interrupted("clients that had not ended were cut off")),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn say(what: std::fmt::Arguments<'_>) {
    // Without stderr there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "sage: {what}");
}

/// What the command was given is wrong, or what the system gave it.
fn wrong(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::ResourceExhausted | ErrorKind::Io | ErrorKind::PeerDied => error.into(),
        _ => Failure::usage(error),
    }
}
