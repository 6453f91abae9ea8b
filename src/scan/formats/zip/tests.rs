//! Each attack by its name in the list of attacks, each with a harmless marker in place of the payload.

mod pytorch;

use proptest::prelude::*;

use super::super::testing::*;
use crate::report::{PartialCause, Severity, Verdict};

fn payload(name: &str) -> ZipMember {
    ZipMember::stored(name, &marker())
}

fn harmless(name: &str) -> ZipMember {
    ZipMember::stored(name, b"just some text that nobody loads")
}

#[track_caller]
fn assert_found(bytes: &[u8], rule: &str, severity: Severity) {
    let report = report_of(bytes);
    assert!(markers(&report) > 0, "the payload was not found: {report:#?}");
    assert!(severity_of(&report, rule) >= Some(severity), "{rule} was not raised: {report:#?}");
}

#[test]
fn an_honest_archive_raises_nothing() {
    let padding = [b"FB".as_slice(), &40_u16.to_le_bytes(), &[b'Z'; 40]].concat();
    let members = [
        harmless("archive/version").with_extra(&padding),
        ZipMember::deflated("archive/data.txt", &[7; 300_000]),
        ZipMember::stored("archive/data/0", &[0; 4096]),
        ZipMember::stored("archive/empty/", b""),
    ];
    let report = report_of(&zip(&members));
    assert_eq!(report.verdict, Verdict::Clean, "{report:#?}");
    assert_eq!(report.findings, []);
}

#[test]
fn every_member_is_scanned_stored_or_deflated_m01() {
    let bytes = zip(&[payload("a"), ZipMember::deflated("b", &marker()), harmless("c")]);
    let report = report_of(&bytes);
    assert_eq!(markers(&report), 2, "{report:#?}");
    assert_eq!(report.findings[0].member, "a");
}

#[test]
fn nested_archives_are_opened_m01() {
    let inner = zip(&[ZipMember::deflated("inner", &marker())]);
    let report = report_of(&zip(&[ZipMember::deflated("outer.zip", &inner)]));
    assert_eq!(report.findings[0].member, "outer.zip!inner", "{report:#?}");
    assert_eq!(report.findings.len(), 1);
}

#[test]
fn stored_nested_archive_is_no_second_directory() {
    let report = report_of(&zip(&[ZipMember::stored("x.zip", &zip(&[payload("p")]))]));
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    assert_eq!(report.findings[0].member, "x.zip!p");
}

#[test]
fn wrong_checksum_stops_nothing_e07() {
    let bytes = zip(&[payload("archive/data.pkl").patch_local(14, &[1, 2, 3, 4])]);
    assert_found(&bytes, "archive.header-mismatch", Severity::High);
}

#[test]
fn encryption_flag_on_plain_data_e06() {
    for flag in [[1, 0], [0x20, 0], [0x40, 0], [1, 0x20]] {
        let both = payload("archive/data.pkl").patch_local(6, &flag).patch_central(8, &flag);
        assert_found(&zip(&[both]), "archive.header-mismatch", Severity::High);
        assert_found(&zip(&[payload("p").patch_local(6, &flag)]), "archive.header-mismatch", Severity::High);
        assert_found(&zip(&[payload("p").patch_central(8, &flag)]), "archive.header-mismatch", Severity::High);
        let deflated = ZipMember::deflated("p", &marker()).patch_local(6, &flag).patch_central(8, &flag);
        assert_found(&zip(&[deflated]), "archive.header-mismatch", Severity::High);
    }
}

