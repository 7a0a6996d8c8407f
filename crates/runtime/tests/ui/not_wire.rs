use descriptor_core::{Backends, Registry, Wire};

struct Here;

impl Backends for Here {
    fn registry<T: Wire>(&self) -> Registry<T> {
        Registry::new().with::<queue_sage::SageSpec>()
    }
}

struct NotSerde;

fn main() {
    Here.registry::<NotSerde>();
}
