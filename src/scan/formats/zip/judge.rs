//! Says what is wrong with an archive: contradictions, names, duplicates, overlaps, and bytes that belong to no member.

use std::collections::HashMap;

use super::super::archive;
use super::directory::Directory;
use super::survey::{Member, Survey};
use crate::report::{Finding, Severity};
use crate::scan::identify::identify;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};

/// Reports what the records say against each other, and names.
pub(super) fn report(scan: &mut Scan<'_>, input: &Input, directory: &Directory, survey: &Survey) {
    for &(at, what) in &directory.contradictions {
        mismatch(scan, input, at, what, b"");
    }
    // pandas up to 1.1 names the one member of its zip by the whole path of that zip: an honest absolute name.
    let is_pandas =
        matches!(survey.members.as_slice(), [only] if only.name.ends_with(b".zip") && !archive::climbs(&only.name));
    for entry in survey.lost.iter().filter_map(|index| directory.entries.get(*index)) {
        mismatch(scan, input, entry.at, "the directory points to a member that is not there", &entry.header.name);
        archive::judge_name(scan, input, &entry.header.name, entry.at);
    }
    for member in &survey.members {
        report_member(scan, input, member);
        if !is_pandas {
            archive::judge_name(scan, input, &member.name, member.at);
        }
    }
    report_duplicates(scan, input, survey);
    report_overlaps(scan, input, survey);
}

fn report_member(scan: &mut Scan<'_>, input: &Input, member: &Member) {
    if let Some(what) = member.contradiction {
        mismatch(scan, input, member.at, what, &member.name);
    }
    if !member.is_listed {
        let message = "A member is in the file but not in its directory: what unpacks from the start sees it";
        let name = String::from_utf8_lossy(&member.name);
        let finding = Finding::new(archive::UNLISTED_MEMBER, Severity::High, message);
        scan.finding(input, finding.at(member.at).evidence(name));
    }
    archive::judge_mode(scan, input, &member.name, member.mode, member.at);
    if let Some(name) = &member.unicode_name {
        archive::judge_name(scan, input, name, member.at);
        if name.is_ascii() && *name != member.name {
            mismatch(scan, input, member.at, "a member's name and its Unicode name are different", name);
        }
    }
}

/// Reports a contradiction between records, with the name of the member that it is about.
pub(super) fn mismatch(scan: &mut Scan<'_>, input: &Input, at: u64, what: &str, name: &[u8]) {
    let message = format!("The archive contradicts itself, so that two readers see different things: {what}");
    let finding = Finding::new(archive::HEADER_MISMATCH, Severity::High, message);
    scan.finding(input, finding.at(at).evidence(String::from_utf8_lossy(name)));
}

fn report_duplicates(scan: &mut Scan<'_>, input: &Input, survey: &Survey) {
    let mut by_name: HashMap<&[u8], &Member> = HashMap::with_capacity(survey.members.len());
    for member in survey.members.iter().filter(|member| !member.name.ends_with(b"/")) {
        let Some(other) = by_name.insert(&member.name, member) else { continue };
        if other.at == member.at {
            continue;
        }
        let size = |member: &Member| member.readings.first().map(|reading| reading.sizes.size);
        let is_same = other.crc == member.crc && size(other) == size(member);
        let severity = if is_same { Severity::Low } else { Severity::High };
        let message = "Two members have the same name: one reader takes the first, another the last";
        let finding = Finding::new(archive::DUPLICATE_NAME, severity, message);
        scan.finding(input, finding.at(member.at).evidence(String::from_utf8_lossy(&member.name)));
    }
}

fn report_overlaps(scan: &mut Scan<'_>, input: &Input, survey: &Survey) {
    let mut extents: Vec<(u64, u64, &[u8])> =
        survey.members.iter().map(|member| (member.at, member.end(), member.name.as_slice())).collect();
    extents.sort_unstable();
    let mut furthest = 0;
    for (from, to, name) in extents {
        if from < furthest {
            let message = "Two members share bytes, as in a bomb or in a file that is made for two readers";
            let finding = Finding::new(archive::OVERLAP, Severity::High, message);
            scan.finding(input, finding.at(from).evidence(String::from_utf8_lossy(name)));
        }
        furthest = furthest.max(to);
    }
}

/// Hands the bytes that belong to no member to the engine: gaps, comments, extra fields.
pub(super) fn scan_gaps(scan: &mut Scan<'_>, input: &Input, survey: &Survey) -> Result<(), Stop> {
    for &(from, to) in &survey.gaps {
        let place = if from == 0 { "bytes before the archive" } else { "bytes between or after members" };
        scan_hidden(scan, input, place, from, to, true)?;
    }
    for &(from, to) in &survey.comments {
        scan_hidden(scan, input, "archive comment", from, to, false)?;
    }
    for &(at, size) in survey.members.iter().flat_map(|member| &member.attachments) {
        scan_hidden(scan, input, "comment or extra field", at, at.saturating_add(size), false)?;
    }
    Ok(())
}

fn scan_hidden(scan: &mut Scan<'_>, input: &Input, place: &str, from: u64, to: u64, is_gap: bool) -> Result<(), Stop> {
    let hidden = input.slice(from, to.saturating_sub(from)).as_member(&format!("({place} at {from})"));
    let head = hidden.bytes_at(0, 4096)?;
    let is_filler = head.iter().all(|byte| head.first() == Some(byte));
    // What stands before the archive is the beginning of the file, which is scanned as what it is already: a tar whose last member
    // is a zip, a launcher. Only what nothing knows is strange there.
    let is_recognised =
        if from == 0 { identify(&hidden, scan.hints(), |_| {})? } else { !is_filler && scan.member(&hidden) };
    let is_launcher = [b"MZ".as_slice(), b"\x7fELF", b"#!"].iter().any(|magic| head.starts_with(magic));
    let severity = match (is_recognised, from) {
        (true, 1..) => Severity::Medium,
        (false, 0) if !is_launcher => Severity::Medium,
        _ if is_gap && !is_filler => Severity::Low,
        _ => return Ok(()),
    };
    let message = format!("Bytes that belong to no member: {place}");
    let evidence = format!("{} bytes", to.saturating_sub(from));
    scan.finding(input, Finding::new(archive::HIDDEN_DATA, severity, message).at(from).evidence(evidence));
    Ok(())
}
