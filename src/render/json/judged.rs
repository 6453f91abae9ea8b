//! `modelscand policy test --json`.

use std::io::{self, Write};

use serde::Serialize;

use super::document;
use crate::caches::Origin;
use crate::config::Decision;
use crate::render::judged::{Judged, Line};
use crate::render::path::{hex_of, text_of};
use crate::report::Verdict;

#[derive(Serialize)]
struct File<'a> {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    origin: &'a Origin,
    verdict: Verdict,
    decision: Decision,
    decided_by: &'a str,
    because: &'a Line,
    judged: &'a [Line],
}

/// Prints what would be done about files.
///
/// # Errors
/// When `to` cannot be written.
pub fn files(to: &mut dyn Write, all: &[Judged], dry_run: bool) -> io::Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        dry_run: bool,
        files: Vec<File<'a>>,
    }
    let files = all.iter().map(|judged| File {
        path: text_of(&judged.path),
        path_hex: hex_of(&judged.path),
        origin: &judged.origin,
        verdict: judged.verdict,
        decision: judged.decision,
        decided_by: &judged.because.decided_by,
        because: &judged.because,
        judged: &judged.lines,
    });
    document(to, &Body { dry_run, files: files.collect() })
}
