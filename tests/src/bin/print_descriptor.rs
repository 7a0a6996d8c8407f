//! A process of its own that names queues and prints their descriptors: for each type a line of JSON, a URI, and the
//! binary form in hexadecimal digits. It opens each queue and puts an item in, so that there is something to miss.
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::io::Write as _;

use sage_comm::{Descriptor, Error, ErrorKind, LocalSpec, Open, SageSpec};

fn main() -> Result<(), Error> {
    let mut lines = String::new();
    print(&mut lines, LocalSpec::bounded(100))?;
    print(&mut lines, SageSpec::bounded(100))?;
    std::io::stdout()
        .write_all(lines.as_bytes())
        .map_err(|error| Error::new(ErrorKind::Io, "print descriptors").caused_by(error))
}

fn print<S: Open<String>>(lines: &mut String, spec: S) -> Result<(), Error> {
    let descriptor = Descriptor::new("of/another/process", spec)?;
    let bytes = descriptor.to_bytes()?.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let _ = writeln!(lines, "{}\n{}\n{bytes}", descriptor.to_json()?, descriptor.to_uri()?);
    descriptor.put("an item of this process".to_owned())?;
    Ok(())
}
