//! Services of a job, as those see them who call.

mod directory;
mod handle;

pub use self::directory::{Caller, Directory};
pub use self::handle::ServiceHandle;
