//! Services of a job: what operators and other services can ask, and who answers.

mod asked;
mod code;
mod context;
mod open;
mod report;
mod stream;

pub use self::asked::Asked;
pub(crate) use self::code::{ServiceCode, in_parts, whole};
pub use self::context::ServiceContext;
pub(crate) use self::open::Services;
pub use self::report::ServiceReport;
