//! Opens the members of an archive and hands them to the engine, in every reading of their headers.
//!
//! Stored members cost a window; packed ones are decoded as they are read. Small members go first, so that a bomb that uses up
//! the budget hides nothing but what is larger.

use std::rc::Rc;

use super::super::{archive, pickle};
use super::judge::mismatch;
use super::survey::{Member, Reading, Survey};
use crate::report::{Finding, PartialCause, Severity};
use crate::scan::decode::Decoded;
use crate::scan::decode::codec::Codec;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};

/// How a method's number is read.
enum Method {
    Stored,
    Packed(Codec),
    Aes,
    Unknown,
}

impl Method {
    /// APPNOTE 4.4.5.
    fn of(reading: &Reading) -> Self {
        match reading.method {
            0 => Self::Stored,
            8 => Self::Packed(Codec::Deflate),
            12 => Self::Packed(Codec::Bzip2),
            14 => Self::Packed(Codec::LzmaZip { size: Some(reading.sizes.size) }),
            93 => Self::Packed(Codec::Zstd),
            95 => Self::Packed(Codec::Xz),
            99 => Self::Aes,
            _ => Self::Unknown,
        }
    }
}

/// What came of scanning a member's data in one way.
#[derive(Default)]
struct Outcome {
    is_recognised: bool,
    /// It was unpacked without an error.
    is_sound: bool,
}

/// Scans all members.
pub(super) fn scan_all(scan: &mut Scan<'_>, input: &Input, survey: &Survey) -> Result<(), Stop> {
    let mut readings: Vec<(&Member, &Reading)> =
        survey.members.iter().flat_map(|member| member.readings.iter().map(move |reading| (member, reading))).collect();
    readings.sort_by_key(|(_, reading)| (reading.method != 0, reading.sizes.packed));
    for (member, reading) in readings.into_iter().filter(|(_, reading)| reading.sizes.packed > 0) {
        scan_reading(scan, input, member, reading)?;
    }
    Ok(())
}

/// The bytes of a member as its first reading gives them; `None` when they cannot be unpacked.
pub(super) fn open(input: &Input, member: &Member) -> Option<Input> {
    let reading = member.readings.first()?;
    let raw = input.slice(reading.data_at, reading.sizes.packed);
    let name = String::from_utf8_lossy(&member.name);
    match Method::of(reading) {
        Method::Stored => Some(raw.as_member(&name)),
        Method::Packed(codec) => Some(raw.derived(&name, Rc::new(codec.decode(&raw).ok()?))),
        Method::Aes | Method::Unknown => None,
    }
}

fn scan_reading(scan: &mut Scan<'_>, input: &Input, member: &Member, reading: &Reading) -> Result<(), Stop> {
    const SYMBOLIC_LINK: u32 = 0o120_000;
    if member.mode & 0o170_000 == SYMBOLIC_LINK {
        judge_link(scan, input, member)?;
    }
    let raw = input.slice(reading.data_at, reading.sizes.packed);
    let name = String::from_utf8_lossy(&member.name);
    let outcome = match Method::of(reading) {
        Method::Stored => Outcome { is_recognised: scan_content(scan, &raw.as_member(&name), member), is_sound: false },
        Method::Packed(codec) => scan_packed(scan, &raw, member, codec, !reading.is_flagged_encrypted)?,
        Method::Aes => Outcome::default(),
        Method::Unknown => return scan_unknown(scan, input, member, reading),
    };
    if reading.is_flagged_encrypted || reading.method == 99 {
        judge_encryption(scan, input, member, reading, &outcome);
    }
    Ok(())
}

/// Hands a member's content to the engine. `torch.load` and others unpickle members of this name whatever they look like.
fn scan_content(scan: &mut Scan<'_>, content: &Input, member: &Member) -> bool {
    let is_recognised = scan.member(content);
    if !is_recognised && member.name.to_ascii_lowercase().ends_with(b".pkl") {
        scan.member_as(&pickle::FORMAT, content);
    }
    is_recognised
}

fn scan_packed(
    scan: &mut Scan<'_>,
    raw: &Input,
    member: &Member,
    codec: Codec,
    damage_counts: bool,
) -> Result<Outcome, Stop> {
    let decoded: Rc<Decoded> = Rc::new(codec.decode(raw)?);
    let inner = raw.derived(&String::from_utf8_lossy(&member.name), Rc::clone(&decoded) as _);
    let is_recognised = scan_content(scan, &inner, member);
    let is_damaged = decoded.is_damaged();
    if damage_counts || !is_damaged {
        decoded.tell(scan, &inner);
    }
    Ok(Outcome { is_recognised, is_sound: !is_damaged && decoded.packed_bytes().is_some() })
}

/// A method that no reader knows: the data may be plain or deflated all the same, for a reader that does not ask.
fn scan_unknown(scan: &mut Scan<'_>, input: &Input, member: &Member, reading: &Reading) -> Result<(), Stop> {
    let raw = input.slice(reading.data_at, reading.sizes.packed);
    let name = String::from_utf8_lossy(&member.name);
    let is_plain = scan.member(&raw.as_member(&name));
    let deflated = if is_plain { Outcome::default() } else { scan_packed(scan, &raw, member, Codec::Deflate, false)? };
    if is_plain || deflated.is_recognised {
        mismatch(scan, input, member.at, "a member names a compression method that it does not use", &member.name);
    } else {
        let reason = format!("compression method {} is not read", reading.method);
        scan.partial(&raw.as_member(&name), PartialCause::Unsupported, &reason);
    }
    Ok(())
}

/// Tells a flag on plain data, which makes scanners look away, from true encryption.
fn judge_encryption(scan: &mut Scan<'_>, input: &Input, member: &Member, reading: &Reading, outcome: &Outcome) {
    // The traditional encryption puts 12 bytes before the data (APPNOTE 6.1.3), so equal sizes leave no room for it.
    let is_plain_stored = reading.method == 0 && reading.sizes.packed == reading.sizes.size;
    if outcome.is_recognised || outcome.is_sound || is_plain_stored {
        mismatch(scan, input, member.at, "a member is said to be encrypted and is not", &member.name);
        return;
    }
    let message = "A member is encrypted and was not scanned";
    let name = String::from_utf8_lossy(&member.name);
    scan.finding(input, Finding::new(archive::ENCRYPTED, Severity::Medium, message).at(member.at).evidence(&name));
    scan.partial(input, PartialCause::Encrypted, &format!("{name} is encrypted"));
}

fn judge_link(scan: &mut Scan<'_>, input: &Input, member: &Member) -> Result<(), Stop> {
    const MAX_TARGET_BYTES: usize = 4096;
    let Some(inner) = open(input, member) else { return Ok(()) };
    let target = inner.bytes_at(0, MAX_TARGET_BYTES)?;
    archive::judge_link(scan, input, &member.name, &target, member.at, true);
    Ok(())
}