#[test]
fn encrypted_member_is_told_d16() {
    let noise: Vec<u8> = (0..60_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let member = ZipMember::new("secret", 0, &noise, noise.len() - 12).patch_local(6, &[1]).patch_central(8, &[1]);
    let report = report_of(&zip(&[member]));
    assert_eq!(severity_of(&report, "archive.encrypted"), Some(Severity::Medium), "{report:#?}");
    assert_eq!(cause_of(&report), Some(PartialCause::Encrypted));
}

#[test]
fn junk_before_the_archive_e09() {
    let junk = [b"GIF89a junk ".as_slice(), &[7; 1000]].concat();
    assert_found(&[junk, zip(&[payload("archive/data.pkl")])].concat(), "archive.hidden-data", Severity::Medium);
}

#[test]
fn python_launcher_before_the_archive_is_honest() {
    let report = report_of(&[b"#!/usr/bin/env python3\n".as_slice(), &zip(&[harmless("__main__.py")])].concat());
    assert!(report.worst() <= Some(Severity::Low), "{report:#?}");
}

#[test]
fn trailing_bytes_are_looked_at_m06() {
    assert_found(&[zip(&[harmless("a")]), marker()].concat(), "archive.hidden-data", Severity::Medium);
}

#[test]
fn payload_in_archive_comment_m06() {
    assert_found(&zip_with_comment(&[harmless("a")], &marker()), "archive.hidden-data", Severity::Medium);
}

#[test]
fn payload_in_extra_field_m06() {
    let marker = marker();
    let extra = [&[0x99, 0x99], (marker.len() as u16).to_le_bytes().as_slice(), &marker].concat();
    assert_found(&zip(&[harmless("a").with_extra(&extra)]), "archive.hidden-data", Severity::Medium);
}

#[test]
fn payload_in_gap_between_members_m06() {
    let mut first = harmless("a");
    first.data.extend(marker());
    let size = first.data.len() as u32 - marker().len() as u32;
    let first = first.patch_local(18, &size.to_le_bytes());
    assert_found(&zip(&[first, harmless("b")]), "archive.hidden-data", Severity::Medium);
}

#[test]
fn two_archives_end_to_end_m12() {
    for (first, second) in [("bad", "good"), ("good", "bad")] {
        let archive = |kind| if kind == "bad" { zip(&[payload("archive/data.pkl")]) } else { zip(&[harmless("x")]) };
        let report = report_of(&[archive(first), archive(second)].concat());
        assert!(markers(&report) >= 1, "{report:#?}");
        assert!(severity_of(&report, "archive.header-mismatch") >= Some(Severity::High), "{report:#?}");
    }
}

#[test]
fn end_record_in_comment_m12() {
    let hidden = payload("archive/data.pkl");
    let shown = harmless("archive/readme");
    let hidden_at = shown.local.len() + shown.data.len();
    let mut hidden_central = hidden.central.clone();
    hidden_central[42..46].copy_from_slice(&(hidden_at as u32).to_le_bytes());
    let body = [shown.local.clone(), shown.data.clone(), hidden.local, hidden.data].concat();
    let shown_at = body.len();
    let hidden_directory_at = shown_at + shown.central.len();
    let fake_end = end_record(1, hidden_central.len(), hidden_directory_at, b"");
    let end = end_record(1, shown.central.len(), shown_at, &fake_end);
    let bytes = [body, shown.central, hidden_central, end].concat();
    assert_found(&bytes, "archive.header-mismatch", Severity::High);
}

#[test]
fn duplicate_name_bad_one_first_or_last() {
    for members in
        [[payload("data.pkl"), harmless("data.pkl")], [harmless("data.pkl"), payload("data.pkl").patch_local(4, &[21])]]
    {
        assert_found(&zip(&members), "archive.duplicate-name", Severity::High);
    }
}

#[test]
fn local_name_that_differs_from_the_central_one() {
    assert_found(&zip(&[payload("data.pkl").patch_local(30, b"DATA")]), "archive.header-mismatch", Severity::High);
}

#[test]
fn local_method_that_differs_from_the_central_one() {
    assert_found(&zip(&[payload("p").patch_central(10, &[8])]), "archive.header-mismatch", Severity::High);
    assert_found(&zip(&[payload("p").patch_local(8, &[8])]), "archive.header-mismatch", Severity::High);
}

#[test]
fn local_size_that_differs_from_the_central_one_m09() {
    assert_found(&zip(&[payload("p").patch_central(20, &[1])]), "archive.header-mismatch", Severity::High);
    assert_found(&zip(&[payload("p").patch_local(18, &[1])]), "archive.header-mismatch", Severity::High);
}

#[test]
fn unknown_method_on_stored_or_deflated_data() {
    let stored = payload("p").patch_local(8, &[77]).patch_central(10, &[77]);
    assert_found(&zip(&[stored]), "archive.header-mismatch", Severity::High);
    let deflated = ZipMember::deflated("p", &marker()).patch_local(8, &[77]).patch_central(10, &[77]);
    assert_found(&zip(&[deflated]), "archive.header-mismatch", Severity::High);
}

#[test]
fn method_that_is_not_read_is_told() {
    let noise = [0xab; 100];
    let report = report_of(&zip(&[ZipMember::new("p", 9, &noise, 5000)]));
    assert_eq!(cause_of(&report), Some(PartialCause::Unsupported), "{report:#?}");
}

#[test]
fn data_descriptor_with_size_zero_m09() {
    let streamed = ZipMember::deflated("p", &marker()).patch_local(6, &[8]).patch_central(8, &[8]);
    let sizes = streamed.local[14..26].to_vec();
    let mut streamed = streamed.patch_local(14, &[0; 12]);
    streamed.data.extend([b"PK\x07\x08".as_slice(), &sizes].concat());
    let report = report_of(&zip(&[streamed, harmless("q")]));
    assert_eq!(markers(&report), 1, "{report:#?}");
    assert_eq!(report.findings.len(), 1, "a data descriptor is honest: {report:#?}");
}

#[test]
fn member_that_no_directory_lists_m12() {
    let mut hidden = payload("archive/data.pkl");
    hidden.central = Vec::new();
    let shown = harmless("a");
    let (body, directory) = ([shown.local, shown.data, hidden.local, hidden.data].concat(), shown.central);
    let end = end_record(1, directory.len(), body.len(), b"");
    assert_found(&[body, directory, end].concat(), "archive.unlisted-member", Severity::High);
}

#[test]
fn archive_without_directory_is_still_read() {
    let member = payload("p");
    let report = report_of(&[member.local, member.data].concat());
    assert_eq!(markers(&report), 1, "{report:#?}");
    assert_eq!(cause_of(&report), Some(PartialCause::Fault));
}

#[test]
fn wrong_entry_counts() {
    for count in [1_u16, 5] {
        let mut bytes = zip(&[harmless("a"), payload("p")]);
        let end = bytes.len() - 22;
        bytes[end + 8..end + 10].copy_from_slice(&count.to_le_bytes());
        bytes[end + 10..end + 12].copy_from_slice(&count.to_le_bytes());
        assert_found(&bytes, "archive.header-mismatch", Severity::High);
    }
}

#[test]
fn wrong_directory_offset() {
    let mut bytes = zip(&[harmless("a"), payload("p")]);
    let at = bytes.len() - 6;
    bytes[at] ^= 0x55;
    assert_eq!(markers(&report_of(&bytes)), 1);
}

#[test]
fn directory_entry_that_points_outside() {
    let report = report_of(&zip(&[harmless("a"), payload("p").patch_central(42, &[0xff, 0xff, 0xff, 0x7f])]));
    assert!(severity_of(&report, "archive.header-mismatch") >= Some(Severity::High), "{report:#?}");
    assert_eq!(markers(&report), 1, "the member is found where it is: {report:#?}");
}

#[test]
fn zip64_sizes_that_lie_e29() {
    let extra = [&[1, 0, 16, 0], 1_u64.to_le_bytes().as_slice(), &1_u64.to_le_bytes()].concat();
    assert_found(&zip(&[payload("p").with_extra(&extra)]), "archive.header-mismatch", Severity::High);
}

#[test]
fn zip64_sizes_are_followed() {
    let size = marker().len() as u64;
    let extra = [&[1, 0, 16, 0], size.to_le_bytes().as_slice(), &size.to_le_bytes()].concat();
    let member = payload("p").patch_local(18, &[0xff; 8]).patch_central(20, &[0xff; 8]).with_extra(&extra);
    let report = report_of(&zip(&[member]));
    assert_eq!((markers(&report), report.findings.len()), (1, 1), "{report:#?}");
}

#[test]
fn zip64_end_record_is_followed_and_checked() {
    let archive = zip(&[payload("p")]);
    let end_at = archive.len() - 22;
    let directory_at = u32::from_le_bytes(archive[end_at + 16..end_at + 20].try_into().unwrap()) as u64;
    let mut end64 = [b"PK\x06\x06".as_slice(), &44_u64.to_le_bytes(), &[45, 0, 45, 0], &[0; 8]].concat();
    for field in [1, 1, end_at as u64 - directory_at, directory_at] {
        end64.extend(field.to_le_bytes());
    }
    let locator = [b"PK\x06\x07\0\0\0\0".as_slice(), &(end_at as u64).to_le_bytes(), &1_u32.to_le_bytes()].concat();
    let saturated = [b"PK\x05\x06\0\0\0\0".as_slice(), &[0xff; 12], &[0; 2]].concat();
    let honest = [&archive[..end_at], &end64, &locator, &saturated].concat();
    let report = report_of(&honest);
    assert_eq!((markers(&report), report.findings.len()), (1, 1), "{report:#?}");
    let mut lying = [&archive[..end_at], &end64, &locator, &archive[end_at..]].concat();
    lying[end_at + 32] = 9;
    assert_found(&lying, "archive.header-mismatch", Severity::High);
}

#[test]
fn zip64_end_record_beside_a_plain_one_is_honest() {
    // As PyTorch writes: both records, the plain one not saturated. The members are as far apart as the two records are long, so
    // that counting the directory back from the wrong record would hit a header.
    let members: Vec<ZipMember> = (0..4).map(|n| ZipMember::stored(&format!("archive/data/{n}"), &[n; 32])).collect();
    let archive = zip(&members);
    let end_at = archive.len() - 22;
    let (size, offset) = (archive[end_at + 12..end_at + 16].to_vec(), archive[end_at + 16..end_at + 20].to_vec());
    let mut end64 = [b"PK\x06\x06".as_slice(), &44_u64.to_le_bytes(), &[45, 0, 45, 0], &[0; 8]].concat();
    end64.extend([4_u64.to_le_bytes(), 4_u64.to_le_bytes()].concat());
    end64.extend([size, vec![0; 4], offset, vec![0; 4]].concat());
    let locator = [b"PK\x06\x07\0\0\0\0".as_slice(), &(end_at as u64).to_le_bytes(), &1_u32.to_le_bytes()].concat();
    let report = report_of(&[&archive[..end_at], &end64, &locator, &archive[end_at..]].concat());
    assert_eq!(report.findings, []);
}

#[test]
fn absolute_name_of_pandas_zip_is_honest() {
    let report = report_of(&zip(&[harmless("/home/me/frame.pkl.zip")]));
    assert_eq!(report.findings, []);
}

#[test]
fn unicode_path_overrides_the_name_m11() {
    let body = [&[1, 0, 0, 0, 0], b"../../evil.py".as_slice()].concat();
    let extra = [&[0x75, 0x70], (body.len() as u16).to_le_bytes().as_slice(), &body].concat();
    let report = report_of(&zip(&[harmless("good.txt").with_extra(&extra)]));
    assert_eq!(severity_of(&report, "archive.path-escape"), Some(Severity::High), "{report:#?}");
    assert_eq!(severity_of(&report, "archive.header-mismatch"), Some(Severity::High));
}

#[test]
fn overlapping_members_e29() {
    let first = payload("a");
    let both = zip(&[first.clone(), harmless("b")]);
    let at = both.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    let mut overlapping = both;
    overlapping[at + 42..at + 46].copy_from_slice(&0_u32.to_le_bytes());
    let report = report_of(&overlapping);
    assert_eq!(severity_of(&report, "archive.overlap"), Some(Severity::High), "{report:#?}");
}

#[test]
fn climbing_names_m02_e21() {
    for name in ["../../etc/cron.d/x", "/etc/passwd", "C:\\x", "..\\x", "a\0.txt"] {
        let report = report_of(&zip(&[harmless(name)]));
        assert_eq!(severity_of(&report, "archive.path-escape"), Some(Severity::High), "{name}: {report:#?}");
    }
}

#[test]
fn links_and_special_modes_m03() {
    let with_mode = |data: &[u8], mode: u16| ZipMember::stored("dir/x", data).patch_central(40, &mode.to_le_bytes());
    let report = report_of(&zip(&[with_mode(b"../../etc/passwd", 0o120777)]));
    assert_eq!(severity_of(&report, "archive.link"), Some(Severity::High), "{report:#?}");
    let report = report_of(&zip(&[with_mode(b"../other", 0o120777)]));
    assert_eq!(severity_of(&report, "archive.link"), Some(Severity::Low), "{report:#?}");
    let report = report_of(&zip(&[with_mode(b"x", 0o104755)]));
    assert_eq!(severity_of(&report, "archive.special-file"), Some(Severity::Medium), "{report:#?}");
}

#[test]
fn torch_package_and_torchserve_sources_e19_e20() {
    let code = |source: &str| ZipMember::stored("pkg/model.py", source.as_bytes());
    for (marker_name, rule) in
        [("pkg/.data/extern_modules", "torch.package-code"), ("MAR-INF/MANIFEST.json", "torch.serve-handler")]
    {
        let plain = report_of(&zip(&[harmless(marker_name), code("class Model: pass")]));
        assert_eq!(severity_of(&plain, rule), Some(Severity::Medium), "{plain:#?}");
        let reaching = report_of(&zip(&[harmless(marker_name), code("import subprocess")]));
        assert_eq!(severity_of(&reaching, rule), Some(Severity::High), "{reaching:#?}");
    }
}

#[test]
fn a_bomb_does_not_hide_what_is_smaller() {
    let limits = crate::scan::Limits { max_decoded_bytes: 1 << 20, ..Default::default() };
    let bomb = ZipMember::deflated("a-bomb", &vec![0; 8 << 20]);
    let report = report_within(&zip(&[bomb, ZipMember::deflated("b", &marker())]), limits);
    assert_eq!(markers(&report), 1, "{report:#?}");
    assert_eq!(cause_of(&report), Some(PartialCause::Limit));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        report_of(&[b"PK\x03\x04".as_slice(), &bytes].concat());
        report_of(&[bytes.as_slice(), b"PK\x05\x06", &bytes].concat());
    }

    #[test]
    fn mutated_archives_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let extra = [&[1, 0, 16, 0], [9; 16].as_slice()].concat();
        let mut bytes = zip(&[payload("a").with_extra(&extra), ZipMember::deflated("b", &marker()), harmless("c")]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        report_of(&bytes);
    }
}
