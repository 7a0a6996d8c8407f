//! Another process, and a folder in shared memory for it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The program that obeys.
pub(crate) const PEER: &str = env!("CARGO_BIN_EXE_shm-peer");

/// A folder of one test, removed with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = PathBuf::from(format!("/dev/shm/sage-tests-{}-{name}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What is in it besides the file of locks.
    pub(crate) fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".control")
            .collect();
        names.sort();
        names
    }

    /// Writes a file that nobody else may read.
    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.join(name), content).unwrap();
        fs::set_permissions(self.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn peer(&self) -> Peer {
        Peer::start(Command::new(PEER).env("SAGE_SHM_DIR", &self.0))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that obeys.
pub(crate) struct Peer {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().unwrap());
        Self { child, to, from }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Has it do something and gives its answer.
    pub(crate) fn ask(&mut self, order: &str) -> String {
        writeln!(self.to.as_mut().unwrap(), "{order}").unwrap();
        self.line()
    }

    pub(crate) fn line(&mut self) -> String {
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        answer.strip_suffix('\n').unwrap_or(&answer).to_owned()
    }

    /// Has it do something that must fail with this kind, in a line that names all of these.
    pub(crate) fn refused(&mut self, order: &str, kind: &str, words: &[&str]) {
        let answer = self.ask(order);
        assert!(
            answer.starts_with(&format!("error {kind} ")),
            "{order:?} is not {kind}: {answer}"
        );
        assert!(answer.contains("; "), "no remedy: {answer}");
        for word in words {
            assert!(answer.contains(word), "{word:?} is not in: {answer}");
        }
    }

    /// The epoch of a queue that it opens.
    pub(crate) fn open(&mut self, uri: &str) -> u64 {
        let answer = self.ask(&format!("open {uri}"));
        let epoch = answer
            .strip_prefix("epoch ")
            .unwrap_or_else(|| panic!("{uri}: {answer}"));
        epoch.parse().unwrap()
    }

    /// Closes its input and reads what it says after that.
    pub(crate) fn end(mut self) -> String {
        drop(self.to.take());
        let rest = self.line();
        assert!(self.child.wait().unwrap().success());
        rest
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Of a test that failed; otherwise it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A shell that has a tmpfs of its own at this folder, runs `script` there, and has [`PEER`] as `$peer`. `None` where
/// this user may not mount.
pub(crate) fn mounted(folder: &Folder, options: &str, script: &str) -> Option<Command> {
    let shell = |script: &str| {
        let mount = format!("mount -t tmpfs -o mode=700,{options} tmpfs \"$folder\" && {script}");
        let mut command = Command::new("unshare");
        command.args([OsStr::new("--mount"), "--propagation".as_ref(), "private".as_ref()]);
        command.args(["sh", "-c", &mount]);
        command.env("folder", &folder.0).env("peer", PEER);
        command
    };
    let works = shell("true")
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    works.then(|| shell(script))
}

/// Whether this is the user that may become any other.
pub(crate) fn is_root(folder: &Folder) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(&folder.0).unwrap().uid() == 0
}

/// Says that a test could not be run here, and why.
pub(crate) fn skipped(why: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "skipped: {name}: {why}");
}
