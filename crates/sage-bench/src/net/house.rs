//! A server and its folder, for one run.

use std::fs;

use ipc_peers::Folder;
use net_peers::{Act, Part, Site, Subject, WORD};

use crate::company::Company;

/// Ended when it is dropped.
pub(super) struct House {
    subject: &'static Subject,
    server: Company,
    id: u32,
    site: Site,
    // The server goes before it.
    _folder: Folder,
}

impl House {
    /// With a server that lets clients in.
    pub(super) fn open(subject: &'static Subject, size: usize) -> Result<Self, String> {
        let folder = Folder::new().map_err(|error| format!("a folder: {error}"))?;
        let site = Site::new(folder.path(), size);
        let server = Company::of_parts(WORD, &[part(subject, &site, Act::Serve, 1)])?;
        let id = site.server()?;
        Ok(Self {
            subject,
            server,
            id,
            site,
            _folder: folder,
        })
    }

    /// Processes that play these parts, each with its amount, once they are ready. First come those who listen: who is not there
    /// yet when the others begin would lose time, or items.
    pub(super) fn company(&self, acts: &[(Act, u64)]) -> Result<Company, String> {
        let parts: Vec<Part> = acts
            .iter()
            .map(|&(act, amount)| part(self.subject, &self.site, act, amount))
            .collect();
        Company::of_parts(WORD, &parts)
    }

    /// The server's processor time so far, in seconds.
    pub(super) fn cpu(&self) -> Result<f64, String> {
        let tasks = format!("/proc/{}/task", self.id);
        let mut nanos = 0_u64;
        for task in fs::read_dir(&tasks)
            .map_err(|error| format!("{tasks}: {error}"))?
            .flatten()
        {
            // A thread may have ended meanwhile.
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let first = text.split_whitespace().next();
            nanos += first.and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(nanos as f64 / 1e9)
    }

    /// KiB that the server has in memory.
    pub(super) fn memory(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/smaps_rollup", self.id);
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        let number = number.and_then(|number| number.parse().ok());
        number.ok_or_else(|| format!("{path} has no Pss"))
    }

    /// Lets the server leave, and waits until it has.
    pub(super) fn end(self) -> Result<(), String> {
        self.server.end()
    }
}

fn part(subject: &'static Subject, site: &Site, act: Act, amount: u64) -> Part {
    Part {
        subject: subject.name.into(),
        act,
        amount,
        site: site.clone(),
    }
}
