//! The arguments of `sage serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sage_comm::serve::{Rule, rule};

use crate::args::Bounded;
use crate::queue::duration;

const AFTER_HELP: &str = "\
A RULE is what may be done, a colon, and with which queues: 'put,get:jobs/*' or 'all:*'. What may be
done is any of put, get, inspect and admin, with commas, or all. Each rule adds to the others.

A token file has a line for each who may connect: a name, a secret of at least 16 bytes, and rules;
without rules those of --rights hold. Nobody but its owner may be able to read it:
  alice 4e2f9c0d7a81b35608f1 put,get:jobs/* inspect:*

Whoever can reach an address other than loopback could be anybody: it needs a token file (or
--client-ca), and --tls-cert with --tls-key. The line that is printed when clients can connect has
the ports that were taken. Ctrl-C tells the clients; those that have not ended within --grace are
cut off.";

/// Serve queues to other processes and hosts
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct ServeArgs {
    /// Address for TCP, HOST or HOST:PORT; port 0 takes a free one; again for more of them
    /// [default: 127.0.0.1:7420, without --unix]
    #[arg(long, value_name = "ADDR")]
    pub(super) bind: Vec<String>,

    /// Path of a Unix socket, which only this user can connect to
    #[arg(long, value_name = "PATH")]
    pub(super) unix: Option<PathBuf>,

    /// Be the manager of ray_queue://... queues of this user, in a namespace [default: sage_global]
    #[arg(
        long, value_name = "NAMESPACE", num_args = 0..=1, default_missing_value = sage_comm::GLOBAL_NAMESPACE,
        conflicts_with_all = ["bind", "unix", "data_dir", "token_file", "tls_cert", "client_ca", "rights", "max_per_address"]
    )]
    pub(super) manager: Option<String>,

    /// Run jobs for those who may put into sage_jobs/requests; with a DESCRIPTOR of this server for the way there
    /// [default: its first address, without a secret]
    #[arg(
        long, value_name = "DESCRIPTOR", num_args = 0..=1, default_missing_value = "", conflicts_with = "manager"
    )]
    pub(super) jobs: Option<String>,

    /// Delete queues of the manager that nobody has used for so long, such as 10m
    #[arg(long, value_name = "TIME", requires = "manager", value_parser = duration)]
    pub(super) idle_ttl: Option<Duration>,

    /// Folder for queues with durability=disk and checkpoints of jobs, made when it is not there; they are refused without one
    #[arg(long, value_name = "PATH")]
    pub(super) data_dir: Option<PathBuf>,

    /// File of those who may connect; everybody may without one
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Certificate of the server in PEM, with those that lead to one that clients know
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,

    /// Its private key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,

    /// Certificates in PEM that sign those of clients: then every client over TCP needs one
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) client_ca: Option<PathBuf>,

    /// What everybody may do who has no rules in the token file [default: all:*]
    #[arg(long, value_name = "RULE", num_args = 1.., value_parser = one_rule)]
    pub(super) rights: Vec<Rule>,

    /// Connections at once [default: 1024]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = Bounded::<1, 1_000_000>::parse)]
    pub(super) max_connections: Option<Bounded<1, 1_000_000>>,

    /// Connections at once from one address [default: 128]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = Bounded::<1, 1_000_000>::parse)]
    pub(super) max_per_address: Option<Bounded<1, 1_000_000>>,

    /// How long clients have to end, such as 500ms or 5s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(super) grace: Duration,

    /// Print one JSON object instead of a line for people
    #[arg(long)]
    pub(super) json: bool,
}

fn one_rule(text: &str) -> Result<Rule, String> {
    rule(text).map_err(|error| error.to_string())
}
