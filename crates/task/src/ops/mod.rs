//! Ready-made operators, sources and sinks: what the stream builder's methods put into a job.
//!
//! Each is a small struct over closures, owned by one instance; give an operator a clone per instance. A closure may
//! keep state of its own (`FnMut`), but only keyed operators know where a key's state belongs.

/// Closures have nothing to show: the name of the type is all there is to say.
macro_rules! opaque_debug {
    ($name:ident<$($param:ident),+> $(where $($bound:tt)+)?) => {
        impl<$($param),+> std::fmt::Debug for $name<$($param),+> $(where $($bound)+)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

mod co_map;
mod collect;
mod commit_sink;
mod detached;
mod either;
mod filter;
mod flat_map;
mod fn_source;
mod fold;
mod for_each;
mod inspect;
mod iter_source;
mod key_by;
mod keyed;
mod map;
mod pace;
mod queue_sink;
mod queue_source;
mod reduce;
mod sliding_window;
mod sought;
mod timed_source;
mod window_join;

pub use co_map::CoMap;
pub use collect::{Collect, Collected};
pub use commit_sink::CommitSink;
pub use either::Either;
pub use filter::Filter;
pub use flat_map::FlatMap;
pub use fn_source::{FnSource, SeekSource};
pub use fold::Fold;
pub use for_each::{ForEach, TryForEach};
pub use inspect::Inspect;
pub use iter_source::IterSource;
pub use key_by::{KeyBy, TryKeyBy};
pub use keyed_state::{Aggregate, AggregateFn, WindowSpec};
pub use map::{Map, TryMap};
pub use queue_sink::QueueSink;
pub use queue_source::QueueSource;
pub use reduce::Reduce;
pub use sliding_window::SlidingWindow;
pub use timed_source::TimedSource;
pub use window_join::WindowJoin;
