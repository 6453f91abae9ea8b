//! `modelscand scan --json`: one object, with one file a line, written as the files are scanned.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::{VERSION, line};
use crate::caches::Origin;
use crate::render::path::{hex_of, text_of};
use crate::render::{ScanForm, Scanned, Tally, Wanted};
use crate::report::{Report, Severity};
use crate::scan::ENGINE_VERSION;

/// The JSON of a scan under way.
pub struct Json {
    fail_on: Severity,
    begun: bool,
}

#[derive(Serialize)]
struct File<'a> {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<&'a str>,
    duration_us: u64,
}

impl Json {
    /// Nothing printed yet.
    pub fn new(wanted: Wanted) -> Self {
        Self { fail_on: wanted.fail_on, begun: false }
    }

    fn begin(&mut self, to: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return write!(to, ",\n ");
        }
        let (program, fail_on) = (env!("CARGO_PKG_VERSION"), self.fail_on);
        writeln!(
            to,
            r#"{{"version": {VERSION}, "program": "{program}", "engine": {ENGINE_VERSION}, "fail_on": "{fail_on}","#
        )?;
        write!(to, r#""files": ["#)
    }
}

impl ScanForm for Json {
    fn file(&mut self, to: &mut dyn Write, scanned: &Scanned) -> io::Result<()> {
        self.begin(to)?;
        let file = File {
            path: text_of(&scanned.path),
            path_hex: hex_of(&scanned.path),
            names: scanned.names.iter().map(|name| text_of(name)).collect(),
            origin: scanned.origin.as_ref(),
            size: scanned.size,
            report: &scanned.report,
            allowed: scanned.allowed.as_deref(),
            duration_us: micros(scanned.duration),
        };
        write!(to, "{}", line(&file)?)
    }

    fn end(&mut self, to: &mut dyn Write, tally: &Tally, duration: Duration) -> io::Result<()> {
        if !self.begun {
            self.begin(to)?;
        }
        writeln!(to, "],")?;
        writeln!(to, r#""summary": {}, "duration_us": {}}}"#, line(tally)?, micros(duration))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
