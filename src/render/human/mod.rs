//! Lines for people: colour on a terminal, the same words without one.

pub mod findings;
pub mod formats;
pub mod scan;
pub mod status;

use std::time::Duration;

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
