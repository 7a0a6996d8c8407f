//! `sage delete`: a queue and what is inside.

use std::process::ExitCode;

use serde_json::json;

use super::args::DeleteArgs;
use super::place::{Found, Host, Place};
use crate::failure::Failure;
use crate::number::grouped;
use crate::output::Output;

pub(crate) fn delete(args: &DeleteArgs) -> Result<ExitCode, Failure> {
    let place = Place::of(&args.descriptor)?;
    // Looked at before; the server does not say what it removed.
    let inside = match &place.host {
        Host::Memory(folder) => {
            let removed = folder.remove(&place.id)?.ok_or_else(|| place.missing())?;
            Found::Segment(removed).numbers()
        }
        Host::Other(keeper) => {
            let found = place.look()?.numbers();
            keeper.delete(&place.id)?.ok_or_else(|| place.missing())?;
            found
        }
    }
    .map(|numbers| numbers.inside);
    let id = place.id.as_str();
    Output::stdout().print(|out| {
        if args.json {
            return writeln!(out, "{}", json!({ "queue_id": id, "removed": true, "inside": inside }));
        }
        match inside {
            Some(inside) => writeln!(out, "removed `{id}`: {} items inside", grouped(inside)),
            None => writeln!(out, "removed `{id}`, which could not be read"),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
