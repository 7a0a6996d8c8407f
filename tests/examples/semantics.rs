//! Holds every queue type that is compiled in to every clause of the contract and prints how each ended, one line each:
//! `KIND number claim name end reason`, separated by tabs. `end` is `held`, `skipped` or `failed`; the reason belongs to
//! the latter two.
//!
//! `cargo xtask semantics` makes `docs/semantics.md` of it. Exit code 1 when a clause failed.
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::LazyLock;
use std::thread;

use queue_testkit::{ChaosSpec, InProcess, Lending, Loan, Outcome, Subject, Suite, Twice};
use sage_comm::serve::{RunningServer, Server, Settings};
use sage_comm::{
    Backends, Builtin, Caps, Confirm, Descriptor, DynQueue, Item, Kind, LeaseQueue, LeaseSpec, Lends, LocalSpec,
    ManagerSettings, Metadata, Open, QueueId, QueueManager, RayActorSpec, RayQueueSpec, Result, RpcSpec, SageSpec,
    ShmSpec, Spec, Terms, Value, Wire,
};

/// One queue type, and what runs its clauses.
struct Column {
    kind: &'static str,
    run: fn() -> Vec<Row>,
}

struct Row {
    number: u8,
    claim: &'static str,
    name: &'static str,
    end: std::result::Result<Outcome, String>,
}

