use std::rc::Rc;

use sage_comm::{Descriptor, LocalSpec};

fn main() -> sage_comm::Result<()> {
    let jobs = Descriptor::new("jobs", LocalSpec::bounded(1))?;
    jobs.queue::<Rc<u8>>().map(drop)
}
