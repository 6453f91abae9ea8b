//! FlatBuffers, as far as one list of tables with strings needs them.
//!
//! Offsets are the attacker's: each is checked where it is followed, by reading there; what lies behind the end is a fault. Nothing is
//! followed twice, so offsets in a circle end nowhere worse. Encoding: flatbuffers.dev/internals.

use crate::scan::Stop;
use crate::scan::input::Input;

/// The longest string that is read, in bytes.
const MAX_TEXT_BYTES: u32 = 1024;

/// A table.
pub(super) struct Table<'a> {
    input: &'a Input,
    /// Its offset in the input.
    pub(super) at: u64,
}

/// A vector of tables.
pub(super) struct Vector<'a> {
    input: &'a Input,
    at: u64,
    /// How many tables it says that it has.
    pub(super) length: u32,
}

impl<'a> Table<'a> {
    /// The table that all others hang from.
    pub(super) fn root(input: &'a Input) -> Result<Self, Stop> {
        Ok(Self { input, at: follow(input, 0)? })
    }

    /// Where the field of this number is, unless it has its default.
    fn field(&self, number: u16) -> Result<Option<u64>, Stop> {
        let back = i64::from(read_u32(self.input, self.at)? as i32);
        let vtable = self.at.checked_add_signed(back.wrapping_neg()).ok_or_else(|| outside(self.at))?;
        let place = u64::from(number) * 2 + 4;
        if place + 2 > u64::from(read_u16(self.input, vtable)?) {
            return Ok(None);
        }
        let offset = read_u16(self.input, vtable.saturating_add(place))?;
        Ok((offset != 0).then(|| self.at.saturating_add(u64::from(offset))))
    }

    /// The vector of tables in a field.
    pub(super) fn vector(&self, number: u16) -> Result<Option<Vector<'a>>, Stop> {
        let Some(field) = self.field(number)? else { return Ok(None) };
        let at = follow(self.input, field)?;
        Ok(Some(Vector { input: self.input, length: read_u32(self.input, at)?, at: at.saturating_add(4) }))
    }

    /// The string in a field, invalid UTF-8 replaced, and cut.
    pub(super) fn string(&self, number: u16) -> Result<Option<String>, Stop> {
        let Some(field) = self.field(number)? else { return Ok(None) };
        let at = follow(self.input, field)?;
        let length = read_u32(self.input, at)?.min(MAX_TEXT_BYTES);
        let bytes = self.input.bytes_at(at.saturating_add(4), length as usize)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

impl<'a> Vector<'a> {
    /// The table of this number.
    pub(super) fn table(&self, number: u32) -> Result<Table<'a>, Stop> {
        Ok(Table { input: self.input, at: follow(self.input, self.at.saturating_add(u64::from(number) * 4))? })
    }
}

/// Where the offset at `at` leads.
fn follow(input: &Input, at: u64) -> Result<u64, Stop> {
    Ok(at.saturating_add(u64::from(read_u32(input, at)?)))
}

fn read_u32(input: &Input, at: u64) -> Result<u32, Stop> {
    let mut bytes = [0; 4];
    if input.read_at(at, &mut bytes)? < bytes.len() {
        return Err(outside(at));
    }
    Ok(u32::from_le_bytes(bytes))
}

fn read_u16(input: &Input, at: u64) -> Result<u16, Stop> {
    let mut bytes = [0; 2];
    if input.read_at(at, &mut bytes)? < bytes.len() {
        return Err(outside(at));
    }
    Ok(u16::from_le_bytes(bytes))
}

fn outside(at: u64) -> Stop {
    Stop::Fault(format!("an offset leads to byte {at}, outside of the file"))
}
