use std::io::Write;

use proptest::prelude::*;

use super::super::testing::*;
use crate::report::{PartialCause, Severity, Verdict};
use crate::scan::Limits;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(data: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

fn lz4(data: &[u8]) -> Vec<u8> {
    let info = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn xz(data: &[u8]) -> Vec<u8> {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

fn lzma(data: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::LzmaOptions::with_preset(1);
    let mut writer = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).unwrap();
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

/// Bytes that no codec makes smaller.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..size).map(step).collect()
}

type Packer = fn(&[u8]) -> Vec<u8>;
const PACKERS: [(&str, Packer); 7] =
    [("gzip", gzip), ("zlib", zlib), ("bzip2", bzip2), ("xz", xz), ("lzma", lzma), ("zstd", zstd), ("lz4", lz4)];

#[test]
fn every_codec_is_unpacked_m14_f05_f06() {
    for (name, pack) in PACKERS {
        let report = report_of(&pack(&marker()));
        assert_eq!(report.formats.first().map(String::as_str), Some(name), "{report:#?}");
        assert_eq!((markers(&report), cause_of(&report)), (1, None), "{name}: {report:#?}");
    }
}

#[test]
fn codecs_within_codecs_are_unpacked() {
    let nested = PACKERS.iter().fold(marker(), |bytes, (_, pack)| pack(&bytes));
    assert_eq!(markers(&report_of(&nested)), 1);
}

#[test]
fn concatenated_frames_are_one_stream_m07() {
    let marker = marker();
    let (one, two) = marker.split_at(20);
    for (name, pack) in PACKERS.iter().filter(|(name, _)| *name != "lzma") {
        let report = report_of(&[pack(one), pack(two)].concat());
        assert_eq!(markers(&report), 1, "{name}: {report:#?}");
    }
}

#[test]
fn skippable_frames_are_stepped_over() {
    let skippable = [b"\x53\x2a\x4d\x18".as_slice(), &4_u32.to_le_bytes(), b"junk"].concat();
    for pack in [zstd, lz4] {
        let report = report_of(&[skippable.clone(), pack(&marker())].concat());
        assert_eq!(markers(&report), 1, "{report:#?}");
    }
}

#[test]
fn bytes_behind_the_end_are_looked_at() {
    for (name, pack) in PACKERS.iter().filter(|(name, _)| *name != "lzma") {
        let report = report_of(&[pack(b"harmless text"), marker()].concat());
        assert_eq!(markers(&report), 1, "{name}: {report:#?}");
        assert_eq!(severity_of(&report, "archive.hidden-data"), Some(Severity::Medium), "{name}");
    }
}

#[test]
fn zero_padding_behind_the_end_is_honest() {
    let report = report_of(&[gzip(b"text"), vec![0; 512]].concat());
    assert_eq!(report.verdict, Verdict::Clean, "{report:#?}");
}

#[test]
fn joblib_zf_is_unpacked_f07() {
    for padding in ["", " "] {
        let header = format!("ZF{:<19}{padding}", format!("{:#x}", marker().len()));
        let report = report_of(&[header.as_bytes(), &zlib(&marker())].concat());
        assert_eq!(markers(&report), 1, "{report:#?}");
    }
}

#[test]
fn what_came_before_damage_is_scanned() {
    for (name, pack) in PACKERS {
        let noise = noise(2_000_000);
        let mut packed = pack(&[marker(), noise].concat());
        packed.truncate(packed.len() - 1000);
        let report = report_of(&packed);
        assert_eq!(markers(&report), 1, "{name}: {report:#?}");
        assert_eq!(cause_of(&report), Some(PartialCause::Fault), "{name}");
    }
}

#[test]
fn bytes_that_only_begin_like_zlib_are_no_zlib() {
    let report = report_of(&[b"\x78\x9c".as_slice(), &[0xee; 5000]].concat());
    assert_eq!(report.verdict, Verdict::NotAModel, "{report:#?}");
}

#[test]
fn zeros_that_compress_well_are_honest() {
    for (name, pack) in PACKERS.iter().filter(|(name, _)| *name != "lzma") {
        let report = report_of(&pack(&vec![0; 3_000_000]));
        assert_eq!(report.findings, [], "{name}");
    }
}

#[test]
fn bomb_is_told() {
    // Just over what counts, with the codec that gets there fastest.
    let layer = bzip2(&vec![0; 300 << 20]);
    let report = report_of(&layer);
    assert_eq!(severity_of(&report, "archive.bomb"), Some(Severity::Medium), "{report:#?}");
}

#[test]
fn dictionary_larger_than_the_limit_is_told() {
    let mut packed = lzma(&marker());
    packed[1..5].copy_from_slice(&(1_u32 << 31).to_le_bytes());
    let report = report_of(&packed);
    assert_eq!(cause_of(&report), Some(PartialCause::Limit), "{report:#?}");
}

#[test]
fn decoded_limit_is_told() {
    let limits = Limits { max_decoded_bytes: 100_000, ..Limits::default() };
    let report = report_within(&gzip(&vec![1; 1 << 20]), limits);
    assert_eq!(cause_of(&report), Some(PartialCause::Limit), "{report:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn mutated_streams_never_panic(codec in 0..PACKERS.len(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = PACKERS[codec].1(&[marker(), vec![5; 3000]].concat());
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        report_of(&bytes);
    }
}
