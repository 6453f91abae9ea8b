//! `modelscand quarantine list|show` for people.

use std::io::{self, Write};

use comfy_table::Cell;

use super::{moment, name_of, size, table};
use crate::render::advice;
use crate::render::path::text_of;
use crate::render::style::{self, STRONG};
use crate::store::{Hold, HoldKind, HoldState};

/// Prints what is or was out of reach, a line each.
///
/// # Errors
/// When `to` cannot be written.
pub fn list(to: &mut dyn Write, holds: &[Hold]) -> io::Result<()> {
    if holds.is_empty() {
        return writeln!(to, "Nothing is in quarantine or under lock.");
    }
    let mut rows = table::new(&["ID", "Since", "State", "Verdict", "File", "Found"]);
    for hold in holds {
        rows.add_row([
            Cell::new(hold.id),
            Cell::new(moment(hold.since)),
            Cell::new(state(hold)),
            table::verdict(hold.verdict),
            Cell::new(name_of(&hold.origin, &hold.path)),
            Cell::new(hold.rules_found.join(", ")),
        ]);
    }
    table::write(to, &rows)
}

/// Prints everything of one.
///
/// # Errors
/// When `to` cannot be written.
pub fn show(to: &mut dyn Write, hold: &Hold) -> io::Result<()> {
    let style = style::of_verdict(hold.verdict);
    let verdict = super::words_of(hold.verdict);
    writeln!(to, "{STRONG}{} {}{STRONG:#}: {}, {style}{verdict}{style:#}", kind(hold.kind), hold.id, state(hold))?;
    let mut fact =
        |name: &str, value: &str| if value.is_empty() { Ok(()) } else { writeln!(to, "  {name:<9} {value}") };
    fact("from", &text_of(&hold.path))?;
    for name in &hold.names {
        fact("also", &text_of(&name.path))?;
    }
    fact("size", &size(hold.identity.size))?;
    fact(
        "mode",
        &format!("{:04o}, owner {}, group {}", hold.attributes.mode, hold.attributes.uid, hold.attributes.gid),
    )?;
    fact("sha256", &hold.sha256.map_or_else(String::new, |hash| hash.to_string()))?;
    fact("found", &hold.rules_found.join(", "))?;
    fact("since", &moment(hold.since))?;
    fact("ended", &hold.ended_at.map_or_else(String::new, moment))?;
    fact("to", &hold.restored_to.as_deref().map_or_else(String::new, text_of))?;
    fact("note", &hold.note.as_deref().map_or_else(String::new, text_of))?;
    fact("remark", &hold.remark)?;
    fact("scan", &format!("modelscand show {}", hold.scan))?;
    super::advice(to, &advice::held(hold))
}

fn kind(kind: HoldKind) -> &'static str {
    match kind {
        HoldKind::Quarantine => "quarantine",
        HoldKind::Lock => "lock",
    }
}

fn state(hold: &Hold) -> &'static str {
    match (hold.state, hold.kind) {
        (HoldState::Held, HoldKind::Quarantine) => "quarantined",
        (HoldState::Held, HoldKind::Lock) => "locked",
        (HoldState::Taking, _) => "being taken",
        (HoldState::Restoring, _) => "being restored",
        (HoldState::Restored, _) => "restored",
        (HoldState::Deleting, _) => "being deleted",
        (HoldState::Deleted, _) => "deleted",
        (HoldState::Failed, _) => "not taken",
    }
}
