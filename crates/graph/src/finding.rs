//! What the preflight found, all at once.

use std::fmt;

use descriptor_core::{Error, ErrorKind};

use crate::{EdgeId, NodeId, ServiceId};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The job runs; something about it is probably not meant.
    Warning,
    /// The job is not started.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What is concerned. The names stand in the text of the finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The job as a whole.
    Job,
    /// One node.
    Node(NodeId),
    /// One edge.
    Edge(EdgeId),
    /// One service.
    Service(ServiceId),
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $word:literal,)*) => {
        /// Which rule a finding is about. The words are stable, for programs that read reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $word,)*
                }
            }
        }
    };
}

codes! {
    /// A name that cannot be part of a queue id.
    BadName = "bad-name",
    /// Two nodes of one name, or two services of one id.
    DuplicateName = "duplicate-name",
    /// An edge whose end is not in this graph.
    UnknownNode = "unknown-node",
    /// No source: nothing would ever flow.
    NoSource = "no-source",
    /// No sink: nobody takes the results.
    NoSink = "no-sink",
    /// The output of a node is read by nobody.
    UnreadOutput = "unread-output",
    /// No source leads to this node.
    Unreachable = "unreachable",
    /// An input port without an edge.
    MissingInput = "missing-input",
    /// An edge into a port the node does not have.
    UnknownPort = "unknown-port",
    /// More or fewer declared input types than the kind of node has ports.
    PortCount = "port-count",
    /// An edge that leaves a sink.
    SinkOutput = "sink-output",
    /// Nodes that feed each other in a circle.
    Cycle = "cycle",
    /// Parallelism 0 or too high.
    Parallelism = "parallelism",
    /// A capacity of 0 or too high.
    BufferSize = "buffer-size",
    /// The two ends of an edge have different item types.
    TypeMismatch = "type-mismatch",
    /// Two edges bring different item types to one port.
    PortTypes = "port-types",
    /// A hash edge whose packets carry no key.
    NotKeyed = "not-keyed",
    /// A node that works per key, with several instances, behind an edge that does not go by key.
    NeedsHash = "needs-hash",
    /// A load-aware edge whose packets carry a key.
    KeyedLoadAware = "keyed-load-aware",
    /// A forward edge between nodes of different parallelism.
    ForwardWidth = "forward-width",
    /// No queue type fits.
    NoQueue = "no-queue",
    /// The parameters of a queue are not valid.
    QueueParameters = "queue-parameters",
    /// Too many instances, connections or workers, or none.
    TooLarge = "too-large",
    /// A deployment without workers, or a node bound to a worker that does not exist.
    NoWorker = "no-worker",
    /// More workers than instances.
    IdleWorkers = "idle-workers",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing the preflight has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which rule it is about.
    pub code: Code,
    /// What is concerned.
    pub place: Place,
    /// One line: what is concerned, what was expected, what was found, what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] {}", self.severity, self.code, self.message)
    }
}

/// Everything the preflight has to say about a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// What was found, in a fixed order: by rule, then by place.
    pub findings: Vec<Finding>,
}

impl Preflight {
    /// True when nothing keeps the job from being started.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.errors().next().is_none()
    }

    /// The findings that keep the job from being started.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
    }

    /// The findings that do not.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Warning)
    }

    pub(crate) fn error(&mut self, code: Code, place: Place, message: String) {
        self.findings.push(Finding {
            severity: Severity::Error,
            code,
            place,
            message,
        });
    }

    pub(crate) fn warning(&mut self, code: Code, place: Place, message: String) {
        self.findings.push(Finding {
            severity: Severity::Warning,
            code,
            place,
            message,
        });
    }
}

/// One finding per line.
impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, finding) in self.findings.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}

/// A job that must not be started, with everything that is wrong about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightError {
    pub(crate) job_name: String,
    pub(crate) preflight: Preflight,
}

impl PreflightError {
    /// Everything that was found, warnings included.
    #[must_use]
    pub const fn preflight(&self) -> &Preflight {
        &self.preflight
    }

    /// The findings.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.preflight.findings
    }
}

/// A line that counts the errors, then one line per finding.
impl fmt::Display for PreflightError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.preflight.errors().count();
        let plural = if errors == 1 { "" } else { "s" };
        write!(
            f,
            "job `{}` cannot start: {errors} error{plural}",
            self.job_name.escape_debug()
        )?;
        for finding in &self.preflight.findings {
            write!(f, "\n  {finding}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PreflightError {}

impl From<PreflightError> for Error {
    /// `InvalidGraph`, with the findings as its cause.
    fn from(error: PreflightError) -> Self {
        Self::new(ErrorKind::InvalidGraph, "plan job").caused_by(error)
    }
}
