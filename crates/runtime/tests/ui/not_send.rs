use std::rc::Rc;

use descriptor_core::{Descriptor, Error};
use queue_local::LocalSpec;

fn main() -> Result<(), Error> {
    let jobs = Descriptor::new("jobs", LocalSpec::bounded(1))?;
    jobs.queue::<Rc<u8>>().map(drop)
}
