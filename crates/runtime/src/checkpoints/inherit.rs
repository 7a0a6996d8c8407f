//! Who goes on from what: each instance from what it was itself, or from its share of what others of its node had.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use checkpoint::{Piece, Restored, Saved, Shelf};
use descriptor_core::{Codec, Error, ErrorKind};
use graph::{ExecutionGraph, NodeId, Plan};
use router::{Key, KeyGroups};

/// As large as the graph of a plan may be.
const DOCUMENT_BYTES: usize = 64 << 20;

/// The shelf of a job with this graph.
pub(super) fn shelf(graph: &ExecutionGraph, folder: PathBuf, state_bytes: usize) -> Result<Shelf, Error> {
    let mut document = Vec::new();
    Codec::Json.encode(graph, DOCUMENT_BYTES, &mut document)?;
    let names = graph.instance_names().collect();
    let shelf = Shelf::new(folder, state_bytes, graph.job_name(), graph.fingerprint(), names);
    // JSON is UTF-8.
    Ok(shelf.with_document(String::from_utf8(document).unwrap_or_default()))
}

/// What the instances at these places, ascending, go on from: by place, of all instances.
///
/// # Errors
/// `Incompatible` when the checkpoint is of a graph that differs in more than the parallelism of nodes that packets find by
/// key, and what the shelf says.
pub(super) fn restored(
    shelf: &Shelf,
    plan: &Plan,
    number: u64,
    state_bytes: usize,
    places: &[usize],
) -> Result<Vec<Option<Restored>>, Error> {
    let wanted = |place| places.binary_search(&place).is_ok();
    let Some(document) = shelf.other_graph(number)? else {
        let states = shelf.read(number, wanted)?;
        return Ok(states.into_iter().map(|saved| saved.map(Restored::own)).collect());
    };
    let before: ExecutionGraph = Codec::Json.decode(document.as_bytes(), DOCUMENT_BYTES)?;
    let rescaled = plan.graph().rescaled_from(&before);
    let rescaled = rescaled.map_err(|error| error.with("folder", shelf.path().display().to_string()))?;
    let heirs = heirs(plan, &rescaled);
    let heirs = || places.iter().filter_map(|place| Some((*place, heirs.get(*place)?)));
    let needed: BTreeSet<usize> = heirs().flat_map(|(_, heir)| heir.sources()).collect();
    let shelf = self::shelf(&before, shelf.path().to_owned(), state_bytes)?;
    let old = shelf.read(number, |place| needed.contains(&place))?;
    let old: Vec<_> = old.into_iter().map(|saved| saved.map(Arc::new)).collect();
    let mut restored = Vec::new();
    restored.resize_with(plan.instances().len(), || None);
    for (place, heir) in heirs() {
        if let Some(to) = restored.get_mut(place) {
            *to = Some(heir.restored(&old)?);
        }
    }
    Ok(restored)
}

/// Where an instance finds its state among those of another graph.
enum Heir {
    /// It was there, at this place.
    Same(usize),
    /// It has a share of these.
    Share(Share),
}

struct Share {
    /// The places there, and whether what belongs to no key of theirs goes here.
    of: Vec<(usize, bool)>,
    groups: KeyGroups,
    index: u32,
    parallelism: u32,
}

/// By place, given the nodes whose parallelism is another one, with the one they had.
fn heirs(plan: &Plan, rescaled: &[(NodeId, u32)]) -> Vec<Heir> {
    let graph = plan.graph();
    let mut heirs = Vec::with_capacity(plan.instances().len());
    let mut first = 0;
    for (node, spec) in graph.node_ids() {
        let now = spec.parallelism;
        let before = rescaled.iter().find(|(rescaled, _)| *rescaled == node);
        let Some((_, before)) = before.copied() else {
            heirs.extend((first..).take(now as usize).map(Heir::Same));
            first += now as usize;
            continue;
        };
        let groups = graph.key_groups(node).unwrap_or_default();
        heirs.extend((0..now).map(|index| {
            let range = groups.range(index, now);
            let had = (0..before).map(|from| (first + from as usize, groups.range(from, before)));
            let had = had.filter(|(_, had)| had.start < range.end && range.start < had.end);
            Heir::Share(Share {
                of: had.map(|(place, had)| (place, range.contains(&had.start))).collect(),
                groups,
                index,
                parallelism: now,
            })
        }));
        first += before as usize;
    }
    heirs
}

impl Heir {
    /// The places of the states that it needs.
    fn sources(&self) -> Vec<usize> {
        match self {
            Self::Same(place) => vec![*place],
            Self::Share(share) => share.of.iter().map(|(place, _)| *place).collect(),
        }
    }

    fn restored(&self, old: &[Option<Arc<Saved>>]) -> Result<Restored, Error> {
        let at = |place: usize| old.get(place).and_then(Option::as_ref).ok_or_else(missing);
        match self {
            Self::Same(place) => Ok(Restored::own(Saved::clone(at(*place)?))),
            Self::Share(share) => {
                let of = share.of.iter().map(|(place, rest)| Ok((at(*place)?, *rest)));
                let of = of.collect::<Result<Vec<_>, Error>>()?;
                // Whoever finds its instance by key sends a stop to each of them, or a barrier.
                let over = of.iter().filter(|(saved, _)| saved.over).count();
                if over != 0 && over != of.len() {
                    return Err(missing());
                }
                let pieces = of.into_iter().map(|(state, rest)| Piece {
                    state: Arc::clone(state),
                    rest,
                });
                let Share {
                    groups,
                    index,
                    parallelism,
                    ..
                } = *share;
                let own = move |key: &Key| groups.instance_of(key, parallelism) == index;
                Ok(Restored::share(pieces.collect(), Box::new(own), over > 0))
            }
        }
    }
}

fn missing() -> Error {
    Error::new(ErrorKind::Corrupt, "restore state")
        .expected("the states of all instances at one moment")
        .found("others")
        .remedy("give the node the parallelism that it had, or remove the folder of this checkpoint")
}
