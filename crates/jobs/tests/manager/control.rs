//! A manager behind queues.

use std::sync::Arc;
use std::time::Duration;

use descriptor_core::{DescriptorRecord, ErrorKind, QueueId};
use jobs::{JobClient, JobLimits, JobManager, JobServer, JobState};
use queue_testkit::until;

use crate::rig::{InProcess, LONG, params, registry, watched};

/// A place in this process.
fn place() -> DescriptorRecord {
    DescriptorRecord::new(QueueId::new("any").unwrap(), "sage_queue")
}

#[test]
fn clients_do_over_queues_what_the_manager_does() {
    watched("control", || {
        let manager = Arc::new(JobManager::new(registry(), JobLimits::default()));
        let server = JobServer::start(&manager, &InProcess, &place()).unwrap();
        let client = JobClient::open(&InProcess, &place(), Duration::from_secs(60)).unwrap();
        let sum = client.submit("sum", &params(&[("upto", "4")])).unwrap();
        let status = client.wait(&sum, Some(LONG), || false).unwrap();
        assert_eq!(
            (status.summary.state, status.result),
            (JobState::Finished, Some(10.into()))
        );
        assert_eq!(manager.status(&sum).unwrap().summary.id, sum);

        let endless = client.submit("endless", &params(&[])).unwrap();
        client.pause(&endless).unwrap();
        assert_eq!(client.status(&endless).unwrap().summary.state, JobState::Paused);
        client.resume(&endless).unwrap();
        let running = client.wait(&endless, Some(Duration::ZERO), || false).unwrap();
        assert_eq!(running.summary.state, JobState::Running);
        client.cancel(&endless, Some(LONG)).unwrap();
        assert_eq!(
            client.wait(&endless, None, || false).unwrap().summary.state,
            JobState::Drained
        );
        let cut = client.submit("endless", &params(&[])).unwrap();
        client.cancel(&cut, None).unwrap();
        until(|| client.status(&cut).unwrap().summary.state == JobState::Cancelled);
        assert_eq!(client.list().unwrap().len(), 3);

        let error = client.submit("summ", &params(&[])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("did you mean `sum`?"), "{error}");
        assert_eq!(client.status("sum-9").unwrap_err().kind(), ErrorKind::NotFound);

        assert!(server.totals().taken > 9);
        drop(client);
        assert!(server.end(Duration::from_secs(60)));
        let late = JobClient::open(&InProcess, &place(), Duration::from_millis(50));
        let error = late.and_then(|client| client.list()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Closed | ErrorKind::Timeout),
            "{error}"
        );
    });
}
