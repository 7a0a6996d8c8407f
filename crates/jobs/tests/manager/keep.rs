//! Jobs with checkpoints in the folder of their manager.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use descriptor_core::{DescriptorRecord, ErrorKind, QueueId};
use jobs::{JobClient, JobLimits, JobManager, JobServer, JobState, JobStatus, Keep};
use queue_testkit::until;

use crate::rig::{InProcess, LONG, params, registry, watched};

/// A folder of one test, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sage-jobs-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }

    fn manager(&self) -> JobManager {
        JobManager::with_folder(registry(), JobLimits::default(), &self.0)
    }

    fn holds(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn often(name: Option<&str>) -> Keep {
    Keep {
        name: name.map(str::to_owned),
        every_ms: 5,
        ..Keep::default()
    }
}

fn completed(status: &JobStatus) -> u64 {
    status.checkpoints.as_ref().map_or(0, |it| it.completed)
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn one_without_a_name_begins_anew_and_leaves_nothing() {
    watched("unnamed", || {
        let folder = Folder::new("unnamed");
        let manager = folder.manager();
        let upto = params(&[("upto", "300")]);
        // What an earlier manager left under this id is of no use to it.
        let left = folder.0.join(".count-1");
        std::fs::create_dir_all(left.join("checkpoint-0000000007")).unwrap();
        for _ in 0..2 {
            let id = manager.submit_keeping("count", &upto, &often(None)).unwrap();
            let status = manager.wait(&id, LONG).unwrap();
            assert_eq!(
                (status.summary.state, status.result.clone()),
                (JobState::Finished, Some(300.into())),
                "{status:?}"
            );
            assert!(completed(&status) > 0, "{status:?}");
            assert_eq!(status.checkpoints.unwrap().restored, None);
        }
        assert_eq!(folder.holds(), Vec::<String>::new());
    });
}

#[test]
fn one_with_a_name_goes_on_from_what_is_there_until_it_has_finished() {
    watched("named", || {
        let folder = Folder::new("named");
        let (night, endless) = (often(Some("night")), params(&[]));
        let last = {
            let manager = folder.manager();
            let id = manager.submit_keeping("count", &endless, &night).unwrap();
            until(|| completed(&manager.status(&id).unwrap()) > 1);
            let held = manager.submit_keeping("count", &endless, &night).unwrap_err();
            assert_eq!(held.kind(), ErrorKind::Overloaded);
            assert!(held.to_string().contains(&id), "{held}");
            manager.cancel(&id).unwrap();
            let status = manager.wait(&id, LONG).unwrap();
            status.checkpoints.unwrap().last.unwrap()
        };
        assert_eq!(folder.holds(), ["night"]);
        assert_eq!(
            (mode(&folder.0), mode(&folder.0.join("night/job.json"))),
            (0o700, 0o600)
        );
        // Another manager, as behind a new start of its process.
        let manager = folder.manager();
        for (name, given, found) in [
            ("count", params(&[("upto", "5")]), "upto = 0"),
            ("sum", params(&[]), "`count`"),
        ] {
            let other = manager.submit_keeping(name, &given, &night).unwrap_err();
            assert_eq!(other.kind(), ErrorKind::Incompatible);
            assert!(other.to_string().contains(found), "{other}");
        }
        let id = manager.submit_keeping("count", &endless, &night).unwrap();
        let restored = manager.status(&id).unwrap().checkpoints.unwrap().restored;
        assert!(restored >= Some(last), "{restored:?} before {last}");
        manager.drain(&id, LONG).unwrap();
        assert_eq!(manager.wait(&id, LONG).unwrap().summary.state, JobState::Drained);
        assert_eq!(folder.holds(), ["night"]);
        // One that comes to its end leaves nothing to go on from.
        let day = often(Some("day"));
        let id = manager
            .submit_keeping("count", &params(&[("upto", "9")]), &day)
            .unwrap();
        assert_eq!(manager.wait(&id, LONG).unwrap().summary.state, JobState::Finished);
        assert_eq!(folder.holds(), ["night"]);
    });
}

#[test]
fn one_that_fails_goes_back_as_often_as_it_may() {
    watched("retries", || {
        let folder = Folder::new("retries");
        let manager = folder.manager();
        let keep = Keep {
            retries: 1,
            ..often(None)
        };
        let id = manager
            .submit_keeping("count", &params(&[("trap", "50")]), &keep)
            .unwrap();
        let status = manager.wait(&id, LONG).unwrap();
        assert_eq!((status.summary.state, status.restarts), (JobState::Failed, 1));
        assert!(status.error.as_ref().unwrap().contains("sprung"), "{status:?}");
        assert_eq!(folder.holds(), Vec::<String>::new());
    });
}

#[test]
fn what_cannot_be_kept_is_refused() {
    watched("unkept", || {
        let without = JobManager::new(registry(), JobLimits::default());
        let error = without
            .submit_keeping("count", &params(&[]), &Keep::default())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("--data-dir"), "{error}");
        assert!(without.list().is_empty());
        let folder = Folder::new("unkept");
        let manager = folder.manager();
        let outside = manager.submit_keeping("count", &params(&[]), &often(Some("../night")));
        assert_eq!(outside.unwrap_err().kind(), ErrorKind::InvalidDescriptor);
        // Its source cannot seek.
        let error = manager
            .submit_keeping("endless", &params(&[]), &often(None))
            .unwrap_err();
        assert!(error.to_string().contains("without checkpoints"), "{error}");
        assert!(manager.list().is_empty());
        assert_eq!(folder.holds(), Vec::<String>::new());
    });
}

#[test]
fn clients_keep_and_rescale_over_queues() {
    watched("rescale", || {
        let folder = Folder::new("rescale");
        let manager = Arc::new(folder.manager());
        let place = DescriptorRecord::new(QueueId::new("any").unwrap(), "local");
        let server = JobServer::start(&manager, &InProcess, &place).unwrap();
        let client = JobClient::open(&InProcess, &place, Duration::from_secs(60)).unwrap();
        let id = client.submit_keeping("count", &params(&[]), &often(None)).unwrap();
        let done = client.rescale(&id, "count", 3).unwrap();
        assert_eq!((done.node.as_str(), done.before, done.after), ("count", 1, 3));
        assert!(done.moved > 0 && done.stayed > 0, "{done:?}");
        assert!(completed(&client.status(&id).unwrap()) > 0);
        let error = client.rescale(&id, "cuont", 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        client.cancel(&id, None).unwrap();
        client.wait(&id, None, || false).unwrap();
        let error = client.rescale(&id, "count", 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        let plain = client.submit("count", &params(&[])).unwrap();
        let error = client.rescale(&plain, "count", 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        manager.cancel_all();
        drop(client);
        assert!(server.end(Duration::from_secs(60)));
    });
}
