use sage_comm::{Builtin, Flow, ops};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct NotClone;

fn main() {
    let flow = Flow::new("job", Builtin);
    flow.source("numbers", 1, |_| ops::IterSource::new(0..9_u8)).map("hide", |_| NotClone);
}
