//! Which services a job has, and who calls them.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use descriptor_core::{DescriptorRecord, Error, ErrorKind, Wait, Wire, nearest};
use service::{Desk, Mailbox, ServiceClient};

use super::ServiceHandle;

/// One service, as callers see it.
struct Entry {
    /// A `Desk<Req>`.
    desk: Box<dyn Any + Send + Sync>,
    request: &'static str,
    answer: (TypeId, &'static str),
}

/// The services of a job by their names.
#[derive(Default)]
pub struct Directory {
    entries: BTreeMap<String, Entry>,
}

impl Directory {
    /// Adds one that answers `Req` with `Resp`.
    pub fn insert<Req: Wire, Resp: Wire>(&mut self, desk: &Desk<Req>) {
        self.entries.insert(
            desk.name().to_owned(),
            Entry {
                desk: Box::new(desk.clone()),
                request: std::any::type_name::<Req>(),
                answer: (TypeId::of::<Resp>(), std::any::type_name::<Resp>()),
            },
        );
    }

    fn find<Req: Wire, Resp: Wire>(&self, name: &str) -> Result<&Desk<Req>, Error> {
        let about = |kind| Error::new(kind, "call service").with("service", name);
        let Some(entry) = self.entries.get(name) else {
            let known: Vec<&str> = self.entries.keys().map(String::as_str).collect();
            let error = match known.as_slice() {
                [] => about(ErrorKind::NotFound).found("a job without services"),
                names => about(ErrorKind::NotFound).expected(format!("one of {}", names.join(", "))),
            };
            return Err(match nearest(name, known.iter().copied()) {
                Some(near) => error.remedy(format!("did you mean `{near}`?")),
                None => error.remedy("add it to the flow with `Flow::service`"),
            });
        };
        let desk = entry.desk.downcast_ref::<Desk<Req>>();
        match desk.filter(|_| entry.answer.0 == TypeId::of::<Resp>()) {
            Some(desk) => Ok(desk),
            None => Err(about(ErrorKind::TypeMismatch)
                .expected(format!("`{}` for `{}`", entry.answer.1, entry.request))
                .found(format!(
                    "`{}` for `{}`",
                    std::any::type_name::<Resp>(),
                    std::any::type_name::<Req>()
                ))
                .remedy("call it with the handle that `Flow::service` gave")),
        }
    }
}

/// One who calls services: an instance of an operator, or a worker of a service.
#[derive(Clone)]
pub struct Caller {
    directory: Arc<Directory>,
    mailbox: Option<(Mailbox, DescriptorRecord)>,
    // The clients it has used, by service.
    clients: Arc<Mutex<HashMap<String, Box<dyn Any + Send>>>>,
}

impl Caller {
    /// Who calls these services, and where the answers arrive, with its descriptor: without that it can call none.
    #[must_use]
    pub fn new(directory: Arc<Directory>, mailbox: Option<(Mailbox, DescriptorRecord)>) -> Self {
        Self {
            directory,
            mailbox,
            clients: Arc::default(),
        }
    }

    /// Where the answers arrive.
    #[must_use]
    pub fn response(&self) -> Option<&DescriptorRecord> {
        self.mailbox.as_ref().map(|(_, record)| record)
    }

    /// A client of one of them.
    ///
    /// # Errors
    /// `NotFound` and `TypeMismatch` for a name without a service like that.
    pub fn client<Req: Wire, Resp: Wire>(
        &self,
        service: &ServiceHandle<Req, Resp>,
    ) -> Result<ServiceClient<Req, Resp>, Error> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(service.name()).and_then(|known| known.downcast_ref()) {
            return Ok(ServiceClient::clone(known));
        }
        let desk = self.directory.find::<Req, Resp>(service.name())?;
        let Some((mailbox, _)) = &self.mailbox else {
            return Err(Error::new(ErrorKind::InvalidGraph, "call service")
                .with("service", service.name())
                .expected("a response queue in the plan")
                .remedy("rebuild the plan"));
        };
        let client = ServiceClient::<Req, Resp>::new(desk, mailbox);
        clients.insert(service.name().to_owned(), Box::new(client.clone()));
        Ok(client)
    }

    /// Calls one of them and waits for the answer.
    ///
    /// # Errors
    /// As [`client`](Self::client) and [`ServiceClient::call`].
    pub fn call<Req: Wire, Resp: Wire>(
        &self,
        service: &ServiceHandle<Req, Resp>,
        request: Req,
        wait: Wait,
    ) -> Result<Resp, Error> {
        self.client(service)?.call(request, wait)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("services", &self.directory.entries.keys())
            .field("mailbox", &self.mailbox)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}
