use proptest::prelude::*;

use super::super::testing::*;
use crate::report::{PartialCause, Severity, Verdict};

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

fn entry(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [string(key).as_slice(), &kind.to_le_bytes(), value].concat()
}

fn text(key: &str, value: &str) -> Vec<u8> {
    entry(key, 8, &string(value))
}

fn array(key: &str, kind: u32, count: u64, elements: &[u8]) -> Vec<u8> {
    entry(key, 9, &[&kind.to_le_bytes(), count.to_le_bytes().as_slice(), elements].concat())
}

fn tensor(name: &str, dimensions: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut info = string(name);
    info.extend((dimensions.len() as u32).to_le_bytes());
    dimensions.iter().for_each(|size| info.extend(size.to_le_bytes()));
    info.extend(kind.to_le_bytes());
    info.extend(offset.to_le_bytes());
    info
}

fn header(tensors: u64, entries: u64) -> Vec<u8> {
    [b"GGUF".as_slice(), &3_u32.to_le_bytes(), &tensors.to_le_bytes(), &entries.to_le_bytes()].concat()
}

fn file(entries: &[Vec<u8>], tensors: &[Vec<u8>], data: usize) -> Vec<u8> {
    let mut bytes = header(tensors.len() as u64, entries.len() as u64);
    bytes.extend(entries.concat());
    bytes.extend(tensors.concat());
    if !tensors.is_empty() {
        bytes.resize(bytes.len().next_multiple_of(32) + data, 0);
    }
    bytes
}

fn vocabulary(words: u64) -> Vec<u8> {
    let tokens: Vec<u8> = (0..words).flat_map(|number| string(&format!("word{number}"))).collect();
    array("tokenizer.ggml.tokens", 8, words, &tokens)
}

const PLAIN: &str = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}";

fn honest() -> Vec<u8> {
    let entries = [
        text("general.architecture", "llama"),
        entry("general.alignment", 4, &32_u32.to_le_bytes()),
        vocabulary(300),
        array("tokenizer.ggml.scores", 6, 300, &[0; 1200]),
        entry("tokenizer.ggml.bos_token_id", 4, &1_u32.to_le_bytes()),
        entry("tokenizer.ggml.padding_token_id", 4, &u32::MAX.to_le_bytes()),
        entry("tokenizer.ggml.add_bos_token", 7, &[1]),
        text("tokenizer.chat_template", PLAIN),
        text("tokenizer.chat_template.tool_use", PLAIN),
        array("tokenizer.chat_templates", 8, 1, &string("tool_use")),
    ];
    let tensors = [tensor("a.weight", &[256, 2], 12, 0), tensor("b.bias", &[3], 0, 288), tensor("c", &[32], 8, 320)];
    file(&entries, &tensors, 320 + 34)
}

