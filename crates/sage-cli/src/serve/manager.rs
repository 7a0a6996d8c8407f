//! `sage serve --manager`: the manager of a namespace, in a process that uses none of its queues.

use std::process::ExitCode;
use std::time::Duration;

use sage_comm::{Error, ManagerSettings, QueueManager, ServedManager};
use serde_json::json;

use super::{ServeArgs, Serves, until_the_end, wrong};
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;

impl Serves for ServedManager {
    fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        self.wait(timeout)
    }

    fn begin_stop(&self, grace: Duration) {
        self.begin_stop(grace);
    }

    fn connections(&self) -> usize {
        self.connections()
    }
}

pub(super) fn manage(args: &ServeArgs, namespace: &str) -> Result<ExitCode, Failure> {
    let mut settings = ManagerSettings {
        idle_ttl: args.idle_ttl,
        ..ManagerSettings::default()
    };
    // At most a million by its type.
    if let Some(most) = args.max_connections {
        settings.max_connections = most.0 as usize;
    }
    let interrupts = Interrupts::catch()?;
    let manager = QueueManager::with(namespace, settings).map_err(wrong)?;
    let served = manager.serve().map_err(wrong)?;
    let lost = manager.losses()?;
    let lost = lost.iter().filter(|lost| lost.epoch + 1 == served.epoch());
    let (queues, items) = lost.fold((0, 0), |(queues, items), lost| (queues + 1, items + lost.items));
    let pid = std::process::id();
    Output::stdout().print(|out| {
        let (epoch, socket) = (served.epoch(), served.socket());
        if args.json {
            let ready = json!({
                "namespace": namespace, "epoch": epoch, "addresses": [format!("unix:{socket}")], "pid": pid,
                "lost_queues": queues, "lost_items": items,
            });
            return writeln!(out, "{ready}");
        }
        writeln!(
            out,
            "managing `{namespace}` on unix:{socket} (process {pid}, epoch {epoch})"
        )?;
        if queues > 0 {
            writeln!(
                out,
                "the manager before ended with {queues} queues and {items} items in them"
            )?;
        }
        Ok(())
    })?;
    until_the_end(&served, args.grace, &interrupts)
}
