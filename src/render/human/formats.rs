//! `modelscand formats` and `modelscand explain` for people.

use std::io::{self, Write};

use crate::render::style::{self, FAINT, STRONG};
use crate::scan::formats::{ENGINE_RULES, FORMATS, RuleInfo};

/// Prints every format and its rules.
///
/// # Errors
/// When `to` cannot be written.
pub fn formats(to: &mut dyn Write) -> io::Result<()> {
    for format in FORMATS {
        writeln!(to, "{STRONG}{}{STRONG:#}  {}", format.name, format.title)?;
        writeln!(to, "  recognised by  {}", format.recognised_by)?;
        writeln!(to, "  looks for      {}", format.looks_for)?;
        rules(to, format.rules)?;
        writeln!(to)?;
    }
    writeln!(to, "{STRONG}any format{STRONG:#}")?;
    rules(to, ENGINE_RULES)
}

fn rules(to: &mut dyn Write, rules: &[RuleInfo]) -> io::Result<()> {
    for info in rules {
        let style = style::of_severity(info.severity);
        writeln!(to, "  {style}{:<8}{style:#}  {}  {FAINT}{}{FAINT:#}", info.severity, info.rule, info.summary)?;
    }
    Ok(())
}

/// Explains one rule.
///
/// # Errors
/// When `to` cannot be written.
pub fn rule(to: &mut dyn Write, info: &RuleInfo) -> io::Result<()> {
    let style = style::of_severity(info.severity);
    writeln!(to, "{STRONG}{}{STRONG:#}  {style}{}{style:#} at worst", info.rule, info.severity)?;
    writeln!(to, "{}", info.summary)?;
    let raisers = FORMATS.iter().filter(|format| format.rules.iter().any(|other| other.rule == info.rule));
    let raisers: Vec<_> = raisers.map(|format| format.name).collect();
    if !raisers.is_empty() {
        writeln!(to, "Raised by: {}", raisers.join(", "))?;
    }
    Ok(())
}