#[test]
fn an_honest_file_raises_nothing() {
    let report = report_of(&honest());
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{report:#?}");
    assert_eq!(report.formats, ["gguf", "jinja"]);
    let vocabulary_only = report_of(&file(&[text("general.architecture", "llama"), vocabulary(3)], &[], 0));
    assert_eq!(vocabulary_only.verdict, Verdict::Clean, "{vocabulary_only:#?}");
}

#[test]
fn a_vocabulary_of_many_words_is_gone_over() {
    let report = report_of(&file(&[vocabulary(250_000)], &[tensor("a", &[32], 0, 0)], 128));
    assert_eq!(report.verdict, Verdict::Clean, "{report:#?}");
}

#[test]
fn a_template_that_escapes_is_found_under_every_key_j03() {
    let bad = "{{ ''['__cl' ~ 'ass__'] }}";
    for entry in [
        text("tokenizer.chat_template", bad),
        text("tokenizer.chat_template.rag", bad),
        array("tokenizer.chat_templates", 8, 2, &[string(PLAIN), string(bad)].concat()),
    ] {
        let report = report_of(&file(&[entry], &[], 0));
        assert_eq!(severity_of(&report, "jinja.escape"), Some(Severity::Critical), "{report:#?}");
        assert!(report.findings[0].member.starts_with("tokenizer.chat_template"), "{report:#?}");
    }
}

#[test]
fn counts_that_overflow_j05() {
    let huge = u64::MAX / 2;
    for bytes in [
        header(huge, 0),
        header(0, huge),
        file(&[array("k", 10, huge, &[])], &[], 0),
        file(&[array("k", 8, 1 << 61, &[])], &[], 0),
        file(&[], &[tensor("t", &[1 << 40, 1 << 40], 0, 0)], 0),
        file(&[], &[tensor("t", &[1 << 62], 0, 0)], 0),
        file(&[], &[tensor("t", &[32], 0, u64::MAX - 4)], 0),
        file(&[], &[[string("t"), u32::MAX.to_le_bytes().to_vec(), vec![0; 64]].concat()], 0),
        file(&[entry("general.alignment", 4, &0_u32.to_le_bytes())], &[tensor("t", &[1], 0, 0)], 4),
        file(&[entry("k", 77, &[0; 8])], &[], 0),
    ] {
        let report = report_of(&bytes);
        assert_eq!(severity_of(&report, "gguf.lying-header"), Some(Severity::High), "{report:#?}");
    }
}

#[test]
fn string_lengths_that_overflow_j06_j11() {
    for bytes in [
        [header(0, 1), u64::MAX.to_le_bytes().to_vec(), vec![0; 32]].concat(),
        file(&[entry("k", 8, &u64::MAX.to_le_bytes())], &[], 0),
        file(&[array("tokenizer.ggml.tokens", 8, 1, &(1_u64 << 40).to_le_bytes())], &[], 0),
    ] {
        let report = report_of(&bytes);
        assert_eq!(severity_of(&report, "gguf.lying-header"), Some(Severity::High), "{report:#?}");
    }
}

#[test]
fn a_file_that_was_cut_off_is_suspicious_and_no_more() {
    let whole = honest();
    let report = report_of(&whole[..whole.len() - 100]);
    assert_eq!(report.verdict, Verdict::Suspicious, "{report:#?}");
    assert_eq!(report.worst(), Some(Severity::Medium));
    assert_eq!(cause_of(&report_of(&whole[..500])), Some(PartialCause::Fault));
    assert!(report_of(&whole[..500]).worst() <= Some(Severity::Medium));
}

#[test]
fn arrays_of_arrays_j07() {
    let mut value = Vec::new();
    for _ in 0..1000 {
        value.extend(9_u32.to_le_bytes());
        value.extend(1_u64.to_le_bytes());
    }
    let report = report_of(&file(&[entry("k", 9, &value)], &[], 0));
    assert_eq!(severity_of(&report, "gguf.nested-array"), Some(Severity::Medium), "{report:#?}");
    assert_eq!(cause_of(&report), Some(PartialCause::Limit));
}

#[test]
fn token_numbers_out_of_range_j11() {
    let report = report_of(&file(&[entry("tokenizer.ggml.bos_token_id", 5, &(-5_i32).to_le_bytes())], &[], 0));
    assert_eq!(severity_of(&report, "gguf.token-id"), Some(Severity::Medium), "{report:#?}");
    let beyond = entry("tokenizer.ggml.eos_token_id", 4, &9_u32.to_le_bytes());
    let report = report_of(&file(&[vocabulary(3), beyond], &[], 0));
    assert_eq!(severity_of(&report, "gguf.token-id"), Some(Severity::Low), "{report:#?}");
}

#[test]
fn formats_before_gguf_j13() {
    for bytes in [b"tjgg\x03\0\0\0rest", b"lmgg\x00\x7d\0\0rest", b"algg\x01\0\0\0rest"] {
        let report = report_of(bytes);
        assert_eq!(severity_of(&report, "ggml.legacy"), Some(Severity::Low), "{report:#?}");
    }
    assert_eq!(report_of(b"lmgg is a word in no language").verdict, Verdict::NotAModel);
}

#[test]
fn bytes_behind_the_last_tensor_j14() {
    let mut bytes = file(&[], &[tensor("t", &[8], 0, 0)], 32);
    bytes.extend(marker());
    let report = report_of(&bytes);
    assert_eq!(severity_of(&report, "gguf.hidden-data"), Some(Severity::Medium), "{report:#?}");
    assert_eq!(markers(&report), 1);
}

#[test]
fn names_that_stand_twice() {
    let report =
        report_of(&file(&[text("tokenizer.chat_template", PLAIN), text("tokenizer.chat_template", PLAIN)], &[], 0));
    assert_eq!(severity_of(&report, "gguf.duplicate-key"), Some(Severity::Medium), "{report:#?}");
}

#[test]
fn tensors_that_share_bytes_or_leave_gaps() {
    for second in [0, 64, 33] {
        let report = report_of(&file(&[], &[tensor("a", &[8], 0, 0), tensor("b", &[8], 0, second)], 96));
        assert_eq!(severity_of(&report, "gguf.layout"), Some(Severity::Medium), "{second}: {report:#?}");
    }
}

#[test]
fn big_endian_files_are_read() {
    let mut bytes = [b"GGUF".as_slice(), &3_u32.to_be_bytes(), &0_u64.to_be_bytes(), &1_u64.to_be_bytes()].concat();
    bytes.extend(u64::MAX.to_be_bytes());
    let report = report_of(&bytes);
    assert_eq!(severity_of(&report, "gguf.lying-header"), Some(Severity::High), "{report:#?}");
}

proptest! {
    #[test]
    fn changed_bytes_never_panic(at in 0_usize..6000, bytes in proptest::collection::vec(any::<u8>(), 1..16)) {
        let mut file = honest();
        let at = at % file.len();
        let end = (at + bytes.len()).min(file.len());
        file[at..end].copy_from_slice(&bytes[..end - at]);
        report_of(&file);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        report_of(&[b"GGUF\x03\0\0\0".as_slice(), &bytes].concat());
    }
}
