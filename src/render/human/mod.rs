//! Lines for people: colour on a terminal, the same words without one.

pub mod allow;
pub mod doctor;
pub mod findings;
pub mod formats;
pub mod history;
pub mod judged;
pub mod quarantine;
pub mod scan;
pub mod show;
pub mod status;
mod table;

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::path::text_of;
use super::style::STRONG;
use crate::caches::Origin;
use crate::report::Verdict;

/// A size as people read it: `1.4 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return count(bytes, "byte");
    }
    let power = (bytes.ilog2() / 10).max(1);
    let unit = UNITS.get(power as usize - 1).copied().unwrap_or_default();
    let value = bytes as f64 / (1u64 << (10 * power)) as f64;
    format!("{value:.1} {unit}")
}

/// A duration as people read it: `0.3 ms`, `2.1 s`, `3 min 4 s`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// `1 file`, `2 files`.
pub fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// A moment on this machine's clock.
pub fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The verdict as a sentence has it.
pub fn words_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotAModel => "not a model",
        other => other.as_str(),
    }
}

/// What a file is to the person whose it is: its place in a repository or run, else its path.
pub fn name_of(origin: &Origin, path: &std::path::Path) -> String {
    let owner = origin.repository.as_ref().or(origin.model.as_ref()).or(origin.run.as_ref());
    let revision =
        origin.revision.as_ref().map(|revision| format!("@{}", revision.chars().take(8).collect::<String>()));
    match (owner, &origin.name) {
        (Some(owner), Some(name)) => format!("{owner}{} {name}", revision.unwrap_or_default()),
        _ => text_of(path),
    }
}

/// What the person can do next, a line each.
fn advice(to: &mut dyn Write, lines: &[String]) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(to, "  {STRONG}→{STRONG:#} {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_people_write_them() {
        assert_eq!(
            [size(0), size(1023), size(1024), size(1536 << 20)],
            ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 GiB"]
        );
        assert_eq!(size(u64::MAX), "16.0 EiB");
        assert_eq!(duration(Duration::from_micros(340)), "0.3 ms");
        assert_eq!(duration(Duration::from_millis(2140)), "2.1 s");
        assert_eq!(duration(Duration::from_secs(184)), "3 min 4 s");
        assert_eq!([count(1, "file"), count(0, "file")], ["1 file", "0 files"]);
    }
}
