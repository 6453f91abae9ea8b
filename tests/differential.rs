//! What CPython's own unpickler imports, the scanner sees: thousands of generated and mutated pickles are given to both.
//!
//! CPython runs with a `find_class` that imports nothing and returns a stub that takes every call. Each name that it was asked for before
//! the load ended must be among those that the scanner lists. The seed is fixed; `MODELSCAND_DIFFERENTIAL_CASES` asks for more cases and
//! `MODELSCAND_DIFFERENTIAL_SEED` for others.

#[path = "support/pickles.rs"]
mod pickles;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use modelscand::scan::rules::{Rules, map_python2};
use modelscand::scan::{Engine, Hints, Limits};
use pickles::Generator;

const CASES: u64 = 6000;

/// CPython, answering one case after the other.
struct Observer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Observer {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/observe_pickle.py");
        let python = std::env::var("MODELSCAND_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut child = Command::new(&python)
            .args(["-W", "ignore", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("this test compares with CPython: cannot start {python}: {e}"));
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn imports(&mut self, pickle: &[u8]) -> Vec<(String, String)> {
        self.input.write_all(&(pickle.len() as u32).to_le_bytes()).unwrap();
        self.input.write_all(pickle).unwrap();
        self.input.flush().unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let imports = serde_json::from_str(&line);
        imports.unwrap_or_else(|e| panic!("CPython did not answer for {}: {e}", pickle.escape_ascii()))
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

#[test]
fn every_import_that_cpython_makes_is_seen() {
    let mut observer = Observer::start();
    let mut generator = Generator::new(number("MODELSCAND_DIFFERENTIAL_SEED", 20_261_122));
    let engine = Engine::new(Limits::default(), Rules::builtin());
    let mut imports_compared = 0_u64;
    for case in 0..number("MODELSCAND_DIFFERENTIAL_CASES", CASES) {
        let pickle = generator.pickle();
        let expected = observer.imports(&pickle);
        let uses = engine.uses_of_pickle(Rc::new(pickle.clone()));
        let written: HashSet<(&str, &str)> = uses.iter().map(|u| (&*u.module, &*u.name)).collect();
        let paths: HashSet<&str> = uses.iter().map(|u| &*u.path).collect();
        for (module, name) in &expected {
            let (new_module, new_name) = map_python2(module, name);
            let path = if new_name.is_empty() { new_module.to_owned() } else { format!("{new_module}.{new_name}") };
            let is_seen = written.contains(&(&**module, &**name)) || paths.contains(&*path);
            assert!(is_seen, "case {case}: {module:?} {name:?} of {} is not in {written:?}", pickle.escape_ascii());
            imports_compared += 1;
        }
        let report = engine.scan(Rc::new(pickle.clone()), &Hints::default(), &mut |_| {});
        let is_bad = expected.iter().any(|(module, name)| module == "os" && name == "system");
        assert!(
            !is_bad || report.verdict.as_str() == "malicious",
            "case {case}: {} of {}",
            report.verdict,
            pickle.escape_ascii()
        );
    }
    assert!(imports_compared > 1000, "only {imports_compared} imports were compared");
}
