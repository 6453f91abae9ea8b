//! `modelscand doctor` for people.

use std::io::{self, Write};

use super::count;
use crate::render::checks::Check;
use crate::render::style::{BAD, GOOD, STRONG};

/// Prints checks in their groups, and what to do about those that do not hold.
///
/// # Errors
/// When `to` cannot be written.
pub fn doctor(to: &mut dyn Write, checks: &[Check]) -> io::Result<()> {
    let mut group = "";
    for check in checks {
        if check.group != group {
            group = check.group;
            writeln!(to, "{STRONG}{group}{STRONG:#}")?;
        }
        one(to, check)?;
    }
    match checks.iter().filter(|check| !check.holds).count() {
        0 => writeln!(to, "Everything is as it should be."),
        bad => writeln!(to, "{} not as it should be.", count(bad as u64, "thing")),
    }
}

fn one(to: &mut dyn Write, check: &Check) -> io::Result<()> {
    let (style, mark) = if check.holds { (GOOD, "ok") } else { (BAD, "no") };
    writeln!(to, "  {style}{mark}{style:#}  {:<20} {}", check.name, check.detail)?;
    match &check.what_to_do {
        Some(what) => writeln!(to, "      {STRONG}→{STRONG:#} {what}"),
        None => Ok(()),
    }
}