/// A column for each `wire` or `in_process` parameter type: the second carries items that cannot be serialized.
macro_rules! columns {
    ($($suite:ident $spec:ty;)*) => {
        vec![$({
            struct Type;

            impl Subject for Type {
                fn name(&self) -> &str {
                    <$spec>::KIND
                }
                fn caps(&self) -> Caps {
                    <$spec>::abilities()
                }
                fn effort(&self) -> f64 {
                    <$spec>::EFFORT
                }
                fn unbounded(&self) -> bool {
                    Kind::of::<$spec>().can_be_unbounded()
                }
                fn lending<T: Wire>(&self, capacity: usize, loan: Loan) -> Option<Result<Lending<T>>> {
                    <$spec>::lend(capacity, loan)
                }
                // Not through a descriptor: its name would keep what a clause leaves behind.
                fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>> {
                    parameters::<$spec>(capacity)?.open(&QueueId::generated(<$spec>::KIND))
                }
                fn twice<A: Wire, B: Wire>(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<A, B>> {
                    let id = QueueId::generated(<$spec>::KIND);
                    let named = |capacity| Descriptor::new(id.clone(), parameters::<$spec>(capacity)?);
                    let first = named(first).and_then(|it| it.queue::<A>());
                    Some((first, named(second).and_then(|it| it.queue::<B>())))
                }
            }

            columns!(@$suite $spec);
            Column {
                kind: <$spec>::KIND,
                run: || rows(&Suite::$suite(Type)),
            }
        }),*]
    };
    (@wire $spec:ty) => {};
    (@in_process $spec:ty) => {
        impl InProcess for Type {
            fn open_any<T: Item>(&self, capacity: Option<usize>) -> Result<DynQueue<T>> {
                parameters::<$spec>(capacity)?.open(&QueueId::generated(<$spec>::KIND))
            }
        }
    };
}

/// How the clauses get their queues.
trait Lender: Spec {
    /// See [`Subject::effort`].
    const EFFORT: f64 = 1.0;

    /// What its queues can do with the parameters that are used here.
    fn abilities() -> Caps {
        Self::caps()
    }

    /// Adds what a queue cannot do without.
    fn place(_metadata: &mut Metadata) {}

    fn lend<T: Wire>(_capacity: usize, _loan: Loan) -> Option<Result<Lending<T>>> {
        None
    }
}

impl Lender for SageSpec {}
impl Lender for LocalSpec {}

impl Lender for ShmSpec {
    fn lend<T: Wire>(capacity: usize, loan: Loan) -> Option<Result<Lending<T>>> {
        Some(lend_shared(capacity, loan))
    }
}

fn lend_shared<T: Wire>(capacity: usize, loan: Loan) -> Result<Lending<T>> {
    let mut spec = ShmSpec::bounded(capacity)
        .lease_time(loan.time)
        .max_deliveries(loan.max_deliveries);
    let mut dead_letters = None;
    if loan.dead_letters > 0 {
        let id = QueueId::generated(ShmSpec::KIND);
        spec = spec.dead_letter(format!("shm://{id}?maxsize={}", loan.dead_letters));
        dead_letters = Some(ShmSpec::bounded(loan.dead_letters).open(&id)?);
    }
    Ok(Lending {
        queue: spec.open(&QueueId::generated(ShmSpec::KIND))?,
        dead_letters,
    })
}

/// The server of the queues of type `rpc`. Puts are confirmed one by one: one that is only accepted into a window may be refused
/// later, which `crates/queue-rpc/tests/conformance.rs` holds to the clauses that remain.
static SERVER: LazyLock<RunningServer> = LazyLock::new(|| {
    let settings = Settings {
        bind: vec!["127.0.0.1:0".into()],
        ..Settings::default()
    };
    Server::start(settings).expect("a server on a free port")
});

impl Lender for RpcSpec {
    const EFFORT: f64 = 0.1;

    fn abilities() -> Caps {
        Self::default().confirm(Confirm::Each).caps_here()
    }

    fn place(metadata: &mut Metadata) {
        let address = SERVER.addresses().iter().find_map(|address| address.socket());
        let port = address.map_or(0, |address| address.port());
        metadata.insert("port".into(), Value::Int(port.into()));
        metadata.insert("host".into(), Value::Text("127.0.0.1".into()));
        metadata.insert("confirm".into(), Value::Text("each".into()));
    }

    fn lend<T: Wire>(capacity: usize, loan: Loan) -> Option<Result<Lending<T>>> {
        Some(lend_remote(capacity, loan))
    }
}

fn lend_remote<T: Wire>(capacity: usize, loan: Loan) -> Result<Lending<T>> {
    let mut spec = parameters::<RpcSpec>(Some(capacity))?
        .lease_time(loan.time)
        .max_deliveries(loan.max_deliveries);
    let mut dead_letters = None;
    if loan.dead_letters > 0 {
        let id = QueueId::generated(RpcSpec::KIND);
        dead_letters = Some(parameters::<RpcSpec>(Some(loan.dead_letters))?.open(&id)?);
        spec = spec.dead_letter(id.as_str());
    }
    Ok(Lending {
        queue: spec.open(&QueueId::generated(RpcSpec::KIND))?,
        dead_letters,
    })
}

/// The namespace of the managers of this process. Between processes the clauses hold too: `crates/queue-actor/tests/conformance.rs`.
static NAMESPACE: LazyLock<QueueId> = LazyLock::new(|| QueueId::generated("semantics"));

/// What is left of the managers goes with this.
struct Managers;

impl Drop for Managers {
    fn drop(&mut self) {
        let id = &*NAMESPACE;
        let spec = RayActorSpec::from_metadata(&Metadata::from([actor()]));
        let actor = spec.and_then(|spec| {
            let queue = spec.queue.namespace(id.as_str());
            RayActorSpec { queue, ..spec }.manager(id, ManagerSettings::default())
        });
        for manager in [QueueManager::in_namespace(id.as_str()), actor].into_iter().flatten() {
            while manager.folder().exists() {
                let _ = std::fs::remove_dir_all(manager.folder());
            }
        }
    }
}

/// One actor for all: there would be some thousands.
fn actor() -> (String, Value) {
    ("actor_name".into(), Value::Text("clauses".into()))
}

fn namespace() -> (String, Value) {
    ("namespace".into(), Value::Text(NAMESPACE.as_str().into()))
}

impl Lender for RayQueueSpec {
    const EFFORT: f64 = 0.1;

    fn place(metadata: &mut Metadata) {
        metadata.extend([namespace()]);
    }

    fn lend<T: Wire>(capacity: usize, loan: Loan) -> Option<Result<Lending<T>>> {
        Some(lend_managed(capacity, loan, |spec| spec))
    }
}

impl Lender for RayActorSpec {
    const EFFORT: f64 = 0.1;

    fn place(metadata: &mut Metadata) {
        metadata.extend([namespace(), actor()]);
    }

    fn lend<T: Wire>(capacity: usize, loan: Loan) -> Option<Result<Lending<T>>> {
        let named = |queue| Self {
            queue,
            actor_name: Some("clauses".into()),
        };
        Some(lend_managed(capacity, loan, named))
    }
}

fn lend_managed<T: Wire, S: Open<T>>(
    capacity: usize,
    loan: Loan,
    of: impl Fn(RayQueueSpec) -> S,
) -> Result<Lending<T>> {
    let usual = |capacity| parameters::<RayQueueSpec>(Some(capacity));
    let mut spec = usual(capacity)?
        .lease_time(loan.time)
        .max_deliveries(loan.max_deliveries);
    let mut dead_letters = None;
    if loan.dead_letters > 0 {
        let id = QueueId::generated(S::KIND);
        dead_letters = Some(of(usual(loan.dead_letters)?).open(&id)?);
        spec = spec.dead_letter(id.as_str())?;
    }
    Ok(Lending {
        queue: of(spec).open(&QueueId::generated(S::KIND))?,
        dead_letters,
    })
}

impl<S> Lender for ChaosSpec<S> where Self: Spec {}

impl<S: Lends + Lender> Lender for LeaseSpec<S>
where
    Self: Spec,
{
    fn lend<T: Wire>(capacity: usize, loan: Loan) -> Option<Result<Lending<T>>> {
        Some(lend::<S, T>(capacity, loan))
    }
}

fn lend<S: Lends + Lender, T: Wire>(capacity: usize, loan: Loan) -> Result<Lending<T>> {
    let make = |room: usize, terms: Terms<T>| -> Result<DynQueue<T>> {
        Ok(LeaseQueue::new(parameters::<S>(Some(room))?.build()?, terms))
    };
    let mut terms = Terms::new()
        .expiring_wire(loan.time)
        .max_deliveries(loan.max_deliveries);
    let mut dead_letters = None;
    if loan.dead_letters > 0 {
        let queue = make(loan.dead_letters, Terms::new())?;
        terms = terms.dead_letters(queue.clone());
        dead_letters = Some(queue);
    }
    Ok(Lending {
        queue: make(capacity, terms)?,
        dead_letters,
    })
}

/// The table from left to right. A further queue type is a line.
fn columns() -> Vec<Column> {
    columns! {
        in_process SageSpec;
        in_process LocalSpec;
        wire ShmSpec;
        wire RpcSpec;
        wire RayQueueSpec;
        wire RayActorSpec;
        wire LeaseSpec<SageSpec>;
        wire LeaseSpec<LocalSpec>;
        wire ChaosSpec<SageSpec>;
        wire ChaosSpec<LocalSpec>;
    }
}

/// As a record gives them; no capacity is written as 0.
fn parameters<S: Lender>(capacity: Option<usize>) -> Result<S> {
    let items = i64::try_from(capacity.unwrap_or(0)).unwrap_or(i64::MAX);
    let mut metadata = Metadata::new();
    metadata.insert("maxsize".into(), Value::Int(items));
    S::place(&mut metadata);
    S::from_metadata(&metadata)
}

fn rows(suite: &Suite) -> Vec<Row> {
    let clauses = suite.clauses().iter();
    clauses
        .map(|clause| Row {
            number: clause.number,
            claim: clause.claim,
            name: clause.name,
            end: catch_unwind(AssertUnwindSafe(|| suite.check(clause.name))).map_err(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                text.or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("a panic without a message")
                    .replace(['\t', '\n', '\r'], " ")
            }),
        })
        .collect()
}

