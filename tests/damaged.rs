//! Damaged files through the real daemon: none ends it, none is lost, none is called what nobody could read.
//!
//! `MODELSCAND_DAMAGED_FILES=10000 cargo test --test damaged` for the long form.

mod support;

use std::path::{Path, PathBuf};

use support::{ATTACK, Home};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// A generator of numbers that is the same everywhere (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }
}

/// Some bytes changed, or the end cut off.
fn damage(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    if numbers.below(4) == 0 {
        bytes.truncate(numbers.below(bytes.len()));
    }
    for _ in 0..numbers.below(8) {
        let at = numbers.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte = numbers.below(256) as u8;
        }
    }
}

#[test]
fn damaged_files_of_every_format_end_nothing_and_none_is_lost() {
    let count = std::env::var("MODELSCAND_DAMAGED_FILES").map_or(400, |count| count.parse().expect("a number"));
    let mut originals = Vec::new();
    for corpus in ["tests/corpus/honest", "tests/corpus/graphs", "tests/attacks/files"] {
        files_below(&Path::new(PROJECT).join(corpus), &mut originals);
    }
    originals.sort();
    let home = Home::new();
    home.configure(
        "[scan]\ntime_limit_s = 5\n[policy.cache.folder]\ncritical = \"alert\"\nhigh = \"alert\"\n[log]\nlevel = \"error\"\n",
    );
    let daemon = home.watch([home.path("models")]);
    let mut numbers = Numbers(20_261_122);
    for n in 0..count {
        let mut bytes = std::fs::read(&originals[numbers.below(originals.len())]).unwrap();
        damage(&mut bytes, &mut numbers);
        home.write(format!("models/{}/{n}", n % 50), bytes);
    }
    let attack = home.write("models/attack", ATTACK);
    daemon.sync();
    let counts = &home.json(["status"])["counts"];
    assert_eq!(counts["files"], count + 1, "{counts:#}\n{}", home.log());
    assert_eq!(home.scan_of(&attack)["verdict"], "malicious");
    assert!(!home.log().contains("panicked"), "{}", home.log());
    assert!(daemon.stop().as_secs_f64() < 3.0);
}
