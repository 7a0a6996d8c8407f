//! `sage delete`: a queue and what is inside.

use std::process::ExitCode;

use sage_comm::ErrorKind;
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
        Host::Server(admin) => {
            let found = place.look()?.numbers();
            match admin.delete(&place.id) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Err(place.missing()),
                deleted => deleted?,
            }
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
