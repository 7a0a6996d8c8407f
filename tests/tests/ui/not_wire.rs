use sage_comm::{Backends, Builtin};

struct NotSerde;

fn main() {
    Builtin.registry::<NotSerde>();
}
