use modelscand::scan::{Engine, Hints, Limits, rules::Rules};
use std::rc::Rc;
fn main() {
    let engine = Engine::new(Limits::default(), Rules::builtin());
    for path in std::env::args().skip(1) {
        let file = std::fs::File::open(&path).unwrap();
        let hints = Hints { name: path.rsplit('/').next().unwrap().into() };
        let t = std::time::Instant::now();
        let r = engine.scan(Rc::new(file), &hints, &mut |_| {});
        println!("{path}: {} {:?} {:?} read {} in {:?}", r.verdict, r.formats, r.coverage, r.bytes_read, t.elapsed());
        for f in r.findings.iter().take(12) {
            println!(
                "   {} {} @{:?} {} | {} | {}",
                f.severity,
                f.rule,
                f.offset,
                f.member,
                f.evidence.chars().take(300).collect::<String>(),
                f.message
            );
        }
    }
}
