//! The clauses can be kept: the plainest queue keeps all of them.

use queue_testkit::ReferenceQueues;

queue_testkit::conformance!(in_process reference, ReferenceQueues);
queue_testkit::conformance!(reference_as_wire, ReferenceQueues);
