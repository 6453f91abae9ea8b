//! What containers cost: a 2 GiB PyTorch zip must take under 5 ms and read less than 1 MiB.
//!
//! The file is sparse and temporary: tensors are holes, and only what the scanner reads is there.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use criterion::{Criterion, criterion_group, criterion_main};
use modelscand::report::Report;
use modelscand::scan::rules::Rules;
use modelscand::scan::{Engine, Hints, Limits};

/// Bytes of all tensors together.
const TENSOR_BYTES: u64 = 2 << 30;
/// A harmless call, where a payload would be.
const CALL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

/// A PyTorch zip of `tensors` stored tensors, with `data.pkl` as its last member.
fn pytorch_zip(tensors: u32) -> File {
    let file = tempfile::tempfile().expect("a temporary file");
    let mut at = 0;
    let mut directory = Vec::new();
    let tensor_bytes = u32::try_from(TENSOR_BYTES / u64::from(tensors)).expect("a size of 32 bits") - 1024;
    for index in 0..tensors {
        write_member(&file, &mut at, &mut directory, &format!("archive/data/{index}"), tensor_bytes, None);
    }
    write_member(&file, &mut at, &mut directory, "archive/data.pkl", CALL.len() as u32, Some(CALL));
    let entries = u16::try_from(tensors + 1).expect("a count of 16 bits").to_le_bytes();
    let mut end = [b"PK\x05\x06\0\0\0\0".as_slice(), &entries, &entries].concat();
    end.extend((directory.len() as u32).to_le_bytes());
    end.extend((at as u32).to_le_bytes());
    end.extend([0, 0]);
    file.write_all_at(&[directory, end].concat(), at).expect("room for the directory");
    file
}

fn write_member(file: &File, at: &mut u64, directory: &mut Vec<u8>, name: &str, size: u32, data: Option<&[u8]>) {
    let sizes = [size.to_le_bytes(), size.to_le_bytes()].concat();
    let name_len = (name.len() as u16).to_le_bytes();
    let common = [&[0; 14], sizes.as_slice(), &name_len, &[0, 0]].concat();
    directory.extend(
        [b"PK\x01\x02\0\0".as_slice(), &common, &[0; 10], &(*at as u32).to_le_bytes(), name.as_bytes()].concat(),
    );
    let local = [b"PK\x03\x04".as_slice(), &common, name.as_bytes()].concat();
    file.write_all_at(&local, *at).expect("room for a header");
    *at += local.len() as u64;
    file.write_all_at(data.unwrap_or_default(), *at).expect("room for a member");
    *at += u64::from(size);
}

fn scan(file: &File) -> Report {
    let source = Rc::new(file.try_clone().expect("a second descriptor"));
    Engine::new(Limits::default(), Rules::default()).scan(source, &Hints::default(), &mut |_| {})
}

fn pytorch_2_gib(c: &mut Criterion) {
    for tensors in [1, 150, 2000] {
        let file = pytorch_zip(tensors);
        let report = scan(&file);
        assert!(report.findings.iter().any(|finding| finding.member == "archive/data.pkl"), "{report:#?}");
        println!("{tensors} tensors: {} bytes read", report.bytes_read);
        c.bench_function(&format!("pytorch zip, 2 GiB, {tensors} tensors"), |b| b.iter(|| scan(&file)));
    }
}

criterion_group!(benches, pytorch_2_gib);
criterion_main!(benches);
