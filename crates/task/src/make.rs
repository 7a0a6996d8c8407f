//! Makes tasks of the four kinds.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use descriptor_core::{DynQueue, Error, ErrorKind};
use router::{Envelope, UpstreamId};

use crate::ahead::{AheadTask, AsyncOrder};
use crate::link::{ChainLink, Link};
use crate::operator_task::{OperatorTask, Remake};
use crate::source_task::SourceTask;
use crate::task::{Task, TaskParts, guarded};
use crate::{Data, OpError, Operator, Source};

/// An instance of a source.
///
/// # Errors
/// `UserCode` when `make` panics, `TypeMismatch` when an edge is of another type, and what a router refuses.
pub fn source<Out: Data, S: Source<Out>>(make: &Remake<S>, parts: TaskParts<'_>) -> Result<Box<dyn Task>, Error> {
    let source = guarded(&parts.instance, || make(&parts.instance))?;
    Ok(Box::new(SourceTask::new(source, Arc::clone(make), parts)?))
}

/// An instance of an operator that takes packets out of its own queue.
///
/// # Errors
/// As [`source`]; `InvalidGraph` without an input queue.
pub fn operator<In, Out, Op>(make: &Remake<Op>, parts: TaskParts<'_>) -> Result<Box<dyn Task>, Error>
where
    In: Data,
    Out: Data,
    Op: Operator<In, Out>,
{
    let operator = guarded(&parts.instance, || make(&parts.instance))?;
    let queue = input::<In>(&parts)?;
    let task = OperatorTask::<In, Out, Op>::new(operator, queue, Arc::clone(make), parts)?;
    Ok(Box::new(task))
}

/// An instance of an operator that the one before it calls, on the connection `from`: what `chained` of that one's
/// [`TaskParts`] takes.
///
/// # Errors
/// As [`source`].
pub fn called<In, Out, Op>(
    make: &Remake<Op>,
    from: UpstreamId,
    parts: TaskParts<'_>,
) -> Result<Box<dyn Any + Send>, Error>
where
    In: Data,
    Out: Data,
    Op: Operator<In, Out>,
{
    let operator = guarded(&parts.instance, || make(&parts.instance))?;
    let link: Box<dyn Link<In>> = Box::new(ChainLink::<In, Out, Op>::new(operator, from, parts)?);
    Ok(Box::new(link))
}

/// An instance whose function is asynchronous, with up to this many packets at once.
///
/// # Errors
/// As [`operator`].
pub fn ahead<In, Out, E, F, Fut>(
    make: &Remake<F>,
    most: (usize, AsyncOrder),
    parts: TaskParts<'_>,
) -> Result<Box<dyn Task>, Error>
where
    In: Data,
    Out: Data,
    E: Into<OpError> + 'static,
    F: Fn(In) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Out, E>> + Send + 'static,
{
    let queue = input::<In>(&parts)?;
    let task = AheadTask::<In, Out, F, Fut>::new(Arc::clone(make), most, queue, parts)?;
    Ok(Box::new(task))
}

fn input<In: Data>(parts: &TaskParts<'_>) -> Result<DynQueue<Envelope<In>>, Error> {
    match parts.input {
        Some(input) => input.queue(),
        None => Err(Error::new(ErrorKind::InvalidGraph, "make task")
            .with("instance", &parts.instance.name)
            .expected("an input queue")
            .found("none in the plan")
            .remedy("rebuild the plan")),
    }
}
