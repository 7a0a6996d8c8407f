//! The demo between two hosts: network namespaces, which share nothing but a cable. That needs root, and is left out, by name,
//! without it.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::common::{finish, signal};

/// Where the server is, on a network that nobody else sees.
const SERVER: &str = "10.77.0.1";

/// Two namespaces, each with one end of a cable.
struct Hosts {
    names: [String; 2],
}

impl Hosts {
    /// None where this user may not make any.
    fn new() -> Option<Self> {
        let process = std::process::id();
        let hosts = Self {
            names: ["a", "b"].map(|end| format!("sage-{process}-{end}")),
        };
        let [here, there] = &hosts.names;
        let made = [here, there].into_iter().all(|name| ip(&["netns", "add", name]));
        // The ends of a cable are named inside of their namespace, so that no name is taken twice.
        let cable = ["link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns"];
        let plugged = made && ip(&[&["-n", here.as_str()][..], &cable, &[there.as_str()]].concat());
        let addressed = plugged
            && [(here, SERVER), (there, "10.77.0.2")]
                .into_iter()
                .all(|(name, address)| {
                    ip(&["-n", name, "addr", "add", &format!("{address}/24"), "dev", "cable"])
                        && ip(&["-n", name, "link", "set", "cable", "up"])
                        && ip(&["-n", name, "link", "set", "lo", "up"])
                });
        addressed.then_some(hosts)
    }

    fn start(&self, host: usize, args: &[&str]) -> Child {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[host], env!("CARGO_BIN_EXE_sage")]);
        let command = command.args(args).env_remove("SAGE_LOG").stdin(Stdio::null());
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start")
    }

    fn unplug(&self) {
        assert!(ip(&["-n", &self.names[1], "link", "set", "cable", "down"]));
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.names {
            ip(&["netns", "del", name]);
        }
    }
}

fn ip(args: &[&str]) -> bool {
    let mut command = Command::new("ip");
    let command = command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What a server on a network needs, in a folder of the test's own.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        let files = Self(std::env::temp_dir().join(format!("two-hosts-{}", std::process::id())));
        fs::create_dir_all(&files.0).expect("folder");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("key")).expect("authority");
        let key = KeyPair::generate().expect("key");
        let params = CertificateParams::new(vec![SERVER.to_owned()]).expect("a name");
        let server = params.signed_by(&key, &authority).expect("certificate");
        files.write("ca", &authority.pem());
        files.write("cert", &server.pem());
        files.write("key", &key.serialize_pem());
        files.write("tokens", "alice 4e2f9c0d7a81b35608f1 all:hot-items*\n");
        files.write("token", "alice 4e2f9c0d7a81b35608f1");
        files
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.at(name);
        fs::write(&path, text).expect("write");
        fs::set_permissions(Path::new(&path), fs::Permissions::from_mode(0o600)).expect("mode");
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn hosts_work_together_and_notice_when_the_cable_is_cut() {
    let Some(hosts) = Hosts::new() else {
        let _ = writeln!(io::stderr(), "left out: joined::two_hosts needs root and `ip netns`");
        return;
    };
    let files = Files::new();
    let place = |name: &str| files.at(name);
    let (cert, key, tokens, socket) = (place("cert"), place("key"), place("tokens"), place("s"));
    let bind = format!("{SERVER}:7420");
    let mut server = hosts.start(
        0,
        &[
            "serve",
            "--bind",
            &bind,
            "--unix",
            &socket,
            "--tls-cert",
            &cert,
            "--tls-key",
            &key,
            "--token-file",
            &tokens,
        ],
    );
    let mut ready = String::new();
    BufReader::new(server.stdout.as_mut().expect("piped"))
        .read_line(&mut ready)
        .expect("text");
    assert!(ready.starts_with("serving on tls://"), "{ready}");
    // The one is beside the server, the others come over the cable.
    let here = format!("unix:{socket}?token=file:{}", place("token"));
    let there = format!("tls://{bind}?ca=file:{}&token=file:{}", place("ca"), place("token"));

    let demo = |host, events, more: &[&str]| hosts.start(host, &[&["demo", "--events", events], more].concat());
    let workers = [0, 1].map(|_| demo(1, "60_000", &["--join", &there]));
    let job = finish(demo(
        0,
        "60_000",
        &["--workers", "2", "--at", &here, "--verify", "--json"],
    ));
    assert_eq!((job.code, job.stderr.as_str()), (Some(0), ""), "{job:?}");
    let json = job.json();
    assert_eq!(
        (&json["verified"], &json["ledger_ok"]),
        (&true.into(), &true.into()),
        "{json}"
    );
    for worker in workers.map(finish) {
        assert_eq!((worker.code, worker.stderr.as_str()), (Some(0), ""), "{worker:?}");
    }

    let worker = demo(1, "1_000_000_000", &["--join", &there]);
    let mut job = demo(0, "1_000_000_000", &["--workers", "1", "--at", &here, "--quiet"]);
    let queues = || {
        let place = format!("rpc://?unix={socket}&token=file:{}", place("token"));
        finish(hosts.start(0, &["ls", &place])).text().to_owned()
    };
    // Results have come over the cable when the queue of results is there and was used.
    let flows = |text: &str| {
        let mut lines = text.lines().filter(|line| line.contains("input_results_0"));
        lines.any(|line| line.split_whitespace().last() != Some("0"))
    };
    while !flows(&queues()) {
        assert_eq!(job.try_wait().expect("wait"), None, "the job has ended");
    }
    hosts.unplug();
    let job = finish(job);
    assert_eq!(job.code, Some(1), "{job:?}");
    assert!(job.stderr.contains("was not heard of for 10 s"), "{job:?}");
    let worker = finish(worker);
    assert_eq!(worker.code, Some(1), "{worker:?}");
    assert!(worker.stderr.contains("coordinator"), "{worker:?}");
    signal(server.id(), "TERM");
    server.wait().expect("wait");
}
