//! Calls from end to end, over real queues and threads.

mod asynchronous;
mod calls;
mod ends;
mod far;
mod nested;
mod parts;
mod rig;
