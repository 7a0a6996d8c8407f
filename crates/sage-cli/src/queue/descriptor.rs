//! From the text on the command line to a record, and from there to an open queue.

use std::fs::File;
use std::io::Read;

use bytes::Bytes;
use sage_comm::{Backends, Builtin, Caps, DescriptorRecord, DynQueue, Error, ErrorKind, Kind, Reach, Value};

use crate::failure::Failure;

/// A descriptor that is no such thing is wrong use of the command.
pub(crate) fn wrong(error: Error) -> Failure {
    Failure::usage(error)
}

/// Reads JSON, the form of one line, or a file with either or with the binary form.
pub(crate) fn read(text: &str) -> Result<DescriptorRecord, Failure> {
    match text.strip_prefix('@') {
        None => parse(text.trim()),
        Some(path) => {
            let bytes = load(path).map_err(|cause| {
                Failure::usage(format_args!("cannot read `{path}`: {cause}; check the name behind @"))
            })?;
            match std::str::from_utf8(&bytes) {
                Ok(text) if text.trim_start().starts_with('{') || text.contains("://") => parse(text.trim()),
                _ => DescriptorRecord::from_bytes(&bytes).map_err(wrong),
            }
        }
    }
}

/// What is larger than a record may be is read far enough to be refused.
fn load(path: &str) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(DescriptorRecord::MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse(text: &str) -> Result<DescriptorRecord, Failure> {
    if text.starts_with('{') {
        DescriptorRecord::from_json(text).map_err(wrong)
    } else {
        DescriptorRecord::from_uri(text).map_err(wrong)
    }
}

/// A queue whose items are lines.
pub(super) enum Lines {
    Text(DynQueue<String>),
    Raw(DynQueue<Bytes>),
}

/// A record whose queue outlives this process or is shared with others, checked, with every parameter.
pub(crate) fn reachable(record: &DescriptorRecord) -> Result<DescriptorRecord, Failure> {
    let canonical = Builtin.registry::<String>().check(record).map_err(wrong)?;
    let kind = Kind::find(&canonical.queue_type).map_err(wrong)?;
    if kind.reach > Reach::Process {
        return Ok(canonical);
    }
    Err(wrong(
        Error::new(ErrorKind::OutOfScope, "open")
            .queue(canonical.queue_id.as_str())
            .backend(kind.name)
            .expected("a queue that another process can reach")
            .found("one that lives in the process that makes it")
            .remedy("use type `shm` to share a queue on this host, or `rpc` to have it at a server"),
    ))
}

/// Whether the queue stays when nobody has it open.
pub(super) fn is_kept(canonical: &DescriptorRecord) -> bool {
    canonical.metadata.get("auto_cleanup") == Some(&Value::Bool(false))
}

/// Whether it is somebody else's to keep the queue and what is inside: that of a server, or of a manager that is no user of it.
pub(super) fn stays(canonical: &DescriptorRecord, caps: Caps) -> bool {
    let is_managed = canonical.queue_type.starts_with("ray_");
    is_managed && caps.survives_process
        || Kind::find(&canonical.queue_type).is_ok_and(|kind| kind.reach == Reach::Network)
}

impl Lines {
    /// Opens the queue. One that is there already says itself whether its items are text or bytes.
    pub(super) fn open(canonical: &DescriptorRecord, bytes: bool) -> Result<Self, Failure> {
        let text = || Builtin.registry::<String>().open(canonical).map(Self::Text);
        let raw = || Builtin.registry::<Bytes>().open(canonical).map(Self::Raw);
        let opened = if bytes { raw() } else { text() };
        match opened {
            Err(first) if first.kind() == ErrorKind::TypeMismatch => {
                let other = if bytes { text() } else { raw() };
                other.map_err(|_| Failure::new(format_args!("{first}; sage takes queues of String or Bytes")))
            }
            opened => Ok(opened?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "shm://letters?maxsize=100";

    #[test]
    fn all_forms_are_read() {
        let record = read(URI).unwrap();
        assert_eq!(read(&record.to_json()).unwrap(), record);
        assert_eq!(read(&format!(" {URI}\n")).unwrap(), record);
        let folder = std::env::temp_dir().join(format!("sage-descriptor-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let contents = [
            URI.as_bytes().to_vec(),
            record.to_json().into_bytes(),
            record.to_bytes().to_vec(),
        ];
        for (number, content) in contents.iter().enumerate() {
            let path = folder.join(number.to_string());
            std::fs::write(&path, content).unwrap();
            assert_eq!(read(&format!("@{}", path.display())).unwrap(), record);
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn queues_of_one_process_are_out_of_reach() {
        for uri in ["local://letters", "sage_queue://letters", "lease+local://letters"] {
            let message = reachable(&read(uri).unwrap()).unwrap_err().to_string();
            assert!(message.contains("use type `shm`"), "{message}");
        }
        let canonical = reachable(&read(URI).unwrap()).unwrap();
        assert!(!is_kept(&canonical));
        assert!(is_kept(
            &reachable(&read("shm://letters?auto_cleanup=false").unwrap()).unwrap()
        ));
    }
}
