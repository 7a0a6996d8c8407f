//! A process of its own that names queues and prints their descriptors: for each type a line of JSON, a URI, and the
//! binary form in hexadecimal digits. It opens each queue and puts an item in, so that there is something to miss.
//! With an id as its argument it does so for a queue in shared memory of that id, stays until its input ends, and prints
//! the item it gets then.
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::io::Write as _;

use sage_comm::{Descriptor, Error, ErrorKind, GetError, LocalSpec, Open, SageSpec, ShmSpec};

fn main() -> Result<(), Error> {
    let mut lines = String::new();
    let Some(id) = std::env::args().nth(1) else {
        put(&mut lines, "of/another/process", LocalSpec::bounded(100))?;
        put(&mut lines, "of/another/process", SageSpec::bounded(100))?;
        return print(&lines);
    };
    let descriptor = put(&mut lines, &id, ShmSpec::bounded(100))?;
    print(&lines)?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).map_err(io)?;
    match descriptor.try_get::<String>() {
        Ok(item) => print(&format!("{item}\n")),
        Err(GetError::Failed(error)) => Err(error),
        Err(_) => print("nothing\n"),
    }
}

fn print(text: &str) -> Result<(), Error> {
    std::io::stdout().write_all(text.as_bytes()).map_err(io)
}

fn io(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "print descriptors").caused_by(error)
}

fn put<S: Open<String>>(lines: &mut String, id: &str, spec: S) -> Result<Descriptor<S>, Error> {
    let descriptor = Descriptor::new(id, spec)?;
    let bytes = descriptor.to_bytes()?.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let _ = writeln!(lines, "{}\n{}\n{bytes}", descriptor.to_json()?, descriptor.to_uri()?);
    descriptor.put("an item of this process".to_owned())?;
    Ok(descriptor)
}
