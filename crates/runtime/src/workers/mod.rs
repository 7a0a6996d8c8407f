//! Jobs over several processes: this program, started again for each worker.
//!
//! The coordinator plans, and gives each worker its part over a line that ends with either of the two. A worker builds the
//! same graph, proves it by the fingerprint, and stands by. Then the coordinator opens every queue between processes, and
//! each worker opens its own and runs its instances like any job on threads; at the end it hands over its accounts. One that
//! is left alone takes the queues away. Workers of other hosts join it at a server of
//! queues (`meeting.rs`), and from then on there is no difference but the line.

mod broom;
mod coordinator;
mod course;
mod hired;
mod launch;
pub(crate) mod lost;
mod meeting;
mod message;
mod minder;
mod pulse;
mod team;
mod told;
mod worker;

pub(crate) use coordinator::prefix;
pub use crew::is_worker;
pub(crate) use launch::start;
pub use launch::{launch, run};
pub use meeting::join;
pub use pulse::{WorkerProgress, WorkerState};
pub(crate) use team::Team;
pub use told::Told;
