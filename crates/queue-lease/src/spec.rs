//! The parameters of `lease+local` and `lease+sage_queue`.

use std::time::Duration;

use descriptor_core::{Caps, Error, KeySpec, Metadata, Params, QueueId, Reach, Spec, Value};

use crate::Lends;

const TIME: &str = "lease_time";
const MAX_DELIVERIES: &str = "max_deliveries";
const DEAD_LETTER: &str = "dead_letter";
const NAMES: [&str; 3] = [TIME, MAX_DELIVERIES, DEAD_LETTER];

/// The usual time limit of queues with leases: Amazon SQS (visibility timeout) and NATS JetStream (`AckWait`) have it too.
const USUAL_TIME: Duration = Duration::from_secs(30);

/// Parameters of a [`LeaseQueue`](crate::LeaseQueue) around a queue of the type `S`: those of `S`, and the terms.
///
/// Items must be `Wire`, because a lease that can run out copies its item through a codec. For other items, and for
/// cheaper copies, make the queue with [`LeaseQueue::new`](crate::LeaseQueue::new); `adopt` names one of `Wire` items.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseSpec<S> {
    /// The queue inside.
    pub inner: S,
    /// How long a lease lasts; zero for as long as it takes. Parameter `lease_time`, in seconds.
    pub time: Duration,
    /// How often an item is handed out at most; 0 for no limit. Parameter `max_deliveries`.
    pub max_deliveries: u32,
    /// The id of the queue, of the type and parameters inside, that takes what was handed out that often. Without one
    /// such items are dropped and counted. Parameter `dead_letter`.
    pub dead_letter: Option<QueueId>,
}

impl<S: Lends> LeaseSpec<S> {
    /// Leases of 30 seconds, as many deliveries as it takes.
    #[must_use]
    pub const fn new(inner: S) -> Self {
        Self {
            inner,
            time: USUAL_TIME,
            max_deliveries: 0,
            dead_letter: None,
        }
    }

    /// Leases that last so long; zero for as long as it takes.
    #[must_use]
    pub const fn time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// So many deliveries at most; 0 for no limit.
    #[must_use]
    pub const fn max_deliveries(mut self, deliveries: u32) -> Self {
        self.max_deliveries = deliveries;
        self
    }

    /// The queue for what was handed out so often.
    ///
    /// # Errors
    /// `InvalidDescriptor` when this is not a queue id.
    pub fn dead_letter(mut self, id: &str) -> Result<Self, Error> {
        self.dead_letter = Some(QueueId::new(id)?);
        Ok(self)
    }
}

impl<S: Lends> Spec for LeaseSpec<S> {
    const KIND: &'static str = S::LEASE.name;
    const ALIASES: &'static [&'static str] = S::LEASE.aliases;
    const REACH: Reach = S::LEASE.reach;

    fn keys() -> &'static [KeySpec] {
        S::LEASE.keys
    }

    fn to_metadata(&self) -> Metadata {
        let mut metadata = self.inner.to_metadata();
        metadata.insert(TIME.into(), Value::Float(self.time.as_secs_f64()));
        metadata.insert(MAX_DELIVERIES.into(), Value::Int(self.max_deliveries.into()));
        if let Some(id) = &self.dead_letter {
            metadata.insert(DEAD_LETTER.into(), Value::Text(id.as_str().into()));
        }
        metadata
    }

    fn from_params(params: &Params) -> Result<Self, Error> {
        let mut inner = params.as_metadata().clone();
        inner.retain(|name, _| !NAMES.contains(&name.as_str()));
        let deliveries = params.int(MAX_DELIVERIES).unwrap_or(0);
        Ok(Self {
            inner: S::from_metadata(&inner)?,
            time: params.seconds(TIME).unwrap_or(USUAL_TIME),
            max_deliveries: u32::try_from(deliveries).unwrap_or(u32::MAX),
            dead_letter: params.text(DEAD_LETTER).map(QueueId::new).transpose()?,
        })
    }

    fn caps() -> Caps {
        let mut caps = S::caps();
        caps.lease = true;
        caps
    }
}
