//! Each ready-made operator by itself, with a real context over a real queue.

mod keyed;
mod rig;
mod sinks;
mod sources;
mod stateless;
mod window_join;
mod windows;
