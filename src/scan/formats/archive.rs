//! What all archives have in common: names that climb out, links, and the rules for what archives lie about.
//!
//! Knows no archive's layout. An archive's own file reads the layout and asks here what a name or a link means.

use crate::report::{Finding, Rule, Severity};
use crate::scan::Scan;
use crate::scan::formats::RuleInfo;
use crate::scan::input::Input;

pub(crate) const PATH_ESCAPE: Rule = Rule::new("archive.path-escape");
pub(crate) const LINK: Rule = Rule::new("archive.link");
pub(crate) const SPECIAL_FILE: Rule = Rule::new("archive.special-file");
pub(crate) const HEADER_MISMATCH: Rule = Rule::new("archive.header-mismatch");
pub(crate) const DUPLICATE_NAME: Rule = Rule::new("archive.duplicate-name");
pub(crate) const UNLISTED_MEMBER: Rule = Rule::new("archive.unlisted-member");
pub(crate) const OVERLAP: Rule = Rule::new("archive.overlap");
pub(crate) const HIDDEN_DATA: Rule = Rule::new("archive.hidden-data");
pub(crate) const ENCRYPTED: Rule = Rule::new("archive.encrypted");
pub(crate) use crate::scan::decode::BOMB;

/// The rules that every archive with names can raise.
pub(crate) const PATH_ESCAPE_INFO: RuleInfo = RuleInfo {
    rule: PATH_ESCAPE,
    severity: Severity::High,
    summary: "A member's name is absolute or climbs out of the folder that it is unpacked in",
};
pub(crate) const LINK_INFO: RuleInfo = RuleInfo {
    rule: LINK,
    severity: Severity::High,
    summary: "A member is a link; high when it points out of the archive",
};
pub(crate) const SPECIAL_FILE_INFO: RuleInfo = RuleInfo {
    rule: SPECIAL_FILE,
    severity: Severity::Medium,
    summary: "A member is a device, a FIFO or a socket, or runs with its owner's rights",
};
pub(crate) const HEADER_MISMATCH_INFO: RuleInfo = RuleInfo {
    rule: HEADER_MISMATCH,
    severity: Severity::High,
    summary: "Two places of the archive say different things, so that two readers see different members",
};
pub(crate) const HIDDEN_DATA_INFO: RuleInfo = RuleInfo {
    rule: HIDDEN_DATA,
    severity: Severity::Medium,
    summary: "Bytes that belong to no member; medium when they are a model themselves",
};
pub(crate) const ENCRYPTED_INFO: RuleInfo =
    RuleInfo { rule: ENCRYPTED, severity: Severity::Medium, summary: "A member is encrypted and could not be scanned" };
pub(crate) const BOMB_INFO: RuleInfo =
    RuleInfo { rule: BOMB, severity: Severity::Medium, summary: "A few bytes unpack to a great many" };

/// Reports a member name that leads out of the folder that it is unpacked in.
pub(crate) fn judge_name(scan: &mut Scan<'_>, archive: &Input, name: &[u8], at: u64) {
    if let Some(how) = escape_of(name) {
        let message = format!("A member's name {how}: unpacking it can write outside the folder");
        let name = String::from_utf8_lossy(name);
        scan.finding(archive, Finding::new(PATH_ESCAPE, Severity::High, message).at(at).evidence(name));
    }
}

/// Reports a link member; `target` is as the archive writes it, relative to the folder of `name` for symbolic links.
pub(crate) fn judge_link(scan: &mut Scan<'_>, archive: &Input, name: &[u8], target: &[u8], at: u64, is_symbolic: bool) {
    let folder = if is_symbolic { folder_of(name) } else { &[] };
    let climbs = escape_of(target).is_some() && (is_rooted(target) || climbs_out(folder, target));
    let (severity, message) = if climbs {
        (Severity::High, "A member is a link that points out of the archive")
    } else {
        (Severity::Low, "A member is a link to another")
    };
    let evidence = format!("{} -> {}", String::from_utf8_lossy(name), String::from_utf8_lossy(target));
    scan.finding(archive, Finding::new(LINK, severity, message).at(at).evidence(evidence));
}

/// Reports file modes that have no place in an archive of models. `mode` is that of Unix, type bits included.
pub(crate) fn judge_mode(scan: &mut Scan<'_>, archive: &Input, name: &[u8], mode: u32, at: u64) {
    const TYPE: u32 = 0o170_000;
    const SETUID_OR_SETGID: u32 = 0o6000;
    let message = match mode & TYPE {
        0o020_000 | 0o060_000 => "A member is a device",
        0o010_000 | 0o140_000 => "A member is a FIFO or a socket",
        0o100_000 if mode & SETUID_OR_SETGID != 0 => "A member would run with its owner's rights (setuid or setgid)",
        _ => return,
    };
    let evidence = format!("{} (mode {mode:o})", String::from_utf8_lossy(name));
    scan.finding(archive, Finding::new(SPECIAL_FILE, Severity::Medium, message).at(at).evidence(evidence));
}

/// How a name leads out, if it does. A backslash separates as a slash does: on Windows it will.
pub(crate) fn escape_of(name: &[u8]) -> Option<&'static str> {
    if name.contains(&0) {
        Some("holds a NUL byte, which ends it for some readers")
    } else if is_rooted(name) {
        Some("is absolute")
    } else if climbs_out(&[], name) {
        Some("climbs out with `..`")
    } else {
        None
    }
}

/// `true` when a name climbs with `..` or is cut by NUL; an absolute one alone does not.
pub(crate) fn climbs(name: &[u8]) -> bool {
    name.contains(&0) || name.split(|byte| is_separator(*byte)).any(|part| part == b"..")
}

fn is_rooted(name: &[u8]) -> bool {
    let is_drive = matches!(name, [letter, b':', ..] if letter.is_ascii_alphabetic());
    matches!(name, [b'/' | b'\\', ..]) || is_drive
}

fn folder_of(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|byte| is_separator(*byte)).unwrap_or(0);
    name.get(..end).unwrap_or_default()
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// `true` when `path`, followed from `folder` on, is at any point above where both began.
fn climbs_out(folder: &[u8], path: &[u8]) -> bool {
    let mut depth = 0_i64;
    for part in folder.split(|byte| is_separator(*byte)).chain(path.split(|byte| is_separator(*byte))) {
        match part {
            b"" | b"." => {}
            b".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_climb_out_are_seen() {
        let escaping: [&[u8]; 8] =
            [b"/etc/x", b"../x", b"a/../../x", b"..\\x", b"a\\..\\..\\x", b"C:x", b"\\\\host\\x", b"data.pkl\0.txt"];
        for name in escaping {
            assert!(escape_of(name).is_some(), "{}", String::from_utf8_lossy(name));
        }
        let honest: [&[u8]; 6] = [b"archive/data.pkl", b"a/../b", b"..a/b..", b"./x", b"a\\b", b"...."];
        for name in honest {
            assert!(escape_of(name).is_none(), "{}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn a_link_may_climb_as_far_as_its_own_folder_is_deep() {
        assert!(!climbs_out(folder_of(b"a/b/link"), b"../c"));
        assert!(climbs_out(folder_of(b"a/link"), b"../../c"));
    }
}
