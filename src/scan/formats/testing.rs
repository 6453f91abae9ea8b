//! What the tests of formats share: an engine's report of some bytes, a harmless member that is certain to be reported, and zips
//! built record by record, so that any field can lie.

use std::rc::Rc;

use crate::report::{Coverage, PartialCause, Report, Severity};
use crate::scan::rules::Rules;
use crate::scan::{Engine, Hints, Limits};

/// Scans `bytes` with default limits.
pub(crate) fn report_of(bytes: &[u8]) -> Report {
    report_within(bytes, Limits::default())
}

/// Scans `bytes` within `limits`.
pub(crate) fn report_within(bytes: &[u8], limits: Limits) -> Report {
    Engine::new(limits, Rules::default()).scan(Rc::new(bytes.to_vec()), &Hints::default(), &mut |_| {})
}

/// The rule that scanning [`marker`] raises, and so the proof that a member was looked at.
pub(crate) const MARKER_RULE: &str = "safetensors.duplicate-key";

/// A small file whose scan raises [`MARKER_RULE`]: safetensors with a key that stands twice.
pub(crate) fn marker() -> Vec<u8> {
    let json = br#"{"__metadata__":{"a":"1","a":"2"}}"#;
    [&(json.len() as u64).to_le_bytes(), json.as_slice()].concat()
}

/// A harmless pickle that a loader would run: `os.system("true")`.
pub(crate) fn call() -> Vec<u8> {
    b"cos\nsystem\n(S'true'\ntR.".to_vec()
}

/// The members in which the call was found.
pub(crate) fn calls(report: &Report) -> Vec<&str> {
    let is_call = |rule: &str| rule == "pickle.dangerous-call";
    report
        .findings
        .iter()
        .filter(|finding| is_call(finding.rule.as_str()))
        .map(|finding| finding.member.as_str())
        .collect()
}

/// How often the marker was seen.
pub(crate) fn markers(report: &Report) -> usize {
    report.findings.iter().filter(|finding| finding.rule.as_str() == MARKER_RULE).count()
}

/// The worst severity of `rule` in the report.
pub(crate) fn severity_of(report: &Report, rule: &str) -> Option<Severity> {
    report.findings.iter().filter(|finding| finding.rule.as_str() == rule).map(|finding| finding.severity).max()
}

/// Why the coverage is partial, if it is.
pub(crate) fn cause_of(report: &Report) -> Option<PartialCause> {
    match &report.coverage {
        Coverage::Complete => None,
        Coverage::Partial { cause, .. } => Some(*cause),
    }
}

/// One member of a zip that is being built: its two headers and its data, each to be patched at will.
#[derive(Clone)]
pub(crate) struct ZipMember {
    pub(crate) local: Vec<u8>,
    pub(crate) data: Vec<u8>,
    pub(crate) central: Vec<u8>,
}

impl ZipMember {
    /// A stored member.
    pub(crate) fn stored(name: &str, data: &[u8]) -> Self {
        Self::new(name, 0, data, data.len())
    }

    /// A deflated member.
    pub(crate) fn deflated(name: &str, data: &[u8]) -> Self {
        Self::new(name, 8, &deflate(data), data.len())
    }

    /// A member packed by the caller.
    pub(crate) fn new(name: &str, method: u16, packed: &[u8], size: usize) -> Self {
        let mut common = Vec::new();
        common.extend(20_u16.to_le_bytes()); // version needed
        common.extend(0_u16.to_le_bytes()); // flags
        common.extend(method.to_le_bytes());
        common.extend([0; 4]); // time and date
        common.extend(0x1234_5678_u32.to_le_bytes()); // a checksum that is wrong: nobody may care
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend((size as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0_u16.to_le_bytes()); // extra
        let local = [b"PK\x03\x04".as_slice(), &common, name.as_bytes()].concat();
        let central = [b"PK\x01\x02\x14\x03".as_slice(), &common, &[0; 14], name.as_bytes()].concat();
        Self { local, data: packed.to_vec(), central }
    }

    /// Overwrites bytes of the local header.
    pub(crate) fn patch_local(mut self, at: usize, bytes: &[u8]) -> Self {
        self.local[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Overwrites bytes of the central header.
    pub(crate) fn patch_central(mut self, at: usize, bytes: &[u8]) -> Self {
        self.central[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Adds extra fields to both headers.
    pub(crate) fn with_extra(self, extra: &[u8]) -> Self {
        let length = (extra.len() as u16).to_le_bytes();
        let mut patched = self.patch_local(28, &length).patch_central(30, &length);
        patched.local.extend(extra);
        patched.central.extend(extra);
        patched
    }
}

/// A raw deflate stream.
pub(crate) fn deflate(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A whole archive of `members`.
pub(crate) fn zip(members: &[ZipMember]) -> Vec<u8> {
    zip_with_comment(members, b"")
}

/// A whole archive with a comment.
pub(crate) fn zip_with_comment(members: &[ZipMember], comment: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for member in members {
        let mut central = member.central.clone();
        if central[42..46] == [0; 4] {
            central[42..46].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        }
        directory.extend(central);
        bytes.extend(&member.local);
        bytes.extend(&member.data);
    }
    let end = end_record(members.len(), directory.len(), bytes.len(), comment);
    [bytes, directory, end].concat()
}

/// An end record.
pub(crate) fn end_record(entries: usize, directory_size: usize, directory_at: usize, comment: &[u8]) -> Vec<u8> {
    let entries = (entries as u16).to_le_bytes();
    let mut end = [b"PK\x05\x06\0\0\0\0".as_slice(), &entries, &entries].concat();
    end.extend((directory_size as u32).to_le_bytes());
    end.extend((directory_at as u32).to_le_bytes());
    end.extend((comment.len() as u16).to_le_bytes());
    end.extend(comment);
    end
}
