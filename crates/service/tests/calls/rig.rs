//! What the tests share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use descriptor_core::{Descriptor, QueueId, Wait, Wire};
use queue_sage::SageSpec;
use service::{Answer, Call, Desk, Failure, Mailbox, Message, ServiceClient, Staff, StaffReport};

/// Long enough for a loaded machine; a test that needs all of it has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn within(limit: Duration) -> Wait {
    Wait::from(limit)
}

pub(crate) fn name(what: &str) -> String {
    QueueId::generated(what).to_string()
}

/// A mailbox with room for so many answers.
pub(crate) fn mailbox(room: usize) -> Mailbox {
    let answers = Descriptor::new(name("answers"), SageSpec::bounded(room)).expect("a name");
    Mailbox::new(answers.queue::<Answer>().expect("a queue"), &answers.to_record())
}

pub(crate) fn desk<Req: Wire>(service: &str, workers: u32, room: usize) -> Desk<Req> {
    let requests = Descriptor::new(name(service), SageSpec::bounded(room)).expect("a name");
    Desk::new(service, workers, requests.queue::<Message<Req>>().expect("a queue"))
}

pub(crate) fn client<Req: Wire, Resp: Wire>(desk: &Desk<Req>) -> ServiceClient<Req, Resp> {
    ServiceClient::new(desk, &mailbox(1000))
}

pub(crate) fn staff<Req: Wire, Resp: Wire, H>(desk: &Desk<Req>, handler: H) -> Staff
where
    H: Fn(Req, &mut Call<Resp>) -> Result<Option<Resp>, Failure> + Clone + Send + Sync + 'static,
{
    let workers = desk.workers();
    Staff::start(desk, workers, &Arc::default(), move |_| handler.clone()).expect("threads")
}

pub(crate) fn double() -> impl Fn(u64, &mut Call<u64>) -> Result<Option<u64>, Failure> + Clone + Send + Sync + 'static {
    |number, _| Ok(Some(number * 2))
}

/// Ends a service that can end, and checks that its books close.
pub(crate) fn end(staff: Staff) -> StaffReport {
    let report = staff.end(LONG);
    assert!(report.stuck.is_empty() && report.failures.is_empty(), "{report:?}");
    let t = report.totals;
    assert_eq!(
        t.taken,
        t.answered + t.failed + t.late + t.expired + t.cancelled + t.undelivered,
        "{t:?}"
    );
    report
}

/// A door that handlers wait at.
#[derive(Clone, Default)]
pub(crate) struct Door {
    inner: Arc<(Mutex<bool>, Condvar)>,
    waiting: Arc<AtomicU64>,
}

impl Door {
    pub(crate) fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut open = self.inner.0.lock().expect("no panic");
        while !*open {
            open = self.inner.1.wait(open).expect("no panic");
        }
    }

    pub(crate) fn open(&self) {
        *self.inner.0.lock().expect("no panic") = true;
        self.inner.1.notify_all();
    }

    /// Waits until so many have come to it.
    pub(crate) fn until_here(&self, count: u64) {
        queue_testkit::until(|| self.waiting.load(Ordering::SeqCst) >= count);
    }
}
