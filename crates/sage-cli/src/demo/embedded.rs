//! The server or the manager that a job brings along: its edges between processes are queues of it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};

use sage_comm::serve::{RunningServer, Server, Settings};
use sage_comm::{
    Choice, DefaultStrategy, DescriptorRecord, EdgeRequest, KindInfo, QueueManager, Reach, ServedManager, Strategy,
    is_worker,
};

use crate::failure::Failure;

/// A server or a manager of this process, in a folder of its own that goes with it.
#[derive(Debug, Default)]
pub(super) struct Embedded {
    server: Option<RunningServer>,
    manager: Option<ServedManager>,
    folder: Option<PathBuf>,
}

impl Embedded {
    /// Becomes the manager of a namespace of this job; not in a worker, which uses that of its coordinator.
    pub(super) fn manage() -> Result<Self, Failure> {
        if is_worker() {
            return Ok(Self::default());
        }
        let manager = QueueManager::in_namespace(&namespace(std::process::id()))?.serve()?;
        let folder = Path::new(manager.socket()).parent().map(Path::to_owned);
        Ok(Self {
            server: None,
            manager: Some(manager),
            folder,
        })
    }

    /// Starts a server; not in a worker, which uses that of its coordinator.
    pub(super) fn serve() -> Result<Self, Failure> {
        if is_worker() {
            return Ok(Self::default());
        }
        let folder = folder(std::process::id());
        DirBuilder::new().mode(0o700).create(&folder).map_err(|cause| {
            Failure::new(format_args!(
                "cannot make `{}` for the socket of the server: {cause}; set TMPDIR to a folder that can be written to",
                folder.display()
            ))
        })?;
        let mut embedded = Self {
            server: None,
            manager: None,
            folder: Some(folder.clone()),
        };
        embedded.server = Some(Server::start(Settings {
            bind: Vec::new(),
            unix: Some(socket(&folder)),
            ..Settings::default()
        })?);
        Ok(embedded)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.server = None;
        let had_manager = self.manager.take().is_some();
        match &self.folder {
            // Nobody comes back to a namespace that has the number of a process in its name.
            Some(folder) if had_manager => drop(std::fs::remove_dir_all(folder)),
            // What is left in it is not ours.
            Some(folder) => drop(std::fs::remove_dir(folder)),
            None => {}
        }
    }
}

/// Where the server of that process is. A worker knows it by its parent.
fn folder(coordinator: u32) -> PathBuf {
    std::env::temp_dir().join(format!("sage-demo-{coordinator}"))
}

fn namespace(coordinator: u32) -> String {
    format!("demo-{coordinator}")
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("queues.sock")
}

/// Queues of the server for edges between processes; the usual ones for those inside.
#[derive(Debug)]
pub(super) struct OverServer {
    socket: String,
}

impl OverServer {
    /// Over the server of this process, or of the one that started it as a worker.
    pub(super) fn new() -> Self {
        let coordinator = if is_worker() { parent_id() } else { std::process::id() };
        Self {
            socket: socket(&folder(coordinator)).to_string_lossy().into_owned(),
        }
    }
}

impl Strategy for OverServer {
    fn choose(
        &self,
        request: &EdgeRequest,
        kinds: &[KindInfo],
        try_open: &dyn Fn(&DescriptorRecord) -> sage_comm::Result<()>,
    ) -> sage_comm::Result<Choice> {
        if request.reach == Reach::Process {
            return DefaultStrategy.choose(request, kinds, try_open);
        }
        let mut choice = DefaultStrategy.choose(&request.clone().forced("rpc"), kinds, try_open)?;
        choice.record = choice.record.with("unix", self.socket.as_str());
        try_open(&choice.record)?;
        Ok(choice)
    }
}

/// Queues of the manager for edges between processes; the usual ones for those inside.
#[derive(Debug)]
pub(super) struct OverManager {
    namespace: String,
}

impl OverManager {
    /// Over the manager that this process is, or the one that started it as a worker.
    pub(super) fn new() -> Self {
        let coordinator = if is_worker() { parent_id() } else { std::process::id() };
        Self {
            namespace: namespace(coordinator),
        }
    }
}

impl Strategy for OverManager {
    fn choose(
        &self,
        request: &EdgeRequest,
        kinds: &[KindInfo],
        try_open: &dyn Fn(&DescriptorRecord) -> sage_comm::Result<()>,
    ) -> sage_comm::Result<Choice> {
        if request.reach == Reach::Process {
            return DefaultStrategy.choose(request, kinds, try_open);
        }
        let mut choice = DefaultStrategy.choose(&request.clone().forced("ray_queue"), kinds, try_open)?;
        choice.record = choice
            .record
            .with("namespace", self.namespace.as_str())
            .with("attach_only", true);
        try_open(&choice.record)?;
        Ok(choice)
    }
}
