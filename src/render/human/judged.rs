//! `modelscand policy test` for people.

use std::io::{self, Write};

use crate::config::Decision;
use crate::render::judged::{Judged, Line};
use crate::render::path::text_of;
use crate::render::style::{self, FAINT, STRONG};

/// Judgements beyond this many of one file are only counted; `--json` has them all.
const MAX_SHOWN: usize = 20;

/// Prints what would be done about files.
///
/// # Errors
/// When `to` cannot be written.
pub fn files(to: &mut dyn Write, all: &[Judged], dry_run: bool) -> io::Result<()> {
    all.iter().try_for_each(|judged| file(to, judged))?;
    if dry_run && all.iter().any(|judged| judged.decision >= Decision::Lock) {
        writeln!(to, "policy.dry_run is on: the daemon would only say so.")?;
    }
    Ok(())
}

fn file(to: &mut dyn Write, judged: &Judged) -> io::Result<()> {
    let style = style::of_verdict(judged.verdict);
    let verdict = super::words_of(judged.verdict);
    writeln!(to, "{STRONG}{}{STRONG:#}: {style}{verdict}{style:#}", text_of(&judged.path))?;
    writeln!(to, "  {:<11} {STRONG}{}{STRONG:#}", "decision", name(judged.decision))?;
    writeln!(to, "  {:<11} {}", "decided by", judged.because.decided_by)?;
    writeln!(to, "  {:<11} {}", "because of", words(&judged.because))?;
    writeln!(to, "  {:<11} {}", "cache", judged.origin.cache.as_str())?;
    let others: Vec<_> = judged.lines.iter().filter(|line| **line != judged.because).collect();
    for line in others.iter().take(MAX_SHOWN) {
        let decision = name(line.decision);
        writeln!(to, "  {FAINT}besides: {decision} for {} ({}){FAINT:#}", words(line), line.decided_by)?;
    }
    match others.len().saturating_sub(MAX_SHOWN) as u64 {
        0 => Ok(()),
        more => writeln!(to, "  {FAINT}and {}{FAINT:#}", super::count(more, "more finding")),
    }
}

fn words(line: &Line) -> String {
    match line.about.as_str() {
        "file" => "the file as a whole".to_owned(),
        "unscannable" => "what could not be read".to_owned(),
        rule => format!("{rule}  {}", line.evidence).trim_end().to_owned(),
    }
}

fn name(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Alert => "alert",
        Decision::Lock => "lock",
        Decision::Quarantine => "quarantine",
    }
}
