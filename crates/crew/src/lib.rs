//! Worker processes of one program: the same program, started again and held by a line.
//!
//! On one host the line is a pair of connected sockets. The worker has its end as standard input, so it needs no name that others
//! could find, and whoever ends, in whatever way, ends the line: the other side hears of it at once. Over it go
//! messages, a line of JSON each, in order.
//!
//! A worker is in a process group of its own, so that an interrupt of the terminal reaches the one who started it and
//! nobody else. It knows what it is by the variable `SAGE_WORKER`, which names its number and its parent, so that
//! children of its own are not taken for workers. What it writes to standard output and error comes out of the process that
//! started it, line by line with its number in front.
//!
//! Workers of other hosts are started by hand and meet whoever needs them in a [`Hall`] at a server of queues. There the line is a
//! queue for each direction, and no death is seen: so both sides say once a second that they live, and who is silent for too
//! long counts as lost.
//!
//! ```no_run
//! use crew::{Heard, Member, Output, Seat};
//!
//! if let Some(mut seat) = Seat::take()? {
//!     // In the worker.
//!     while let Heard::Message(number) = seat.listener.hear::<u64>(None)? {
//!         seat.speaker.say(&(number * number))?;
//!     }
//!     return Ok(());
//! }
//! let (member, mut listener) = Member::start(0, Output::Collected)?;
//! member.say(&7_u64)?;
//! assert!(matches!(listener.hear::<u64>(None)?, Heard::Message(49)));
//! # Ok::<(), descriptor_core::Error>(())
//! ```
#![forbid(unsafe_code)]
#![cfg(unix)]

mod crew;
mod fate;
mod hall;
mod line;
mod member;
mod output;
mod queues;
mod seat;

pub use crew::{Crew, Standing};
pub use fate::Fate;
pub use hall::{Desk, Hall, Place, Roll};
pub use line::{Heard, Listener, MAX_MESSAGE, Speaker};
pub use member::Member;
pub use output::{MAX_LINE, Output};
pub use seat::{JOIN, Seat, is_told, is_worker, parent_lives};
