//! A call as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use descriptor_core::wait::Waiter;
use descriptor_core::{Error, Wire};

use crate::client::{Opened, ServiceClient};
use crate::desk::Inside;
use crate::message::{Flag, Message};

/// A call on its way, from [`ServiceClient::call_async`].
#[must_use = "nothing is sent until it is awaited"]
pub struct CallAsync<Req: Wire, Resp: Wire> {
    client: ServiceClient<Req, Resp>,
    state: State<Req>,
    flag: Flag,
}

enum State<Req: Wire> {
    /// It could not even be numbered.
    Refused(Option<Error>),
    /// Waits for room in the request queue.
    Sending {
        call: u64,
        message: Option<Message<Req>>,
        waiter: Waiter,
        inside: Inside<Req>,
    },
    Sent {
        call: u64,
        _inside: Inside<Req>,
    },
    Done,
}

impl<Req: Wire, Resp: Wire> CallAsync<Req, Resp> {
    pub(crate) fn new(client: ServiceClient<Req, Resp>, opened: Result<Opened<Req>, Error>, flag: Flag) -> Self {
        let state = match opened {
            Err(error) => State::Refused(Some(error)),
            Ok(opened) => State::Sending {
                call: opened.call,
                message: Some(opened.message),
                waiter: Waiter::new(),
                inside: opened.inside,
            },
        };
        Self { client, state, flag }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Resp, Error>> {
        let client = &self.client;
        loop {
            match &mut self.state {
                State::Done => return Poll::Pending,
                State::Refused(error) => {
                    return match error.take() {
                        Some(error) => Poll::Ready(Err(error)),
                        None => Poll::Pending,
                    };
                }
                State::Sending {
                    call,
                    message,
                    waiter,
                    inside,
                } => {
                    let requests = &client.desk.inner.requests;
                    match requests.poll_put(cx, message, waiter) {
                        Poll::Ready(Ok(())) => {
                            let (call, inside) = (*call, std::mem::replace(inside, Inside::none()));
                            self.state = State::Sent { call, _inside: inside };
                        }
                        Poll::Ready(Err(refusal)) => {
                            client.mailbox.end(*call);
                            let refused = client.refused(refusal);
                            self.state = State::Done;
                            return Poll::Ready(Err(refused));
                        }
                        // Its time may be over before there is room.
                        Poll::Pending => match client.mailbox.poll(*call, cx) {
                            Poll::Pending => return Poll::Pending,
                            Poll::Ready(over) => {
                                requests.cancel_put(waiter);
                                client.mailbox.end(*call);
                                let error = over.err().unwrap_or_else(|| client.timed_out());
                                self.state = State::Done;
                                return Poll::Ready(Err(error));
                            }
                        },
                    }
                }
                State::Sent { call, .. } => {
                    let call = *call;
                    let Poll::Ready(answer) = client.mailbox.poll(call, cx) else {
                        return Poll::Pending;
                    };
                    let done = match answer {
                        Ok(Some(reply)) if reply.is_last() => {
                            client.mailbox.end(call);
                            client.whole(reply)
                        }
                        Ok(Some(reply)) => {
                            client.give_up(call, &self.flag);
                            client.whole(reply)
                        }
                        Ok(None) => {
                            client.mailbox.end(call);
                            Err(client.timed_out())
                        }
                        Err(error) => {
                            client.mailbox.end(call);
                            Err(error.with("service", client.name()))
                        }
                    };
                    self.state = State::Done;
                    return Poll::Ready(done);
                }
            }
        }
    }
}

impl<Req: Wire, Resp: Wire> Future for CallAsync<Req, Resp> {
    type Output = Result<Resp, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().step(cx)
    }
}

// Nothing in here is pinned: the request is only ever moved out.
impl<Req: Wire, Resp: Wire> Unpin for CallAsync<Req, Resp> {}

impl<Req: Wire, Resp: Wire> Drop for CallAsync<Req, Resp> {
    fn drop(&mut self) {
        match &mut self.state {
            State::Sending { call, waiter, .. } => {
                self.client.desk.inner.requests.cancel_put(waiter);
                self.client.mailbox.end(*call);
            }
            State::Sent { call, .. } => self.client.give_up(*call, &self.flag),
            State::Refused(_) | State::Done => {}
        }
    }
}

impl<Req: Wire, Resp: Wire> fmt::Debug for CallAsync<Req, Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallAsync")
            .field("service", &self.client.name())
            .finish_non_exhaustive()
    }
}
