use descriptor_core::{Backends, Registry, Wire};
use runtime::{Flow, ops};
use serde::{Deserialize, Serialize};

#[derive(Clone)]
struct Here;

impl Backends for Here {
    fn registry<T: Wire>(&self) -> Registry<T> {
        Registry::new().with::<queue_sage::SageSpec>()
    }
}

#[derive(Serialize, Deserialize)]
struct NotClone;

fn main() {
    let flow = Flow::new("job", Here);
    flow.source("numbers", 1, |_| ops::IterSource::new(0..9_u8)).map("hide", |_| NotClone);
}
