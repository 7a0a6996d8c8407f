//! The order of preference used where nobody says otherwise.

use super::{Choice, EdgeRequest, KindInfo, Refusal, Strategy};
use crate::{Codec, DescriptorRecord, Error, ErrorKind, Kind, Reach, Result, ServerAddress, kinds};

/// Bytes for what may travel beside an item: its key, its time, who sent it.
const BESIDE: usize = 4096;
/// What one byte can become at most where numbers have their full width.
const WIDEST: usize = 8;

/// The nearest kind first: a queue is never faster for being reachable from further away.
///
/// | reach | candidates |
/// |---|---|
/// | process | `sage_queue`, `local`; `local` first for unbounded edges, because the ring has a capacity |
/// | process, with leases | `lease+sage_queue`, `lease+local`; the other way round for unbounded edges |
/// | host | `shm`, `rpc` |
/// | network | `rpc`, `nats` |
/// | network, with a server that all ends reach | the type of the queues there, and no other |
///
/// Each candidate is refused with a reason when it is not available, excluded, of narrower reach than the edge, lacks
/// a needed ability, takes only smaller items, needs a capacity where none is given, or cannot be opened. A forced
/// kind is the only candidate, whether or not it is in the table. A narrower kind is never chosen.
///
/// Where items are known to be large and the kind has a parameter `max_item`, it is set to their size and 4 KiB more, for what
/// travels beside them.
///
/// Items in shared memory are written with codec `fixed`, because time is worth more there than bytes; unless they are known to
/// be so large that numbers at their full width might not fit.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultStrategy;

impl DefaultStrategy {
    fn order(request: &EdgeRequest) -> [&'static str; 2] {
        match (request.reach, bound(request), request.needs.lease) {
            (Reach::Process, None, false) => ["local", "sage_queue"],
            (Reach::Process, Some(_), false) => ["sage_queue", "local"],
            (Reach::Process, None, true) => ["lease+local", "lease+sage_queue"],
            (Reach::Process, Some(_), true) => ["lease+sage_queue", "lease+local"],
            (Reach::Host, ..) => ["shm", "rpc"],
            (Reach::Network, ..) => ["rpc", "nats"],
        }
    }
}

impl Strategy for DefaultStrategy {
    fn choose(
        &self,
        request: &EdgeRequest,
        kinds: &[KindInfo],
        try_open: &dyn Fn(&DescriptorRecord) -> Result<()>,
    ) -> Result<Choice> {
        let order = Self::order(request);
        let candidates = match (&request.forced, server(request)) {
            (Some(kind), _) => vec![kind.as_str()],
            // Of a server of another type nobody has said where it is.
            (None, Some(server)) => vec![server.kind()],
            (None, None) => order.to_vec(),
        };
        let mut refused = Vec::new();
        for kind in candidates {
            match consider(request, kind, kinds, try_open) {
                Ok(record) => {
                    return Ok(Choice {
                        record,
                        reason: reason(request, !refused.is_empty()),
                        refused,
                    });
                }
                Err(reason) => refused.push(Refusal {
                    kind: kind.to_owned(),
                    reason,
                }),
            }
        }
        Err(nothing_fits(request, &refused))
    }
}

/// The server, for an edge that needs one.
fn server(request: &EdgeRequest) -> Option<&ServerAddress> {
    request.server.as_ref().filter(|_| request.reach == Reach::Network)
}

/// The capacity; 0 means none, as in a record.
fn bound(request: &EdgeRequest) -> Option<usize> {
    request.capacity.filter(|items| *items > 0)
}

/// The record of this candidate, or why not.
fn consider(
    request: &EdgeRequest,
    kind: &str,
    kinds: &[KindInfo],
    try_open: &dyn Fn(&DescriptorRecord) -> Result<()>,
) -> Result<DescriptorRecord, String> {
    if request.excluded.iter().any(|excluded| excluded == kind) {
        return Err("excluded".into());
    }
    let Some(info) = kinds.iter().find(|info| info.kind == kind) else {
        return Err("not part of this program".into());
    };
    if info.reach < request.reach {
        return Err(format!("reaches {} only, the edge needs {}", info.reach, request.reach));
    }
    let missing: Vec<_> = info.caps.missing(request.needs).collect();
    if !missing.is_empty() {
        return Err(format!("lacks {}", missing.join(", ")));
    }
    let capacity = bound(request);
    match capacity {
        None if !info.unbounded => return Err("needs a capacity".into()),
        Some(_) if !info.caps.bounded => return Err("cannot keep to a capacity".into()),
        _ => {}
    }
    if let (Some(size), Some(max)) = (request.item_size_hint, info.max_item)
        && size > max
    {
        return Err(format!("takes items of at most {max} bytes, these have {size}"));
    }
    let maxsize = capacity
        .map_or(Ok(0), i64::try_from)
        .map_err(|_| "the capacity is out of range".to_owned())?;
    let id = request.queue_id.clone();
    let record = match server(request).filter(|server| server.kind() == kind) {
        Some(server) => server.record(id),
        None => DescriptorRecord::new(id, kind),
    };
    let mut record = record.with("maxsize", maxsize);
    let usual = Kind::find(kind).ok().and_then(Kind::usual_max_item);
    if let (Some(size), Some(usual)) = (request.item_size_hint, usual)
        && let Ok(needed) = i64::try_from(size.saturating_add(BESIDE))
        && needed > usual
    {
        record = record.with("max_item", needed);
    }
    let fits = |size: usize| usual.is_none_or(|usual| size.saturating_mul(WIDEST) <= usual as usize);
    if kind == kinds::SHM.name && request.item_size_hint.is_none_or(fits) {
        record = record.with("codec", Codec::Fixed.name());
    }
    record
        .check()
        .and_then(|()| try_open(&record))
        .map_err(|error| error.to_string())?;
    Ok(record)
}

fn reason(request: &EdgeRequest, fallback: bool) -> String {
    let rank = match (&request.forced, fallback) {
        (Some(_), _) => "as demanded",
        (None, false) => "the first choice",
        (None, true) => "the second choice",
    };
    match server(request) {
        Some(server) => format!("{rank} for reach {}, at {server}", request.reach),
        None => format!("{rank} for reach {}", request.reach),
    }
}

fn nothing_fits(request: &EdgeRequest, refused: &[Refusal]) -> Error {
    let wanted = match bound(request) {
        Some(capacity) => format!("capacity {capacity}"),
        None => "no capacity".to_owned(),
    };
    let reasons: Vec<_> = refused.iter().map(ToString::to_string).collect();
    Error::new(ErrorKind::Unsupported, "choose queue type")
        .queue(request.queue_id.as_str())
        .expected(format!(
            "a queue type for reach {}, {wanted}, abilities {}",
            request.reach, request.needs
        ))
        .found(reasons.join("; "))
        .remedy("relax a need, name another type, or build the missing type in")
}
