//! A plan as a document: JSON for people, postcard for machines.

use descriptor_core::{Codec, DescriptorRecord, Error, ErrorKind, Reach, Refusal, Scope};
use serde::{Deserialize, Serialize};

use crate::fingerprint::digest;
use crate::layout::{Layout, Slot};
use crate::limits::MAX_DOCUMENT;
use crate::{Deployment, ExecutionGraph, Plan, PlannedQueue, Preflight};

/// The first bytes of the binary form.
const MAGIC: [u8; 8] = *b"sageplan";
const READ: &str = "read plan";

/// What cannot be worked out again: the graph, the deployment and the choices. Instances, groups and expected stops
/// follow from these, so a document cannot contradict itself about them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    fingerprint: String,
    deployment: Deployment,
    graph: ExecutionGraph,
    queues: Vec<ChosenQueue>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChosenQueue {
    reach: Reach,
    record: DescriptorRecord,
    reason: String,
    refused: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonDocument {
    version: u32,
    checksum: String,
    plan: Body,
}

/// Read first, so that a document of the future is told from a broken one.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Plan {
    /// The version of the documents this library writes.
    pub const VERSION: u32 = 1;

    /// The plan as JSON, with its version and a checksum.
    ///
    /// # Errors
    /// `TooLarge` when it takes more than 64 MiB.
    pub fn to_json(&self) -> Result<String, Error> {
        let plan = Body::of(self);
        let document = JsonDocument {
            version: Self::VERSION,
            checksum: format!("{:016x}", digest(&plan)),
            plan,
        };
        let json = serde_json::to_string_pretty(&document).map_err(|error| {
            Error::new(ErrorKind::NotSerializable, "write plan")
                .found(error.to_string())
                .remedy("use finite numbers in the parameters of queues")
        })?;
        fits("write plan", json.len())?;
        Ok(json)
    }

    /// Reads a plan and checks it as if it were made anew.
    ///
    /// # Errors
    /// `TooLarge`, `Incompatible` (another version), `Corrupt` (not a plan, or changed since it was written) or
    /// `InvalidGraph`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        fits(READ, json.len())?;
        let found: Version = serde_json::from_str(json).map_err(|error| broken(error.to_string()))?;
        check_version(found.version)?;
        let document: JsonDocument = serde_json::from_str(json).map_err(|error| broken(error.to_string()))?;
        let sum = format!("{:016x}", digest(&document.plan));
        if document.checksum != sum {
            return Err(broken(format!(
                "checksum {sum} of the content, not the checksum it states"
            )));
        }
        document.plan.check()
    }

    /// The plan in binary form, with its version and a checksum.
    ///
    /// # Errors
    /// `TooLarge` when it takes more than 64 MiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        Codec::Postcard.encode(&Body::of(self), MAX_DOCUMENT, &mut body)?;
        let mut bytes = Vec::with_capacity(HEAD + body.len());
        bytes.extend(MAGIC);
        bytes.extend(Self::VERSION.to_le_bytes());
        bytes.extend(xxhash_rust::xxh3::xxh3_64(&body).to_le_bytes());
        bytes.extend(body);
        fits("write plan", bytes.len())?;
        Ok(bytes)
    }

    /// Reads the binary form and checks it as if it were made anew.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        fits(READ, bytes.len())?;
        let head = || broken(format!("{} bytes that do not start like one", bytes.len()));
        let rest = bytes.strip_prefix(&MAGIC).ok_or_else(head)?;
        let (version, rest) = rest.split_first_chunk().ok_or_else(head)?;
        check_version(u32::from_le_bytes(*version))?;
        let (sum, body) = rest.split_first_chunk().ok_or_else(head)?;
        if xxhash_rust::xxh3::xxh3_64(body) != u64::from_le_bytes(*sum) {
            return Err(broken("content that does not match its checksum"));
        }
        let body: Body = Codec::Postcard
            .decode(body, MAX_DOCUMENT)
            .map_err(|error| broken(error.to_string()))?;
        body.check()
    }
}

const HEAD: usize = MAGIC.len() + 4 + 8;

impl Body {
    fn of(plan: &Plan) -> Self {
        let queues = plan.queues.iter().map(|queue| ChosenQueue {
            reach: queue.reach,
            record: queue.record.clone(),
            reason: queue.reason.clone(),
            refused: queue
                .refused
                .iter()
                .map(|no| (no.kind.clone(), no.reason.clone()))
                .collect(),
        });
        Self {
            fingerprint: plan.fingerprint(),
            deployment: plan.deployment.clone(),
            graph: plan.graph.clone(),
            queues: queues.collect(),
        }
    }

    /// The plan, if everything in it belongs together.
    fn check(self) -> Result<Plan, Error> {
        let fingerprint = self.graph.fingerprint();
        if self.fingerprint != fingerprint {
            return Err(broken(format!(
                "a graph of fingerprint {fingerprint}, not the one it states"
            )));
        }
        let preflight = Preflight::of(&self.graph, self.deployment.clone());
        if !preflight.is_ok() {
            let job_name = self.graph.job_name;
            return Err(crate::PreflightError { job_name, preflight }.into());
        }
        let layout = Layout::new(&self.graph, &self.deployment);
        let slots = layout.slots(&self.graph);
        if slots.len() != self.queues.len() {
            return Err(broken(format!(
                "{} queues where the graph has {}",
                self.queues.len(),
                slots.len()
            )));
        }
        let queues = slots.iter().zip(self.queues).map(|(slot, queue)| queue.fill(slot));
        let queues = queues.collect::<Result<_, _>>()?;
        Ok(Plan::assemble(
            self.graph,
            self.deployment,
            layout,
            queues,
            preflight.findings,
        ))
    }
}

impl ChosenQueue {
    /// The queue of this slot, if it is that.
    fn fill(self, slot: &Slot) -> Result<PlannedQueue, Error> {
        self.record.check()?;
        let found = self.record.queue_id.as_str();
        if found != slot.id {
            return Err(broken(format!("queue {found} in the place of {}", slot.id)));
        }
        let scoped = match self.record.scope {
            Scope::Unscoped => true,
            Scope::Worker(worker) => worker == slot.worker,
            Scope::Process(_) => false,
        };
        if self.reach != slot.reach || !scoped {
            return Err(broken(format!(
                "queue {found} with reach {} and scope {}, where it needs reach {} and belongs to worker {}",
                self.reach, self.record.scope, slot.reach, slot.worker
            )));
        }
        let refused = self.refused.into_iter().map(|(kind, reason)| Refusal { kind, reason });
        Ok(PlannedQueue {
            role: slot.role,
            reach: self.reach,
            record: self.record,
            reason: self.reason,
            refused: refused.collect(),
        })
    }
}

fn broken(found: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, READ)
        .expected("a plan as this library writes it")
        .found(found)
        .remedy("write it again from its graph")
}

fn check_version(found: u32) -> Result<(), Error> {
    if found == Plan::VERSION {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Incompatible, READ)
        .expected(format!("version {}", Plan::VERSION))
        .found(format!("version {found}"))
        .remedy("let writer and reader use the same version of this library"))
}

fn fits(operation: &'static str, bytes: usize) -> Result<(), Error> {
    if bytes <= MAX_DOCUMENT {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TooLarge, operation)
        .expected(format!("at most {MAX_DOCUMENT} bytes"))
        .found(format!("{bytes} bytes"))
        .remedy("split the job"))
}
