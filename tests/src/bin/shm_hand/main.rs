//! A process of its own that does what a test asks with queues in shared memory (see `sage_tests::hand`). It opens them by
//! their records, works at each connection on a thread of its own, and ends with its input.
#![forbid(unsafe_code)]

mod opened;

use std::any::Any;
use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use queue_testkit::{ItemTypes, item_types};
use sage_comm::{DescriptorRecord, Error, QueueId, ShmSpec, Spec, TypeTag, Wire};
use sage_tests::hand::{Answer, Request, receive, send};

use crate::opened::{Opened, Queue, refusal};

fn main() -> std::io::Result<()> {
    let name = QueueId::generated("shm-hand").to_string();
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    writeln!(std::io::stdout(), "{name}")?;
    let hand = Arc::new(Hand::default());
    std::thread::spawn(move || {
        for line in listener.incoming().map_while(Result::ok) {
            let hand = Arc::clone(&hand);
            std::thread::spawn(move || hand.serve(line));
        }
    });
    // Whoever started this process ends it, by its own end if by nothing else.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// The open queues.
#[derive(Default)]
struct Hand(Mutex<HashMap<u64, Arc<dyn Opened>>>);

impl Hand {
    fn serve(&self, line: UnixStream) {
        let mut line = BufReader::new(line);
        while let Ok(request) = receive(&mut line) {
            let answer = catch_unwind(AssertUnwindSafe(|| self.obey(request)));
            let answer = answer.unwrap_or_else(|panic| Answer::Panicked(words(&*panic)));
            if send(line.get_mut(), &answer).is_err() {
                return;
            }
        }
    }

    fn obey(&self, request: Request) -> Answer {
        let queues = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match request {
            Request::Open { queue, tag, uri } => match open(&tag, &uri) {
                Ok(opened) => {
                    queues().insert(queue, opened);
                    Answer::Done
                }
                Err(error) => Answer::Refused(refusal(&error), Vec::new()),
            },
            Request::Leave(queue) => {
                let left = queues().remove(&queue);
                drop(left);
                Answer::Done
            }
            Request::Call(queue, verb) => {
                let called = queues().get(&queue).map(Arc::clone);
                match called {
                    Some(called) => called.obey(verb),
                    None => panic!("queue {queue} is not open"),
                }
            }
        }
    }
}

/// Opens the queue for the item type with that tag.
fn open(tag: &str, uri: &str) -> Result<Arc<dyn Opened>, Error> {
    struct Search<'a> {
        tag: &'a str,
        id: QueueId,
        spec: ShmSpec,
        opened: Option<Result<Arc<dyn Opened>, Error>>,
    }

    impl ItemTypes for Search<'_> {
        fn item<T: Wire>(&mut self) {
            if TypeTag::of::<T>().to_string() == self.tag {
                self.opened = Some(Queue::<T>::open(&self.id, &self.spec));
            }
        }
    }

    let record = DescriptorRecord::from_uri(uri)?;
    let mut search = Search {
        tag,
        spec: ShmSpec::from_metadata(&record.metadata)?,
        id: record.queue_id,
        opened: None,
    };
    item_types(&mut search);
    match search.opened {
        Some(opened) => opened,
        None => panic!("no item type here has the tag `{tag}`: `queue_testkit::item_types` lacks it"),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
