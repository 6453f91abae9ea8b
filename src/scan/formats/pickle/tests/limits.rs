//! Whatever the bytes are: no panic, bounded memory, an answer.

use std::rc::Rc;

use proptest::prelude::*;

use super::{SYSTEM, scan};
use crate::report::{Severity, Verdict};
use crate::scan::rules::Rules;
use crate::scan::{Engine, Hints, Limits};

/// A head, a part repeated until the limits are hit, and a call behind it.
fn assert_found_behind(name: &str, head: &[u8], part: &[u8], times: usize) {
    let limits = Limits { max_machine_bytes: 1 << 20, ..Limits::default() };
    let engine = Engine::new(limits, Rules::builtin());
    let stream = [head, &part.repeat(times), SYSTEM].concat();
    let report = engine.scan(Rc::new(stream), &Hints::default(), &mut |_| {});
    assert_eq!(report.worst(), Some(Severity::Critical), "{name}: {:?}", report.coverage);
}

#[test]
fn a_call_behind_more_than_fits_is_found() {
    assert_found_behind("marks", b"\x80\x04", b"(", 60_000);
    assert_found_behind("values", b"\x80\x04", b"N", 120_000);
    assert_found_behind("copies", b"\x80\x04N", b"2", 120_000);
    assert_found_behind("tuples in tuples (C35)", b"\x80\x04)", b"\x85", 60_000);
    assert_found_behind("dicts", b"\x80\x04", b"}\x94(K\x01K\x02u", 60_000);
    assert_found_behind("a long list", b"\x80\x04]", b"K\x01a", 60_000);
    assert_found_behind("memo", b"\x80\x04N", b"\x94", 120_000);
    assert_found_behind("pickles", b"", b"N.", 2_000);
}

#[test]
fn shared_values_do_not_make_work_exponential() {
    // A list of copies of a list of copies of ...: joined, looked through for source, taken for code.
    let mut tree = super::text("");
    for _ in 0..10 {
        let copies = [b"](".to_vec(), tree, b"2".repeat(500), b"e".to_vec()].concat();
        tree = super::call(
            super::call(super::global("builtins", "getattr"), &[super::text(""), super::text("join")]),
            &[copies],
        );
    }
    let source = super::call(super::global("torch.fx.graph_module", "reduce_graph_module"), &[tree.clone()]);
    let report = scan(&super::pickle(&[tree, super::text("x"), b"\x93".to_vec(), source]));
    assert!(report.worst() >= Some(Severity::High), "{report:#?}");
}

#[test]
fn a_list_that_holds_itself_ends() {
    let stream = b"\x80\x04]\x94h\0ac__builtin__\neval\nh\0\x85R.";
    assert_eq!(scan(stream).verdict, Verdict::Malicious);
}

#[test]
fn a_damaged_pickle_is_never_clean() {
    let whole = b"\x80\x04\x95\x0b\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.";
    assert_eq!(scan(whole).verdict, Verdict::Clean);
    for cut in 12..whole.len() - 1 {
        assert_ne!(scan(&whole[..cut]).verdict, Verdict::Clean, "cut at {cut}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let engine = Engine::new(Limits::default(), Rules::builtin());
        engine.scan(Rc::new(bytes.clone()), &Hints::default(), &mut |_| {});
        engine.uses_of_pickle(Rc::new(bytes));
    }

    #[test]
    fn any_opcodes_are_answered(parts in proptest::collection::vec(
        proptest::sample::select(b"(.012FIJKLMNPQRSTUVXabcdegGhijlopqrstu)]}\x80\x81\x82\x85\x86\x87\x88\x8a\x8c\x8f\x90\x91\x92\x93\x94\x95\x97\n\x00\x01os".to_vec()),
        0..300,
    )) {
        let engine = Engine::new(Limits::default(), Rules::builtin());
        engine.uses_of_pickle(Rc::new(parts));
    }
}
