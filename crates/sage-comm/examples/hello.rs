//! An item goes through a queue that two descriptors name: the one made here, and its copy that went through JSON.
#![allow(clippy::print_stdout, reason = "printing is what this example is for")]

use sage_comm::{Descriptor, LocalSpec, QueueId, Result};

fn main() -> Result<()> {
    let here = Descriptor::new(QueueId::new("greetings")?, LocalSpec::bounded(8))?;
    let json = here.to_json()?;
    println!("descriptor  {json}");
    println!("as a URI    {}", here.to_uri()?);

    // What another part of the program would do with the text.
    let there = Descriptor::<LocalSpec>::from_json(&json)?;

    here.put("hello".to_owned())?;
    let item: String = there.get()?;
    println!("item        {item}");
    println!(
        "still one queue: {:?}, {} inside",
        there.queue_id().as_str(),
        there.depth().unwrap_or_default()
    );
    Ok(())
}
