//! Attacks and honest streams, by what a scan of them reports.

use std::rc::Rc;

use crate::report::{Report, Severity, Verdict};
use crate::scan::rules::Rules;
use crate::scan::{Engine, Hints, Limits};

fn scan(bytes: &[u8]) -> Report {
    let engine = Engine::new(Limits::default(), Rules::builtin());
    engine.scan(Rc::new(bytes.to_vec()), &Hints::default(), &mut |_| {})
}

fn evidence(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|f| f.evidence.as_str()).collect()
}

#[test]
fn a_call_is_found_in_every_protocol() {
    let streams: [&[u8]; 5] = [
        b"cos\nsystem\n(S'true'\ntR.",
        b"cposix\nsystem\nq\x00(U\x04trueq\x01tq\x02Rq\x03.",
        b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.",
        b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.",
        b"\x80\x05\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
    ];
    for stream in streams {
        let report = scan(stream);
        assert_eq!(report.verdict, Verdict::Malicious, "{}", stream.escape_ascii());
        assert!(evidence(&report)[0].ends_with("system(\"true\")"), "{:?}", report.findings);
        assert_eq!(report.findings[0].severity, Severity::Critical);
        assert_eq!(report.findings.len(), 1);
    }
}
