use std::io::Write;
use std::rc::Rc;

use super::codec::Codec;
use crate::scan::Limits;
use crate::scan::input::{Budget, Input, OutOfBudget, Source};

fn input(bytes: &[u8], limits: &Limits) -> Input {
    Input::new(Rc::new(bytes.to_vec()), Rc::new(Budget::new(limits)))
}

fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 60) as u8
    };
    (0..size).map(step).collect()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn any_offset_reads_as_if_it_were_unpacked() {
    let plain = noise(1_000_000);
    let decoded = Codec::Gzip.decode(&input(&gzip(&plain), &Limits::default())).unwrap();
    for offset in [0, 999_000, 5, 131_071, 131_072, 500_000, 400_000, 999_999, 1_000_000, 2_000_000] {
        let mut buf = vec![0; 300_000];
        let n = decoded.read_at(offset as u64, &mut buf).unwrap();
        let expected = plain.get(offset..(offset + buf.len()).min(plain.len())).unwrap_or_default();
        assert_eq!(&buf[..n], expected, "at {offset}");
    }
    assert_eq!(decoded.size().unwrap(), 1_000_000);
}

#[test]
fn reading_the_head_again_after_the_end_decodes_nothing_twice() {
    let limits = Limits { max_decoded_bytes: 1_200_000, ..Limits::default() };
    let decoded = Codec::Gzip.decode(&input(&gzip(&noise(1_000_000)), &limits)).unwrap();
    assert_eq!(decoded.size().unwrap(), 1_000_000);
    for _ in 0..100 {
        assert_eq!(decoded.read_at(0, &mut [0; 4096]).unwrap(), 4096);
        assert_eq!(decoded.read_at(999_000, &mut [0; 4096]).unwrap(), 1000);
    }
}

#[test]
fn the_budget_ends_a_bomb() {
    let limits = Limits { max_decoded_bytes: 500_000, ..Limits::default() };
    let decoded = Codec::Gzip.decode(&input(&gzip(&vec![0; 4_000_000]), &limits)).unwrap();
    assert_eq!(decoded.read_at(0, &mut [0; 1000]).unwrap(), 1000);
    assert!(OutOfBudget::is(&decoded.size().unwrap_err()));
    assert_eq!(decoded.read_at(0, &mut [0; 1000]).unwrap(), 1000, "what was decoded stays readable");
}

#[test]
fn damage_ends_the_output_and_keeps_what_came_before() {
    let mut packed = gzip(&noise(1_000_000));
    packed.truncate(packed.len() / 2);
    let decoded = Codec::Gzip.decode(&input(&packed, &Limits::default())).unwrap();
    assert!(decoded.size().unwrap() > 100_000);
    assert!(decoded.is_damaged());
}

#[test]
fn concatenated_frames_are_one_stream_and_the_rest_is_left() {
    let packed = [gzip(b"one "), gzip(b""), gzip(b"two"), b"rest".to_vec()].concat();
    let decoded = Codec::Gzip.decode(&input(&packed, &Limits::default())).unwrap();
    let mut buf = [0; 20];
    let n = decoded.read_at(0, &mut buf).unwrap();
    assert_eq!(&buf[..n], b"one two");
    assert_eq!(decoded.packed_bytes(), Some(packed.len() as u64 - 4));
}