fn main() -> ExitCode {
    let _managers = Managers;
    let columns = columns();
    let forgotten: Vec<&str> = Builtin
        .registry::<u64>()
        .types()
        .map(|kind| kind.name)
        .filter(|name| columns.iter().all(|column| column.kind != *name))
        .collect();
    if !forgotten.is_empty() {
        let names = forgotten.join(", ");
        let _ = writeln!(
            std::io::stderr(),
            "semantics: no column for {names}; add a line to `columns`"
        );
        return ExitCode::FAILURE;
    }
    // Clauses panic on purpose and catch it; what is not caught becomes a line of its own.
    set_hook(Box::new(|_| {}));
    let running: Vec<_> = columns
        .into_iter()
        .map(|column| (column.kind, thread::spawn(column.run)))
        .collect();
    let mut text = String::new();
    let mut failed = false;
    for (kind, rows) in running {
        let Ok(rows) = rows.join() else {
            let _ = writeln!(std::io::stderr(), "semantics: the run of {kind} broke off");
            return ExitCode::FAILURE;
        };
        for row in rows {
            let Row {
                number,
                claim,
                name,
                end,
            } = row;
            failed |= end.is_err();
            let (end, reason) = match &end {
                Ok(Outcome::Held) => ("held", ""),
                Ok(Outcome::Skipped(reason)) => ("skipped", *reason),
                Err(message) => ("failed", message.as_str()),
            };
            let _ = writeln!(text, "{kind}\t{number}\t{claim}\t{name}\t{end}\t{reason}");
        }
    }
    let written = std::io::stdout().write_all(text.as_bytes()).is_ok();
    if written && !failed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
