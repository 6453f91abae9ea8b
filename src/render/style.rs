//! Colours: which word stands out how. One table, so that every command shows the same thing the same way.

use anstyle::{AnsiColor, Style};

use crate::report::{Severity, Verdict};

/// For headings and names.
pub const STRONG: Style = Style::new().bold();
/// For what may be passed over.
pub const FAINT: Style = Style::new().dimmed();
/// For what is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// For what someone should look at.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// For what is bad.
pub const BAD: Style = AnsiColor::Red.on_default().bold();

/// How a verdict is written.
pub const fn of_verdict(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Clean => GOOD,
        Verdict::Suspicious => WARN,
        Verdict::Malicious => BAD,
        Verdict::Unscannable => AnsiColor::Magenta.on_default(),
        Verdict::NotAModel => FAINT,
    }
}

/// How a severity is written.
pub const fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Low => FAINT,
        Severity::Medium => WARN,
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Critical => BAD,
    }
}
