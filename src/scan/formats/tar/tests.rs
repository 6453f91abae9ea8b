use proptest::prelude::*;

use super::super::testing::*;
use crate::report::{PartialCause, Severity, Verdict};

/// A header of `kind` with the right checksum, and its padded data.
fn entry(name: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    entry_with(name, kind, data, data.len() as u64, b"", |_| {})
}

fn entry_with(name: &str, kind: u8, data: &[u8], size: u64, link: &[u8], change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link);
    block[257..265].copy_from_slice(b"ustar\x0000");
    change(&mut block);
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = [block.as_slice(), data].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

fn pax(key: &str, value: &str) -> Vec<u8> {
    let body = format!(" {key}={value}\n");
    let length = (body.len() + 2).to_string();
    entry("pax", b'x', format!("{length}{body}").as_bytes())
}

#[test]
fn honest_archive_raises_nothing() {
    let long = "d/".repeat(80) + "name.bin";
    let entries = [
        entry("dir/", b'5', b""),
        entry("dir/a.txt", b'0', b"text"),
        entry("././@LongLink", b'L', long.as_bytes()),
        entry("short", b'0', &[1; 700]),
        pax("path", "dir/b.txt"),
        entry("b", b'0', b"more text"),
    ];
    let report = report_of(&[tar(&entries), vec![0; 8192]].concat());
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{report:#?}");
}

#[test]
fn members_are_scanned_m01_e14() {
    let report = report_of(&tar(&[entry("a", b'0', b"x"), entry("pickle", 0, &marker())]));
    assert_eq!(report.findings.first().map(|finding| finding.member.as_str()), Some("pickle"), "{report:#?}");
}

#[test]
fn zip_as_the_last_member_is_honest() {
    let weights = zip(&[ZipMember::stored("model/weights.txt", b"numbers")]);
    let report =
        report_of(&tar(&[entry("model_config.yaml", b'0', b"a: 1"), entry("model_weights.ckpt", b'0', &weights)]));
    assert!(report.worst() <= Some(Severity::Low), "{report:#?}");
}

#[test]
fn old_tar_without_magic_is_read_e14() {
    let old = entry_with("pickle", 0, &marker(), marker().len() as u64, b"", |block| block[257..265].fill(0));
    assert_eq!(markers(&report_of(&tar(&[old]))), 1);
}

#[test]
fn call_in_any_member_of_an_early_pytorch_tar_e14_e15() {
    const HONEST: &[u8] = b"\x80\x02K\x01.";
    let names = ["sys_info", "pickle", "storages", "tensors"];
    for bad in names {
        let entries =
            names.map(|name| entry(name, b'0', if name == bad { b"cos\nsystem\n(S'true'\ntR." } else { HONEST }));
        assert_eq!(calls(&report_of(&tar(&entries))), [bad]);
    }
}

#[test]
fn compressed_tar_is_read_m01() {
    let member = ZipMember::deflated("x.tar", &tar(&[entry("p", b'0', &marker())]));
    assert_eq!(report_of(&zip(&[member])).findings[0].member, "x.tar!p");
}

#[test]
fn climbing_names_m02() {
    let pax_name = [pax("path", "../../x"), entry("good", b'0', b"x")].concat();
    let long_name = [entry("././@LongLink", b'L', b"/etc/x\0"), entry("good", b'0', b"x")].concat();
    let prefixed = entry_with("x", b'0', b"x", 1, b"", |block| block[345..347].copy_from_slice(b".."));
    for bytes in [entry("../x", b'0', b"x"), entry("/x", b'0', b"x"), pax_name, long_name, prefixed] {
        let report = report_of(&tar(&[bytes]));
        assert_eq!(severity_of(&report, "archive.path-escape"), Some(Severity::High), "{report:#?}");
    }
}

#[test]
fn links_m03() {
    for (kind, target, severity) in [
        (b'2', b"../../etc/passwd".as_slice(), Severity::High),
        (b'2', b"/etc/passwd", Severity::High),
        (b'2', b"../b", Severity::Low),
        (b'1', b"../b", Severity::High),
        (b'1', b"d/b", Severity::Low),
    ] {
        let report = report_of(&tar(&[entry_with("d/a", kind, b"", 0, target, |_| {})]));
        assert_eq!(severity_of(&report, "archive.link"), Some(severity), "{report:#?}");
    }
}

#[test]
fn devices_and_setuid_m03() {
    let setuid = entry_with("x", b'0', b"", 0, b"", |block| block[100..108].copy_from_slice(b"0004755\0"));
    for bytes in [entry("dev", b'3', b""), entry("fifo", b'6', b""), setuid] {
        let report = report_of(&tar(&[bytes]));
        assert_eq!(severity_of(&report, "archive.special-file"), Some(Severity::Medium), "{report:#?}");
    }
}

#[test]
fn header_hidden_by_a_pax_size() {
    // With the pax size the inner archive is data, with the header's size it is what comes next.
    let hidden = entry("p", b'0', &marker());
    let outer = entry_with("blob", b'0', b"", 0, b"", |_| {});
    let bytes = tar(&[pax("size", &hidden.len().to_string()), outer, hidden, entry("end", b'0', b"x")]);
    let report = report_of(&bytes);
    assert!(markers(&report) >= 1, "{report:#?}");
    assert_eq!(severity_of(&report, "archive.header-mismatch"), Some(Severity::High));
}

#[test]
fn header_hidden_in_the_data_of_a_link() {
    let hidden = entry("p", b'0', &marker());
    let link = entry_with("l", b'1', b"", hidden.len() as u64, b"a", |_| {});
    let report = report_of(&tar(&[link, hidden, entry("end", b'0', b"x")]));
    assert!(markers(&report) >= 1, "{report:#?}");
    assert_eq!(severity_of(&report, "archive.header-mismatch"), Some(Severity::High));
}

#[test]
fn members_behind_the_end_mark() {
    let report = report_of(&[tar(&[entry("a", b'0', b"x")]), tar(&[entry("p", b'0', &marker())])].concat());
    assert_eq!(markers(&report), 1);
    assert_eq!(severity_of(&report, "archive.hidden-data"), Some(Severity::Medium), "{report:#?}");
}

#[test]
fn bytes_behind_the_end_mark() {
    let report = report_of(&[tar(&[entry("a", b'0', b"x")]), marker()].concat());
    assert_eq!(markers(&report), 1);
}

#[test]
fn wrong_checksum_is_a_fault() {
    let mut bytes = tar(&[entry("a", b'0', b"x"), entry("p", b'0', &marker())]);
    bytes[1024] = b'q';
    assert_eq!(cause_of(&report_of(&bytes)), Some(PartialCause::Fault));
}

#[test]
fn truncated_archive_is_a_fault_and_scanned() {
    let mut bytes = entry("p", b'0', &marker());
    bytes.extend(entry_with("q", b'0', b"", 100_000, b"", |_| {}));
    let report = report_of(&bytes);
    assert_eq!((markers(&report), cause_of(&report)), (1, Some(PartialCause::Fault)));
}

proptest! {
    #[test]
    fn mutated_archives_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = tar(&[pax("size", "5"), entry("a", b'0', b"x"), entry("l", b'2', b"")]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        report_of(&bytes);
    }
}
