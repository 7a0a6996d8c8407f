//! A process of its own that uses queues in shared memory as it is told, a line of standard input each, and answers each
//! with one line. It ends with its input, and lets go of what it has open then.
#![forbid(unsafe_code)]

use std::io::{BufRead, Write};

use sage_comm::{DescriptorRecord, Error, GetError, PutError, Queue, QueueCore, ShmFolder, ShmQueue, ShmSpec, Spec};

fn main() -> std::io::Result<()> {
    let mut peer = Peer::default();
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = peer
            .obey(verb, rest)
            .unwrap_or_else(|error| format!("error {:?} {error}", error.kind()));
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

/// The queues that are open, the newest last.
#[derive(Default)]
struct Peer(Vec<ShmQueue<String>>);

impl Peer {
    fn obey(&mut self, verb: &str, rest: &str) -> Result<String, Error> {
        let queue = self.0.last();
        Ok(match (verb, queue) {
            ("open", _) => {
                let record = DescriptorRecord::from_uri(rest)?;
                let queue = ShmQueue::open(&record.queue_id, &ShmSpec::from_metadata(&record.metadata)?)?;
                let epoch = queue.epoch();
                self.0.push(queue);
                format!("epoch {epoch}")
            }
            ("put", Some(queue)) => match queue.try_put(rest.to_owned()) {
                Ok(()) => "put".to_owned(),
                Err(PutError::Failed(_, error)) => return Err(error),
                Err(error) => format!("refused {error}"),
            },
            ("get", Some(queue)) => match queue.try_get() {
                Ok(item) => format!("item {item}"),
                Err(GetError::Failed(error)) => return Err(error),
                Err(error) => format!("nothing {error}"),
            },
            ("depth", Some(queue)) => format!("depth {:?}", queue.depth()),
            ("leave", _) => {
                self.0.pop();
                format!("open {}", self.0.len())
            }
            ("ls", _) => files(ShmFolder::of_this_user().entries()?),
            ("clean", _) => files(ShmFolder::of_this_user().clean(false)?),
            _ => format!("unknown {verb}"),
        })
    }
}

/// Name, state, and kind of fault of each.
fn files(entries: Vec<sage_comm::ShmEntry>) -> String {
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| {
            let fault = entry.fault.as_ref().map(Error::kind);
            let fault = fault.map(|kind| format!(" {kind:?}")).unwrap_or_default();
            format!("{} {:?}{fault}", entry.file, entry.state)
        })
        .collect();
    format!("[{}]", lines.join(", "))
}
