//! How fast pickles are scanned: millions of small objects, and raw arrays that must not be read.
//!
//! Each input hides a call at its very end, and each run checks that it was found.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use modelscand::report::Verdict;
use modelscand::scan::input::Source;
use modelscand::scan::rules::Rules;
use modelscand::scan::{Engine, Hints, Limits};

const CALL: &[u8] = b"0\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.";
const DICTS: u32 = 1_000_000;
const ARRAYS: u64 = 16;
const ARRAY_BYTES: u64 = 64 << 20;

/// A list of dicts as `pickle.dumps` writes it: `{"id": 7, "name": "item-7", "score": 0.5, "ok": True}`.
fn small_objects() -> Vec<u8> {
    let mut bytes = b"\x80\x04]\x94(".to_vec();
    let keys: [&[u8]; 4] = [b"\x8c\x02id\x94", b"\x8c\x04name\x94", b"\x8c\x05score\x94", b"\x8c\x02ok\x94"];
    for n in 0..DICTS {
        bytes.extend(b"}\x94(");
        for (index, key) in keys.iter().enumerate() {
            match n {
                0 => bytes.extend(*key),
                _ => bytes.extend([b'h', 2 + index as u8 + u8::from(index > 1)]),
            }
            match index {
                0 => bytes.extend([&b"J"[..], &n.to_le_bytes()].concat()),
                1 => {
                    let name = format!("item-{n}");
                    bytes.extend([&[0x8c, name.len() as u8][..], name.as_bytes(), b"\x94"].concat());
                }
                2 => bytes.extend(b"G?\xe0\0\0\0\0\0\0"),
                _ => bytes.push(0x88),
            }
        }
        bytes.push(b'u');
    }
    bytes.push(b'e');
    bytes.extend(CALL);
    bytes
}

/// A pickle of byte strings so large that they must be skipped; what is skipped is never made.
struct Arrays;

impl Arrays {
    const HEAD: [u8; 9] = *b"\x8e\0\0\0\x04\0\0\0\0";
    const ONE: u64 = 9 + ARRAY_BYTES + 1;

    fn byte(offset: u64) -> u8 {
        let call = CALL.get(1..).unwrap_or_default();
        match offset.checked_sub(2) {
            None => b"\x80\x04"[offset as usize],
            Some(at) if at >= ARRAYS * Self::ONE => {
                call.get((at - ARRAYS * Self::ONE) as usize).copied().unwrap_or(b'.')
            }
            Some(at) => match at % Self::ONE {
                inside @ 0..9 => Self::HEAD[inside as usize],
                inside if inside == Self::ONE - 1 => b'0',
                _ => 0xff,
            },
        }
    }
}

impl Source for Arrays {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.size()?.saturating_sub(offset).min(buf.len() as u64) as usize;
        buf[..left].iter_mut().zip(offset..).for_each(|(byte, at)| *byte = Self::byte(at));
        Ok(left)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(2 + ARRAYS * Self::ONE + CALL.len() as u64 - 1)
    }
}

fn scan(engine: &Engine, source: Rc<dyn Source>) {
    let report = engine.scan(source, &Hints::default(), &mut |_| {});
    assert_eq!(report.verdict, Verdict::Malicious);
}

fn pickles(criterion: &mut Criterion) {
    let engine = Engine::new(Limits::default(), Rules::builtin());
    let mut group = criterion.benchmark_group("pickle");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    let objects: Rc<dyn Source> = Rc::new(small_objects());
    group.throughput(Throughput::Bytes(objects.size().unwrap()));
    group.bench_function("small objects", |bencher| bencher.iter(|| scan(&engine, Rc::clone(&objects))));
    let arrays: Rc<dyn Source> = Rc::new(Arrays);
    group.throughput(Throughput::Bytes(arrays.size().unwrap()));
    group.bench_function("raw arrays, 1 GiB", |bencher| bencher.iter(|| scan(&engine, Rc::clone(&arrays))));
    group.finish();
}

criterion_group!(benches, pickles);
criterion_main!(benches);
