//! Moments as people type them: `2d`, `90min`, `2026-11-20`, `2026-11-20T08:00:00Z`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

const EXPECTED: &str = "expected a span such as 2d, 3h or 90min, or a date such as 2026-11-20";

/// A moment in the past: a span back from now, or a date on this machine's calendar.
pub fn past(text: &str) -> Result<Timestamp, String> {
    parse(text, |now, span| now.checked_sub(span))
}

/// A moment in the future: a span from now on, or a date on this machine's calendar.
pub fn future(text: &str) -> Result<Timestamp, String> {
    parse(text, |now, span| now.checked_add(span))
}

fn parse(text: &str, from_now: impl Fn(&Zoned, Span) -> Result<Zoned, jiff::Error>) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(at) = text.parse::<DateTime>() {
        return at.to_zoned(TimeZone::system()).map(|at| at.timestamp()).map_err(|e| e.to_string());
    }
    let span = text.parse::<Span>().map_err(|_| EXPECTED.to_owned())?;
    if span.is_negative() {
        return Err(EXPECTED.to_owned());
    }
    from_now(&Zoned::now(), span).map(|at| at.timestamp()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_dates_are_understood() {
        let hours = |at: Timestamp| (Timestamp::now() - at).total(jiff::Unit::Hour).unwrap().round();
        assert_eq!(hours(past("3h").unwrap()), 3.0);
        assert!((47.0..=49.0).contains(&hours(past("2d").unwrap())), "a day may have 23 or 25 hours");
        assert!((-170.0..=-166.0).contains(&hours(future("1w").unwrap())));
        assert_eq!(past("2026-11-20T08:00:00Z").unwrap().to_string(), "2026-11-20T08:00:00Z");
        assert!(past("2026-11-20").is_ok());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "yesterday", "-2d", "2", "2026-13-01", "9999999999y"] {
            assert!(past(text).is_err(), "{text}");
        }
    }
}
