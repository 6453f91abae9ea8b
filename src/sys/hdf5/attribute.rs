//! Values of attributes and of single rows: texts, opaque bytes and sequences of bytes, fixed in size or not.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use super::bindings::{
    H5Aget_name, H5Aget_space, H5Aget_type, H5Aread, H5Sget_simple_extent_npoints, H5Tdetect_class, H5Tget_class,
    H5Tget_size, H5Tget_super, H5Tis_variable_str, H5Treclaim, Sequence,
};
use super::{DEFAULT, Id, Refused, check};

/// Items of a value whose items have sizes of their own.
const MAX_ITEMS: usize = 4096;
/// The longest name that is read.
const MAX_NAME_BYTES: usize = 1024;

// Classes of types (`H5T_class_t`).
const INTEGER: i32 = 0;
const STRING: i32 = 3;
const BITFIELD: i32 = 4;
const OPAQUE: i32 = 5;
pub(super) const SEQUENCE: i32 = 9;

/// An attribute that was read.
pub(crate) struct Attribute {
    pub(crate) name: Vec<u8>,
    /// Its items; none when it holds numbers.
    pub(crate) values: Vec<Vec<u8>>,
}

/// Reads an attribute whose items have at most `max_bytes` together.
pub(super) fn read(id: &Id, max_bytes: usize) -> Result<Attribute, Refused> {
    let what = "an attribute";
    // SAFETY: the identifiers are of an open attribute; the library gives new ones.
    let (kind, space) = unsafe { (H5Aget_type(id.0), H5Aget_space(id.0)) };
    let (kind, space) = (Id::new(kind, what)?, Id::new(space, what)?);
    // SAFETY: a number for an identifier.
    let items = unsafe { H5Sget_simple_extent_npoints(space.0) };
    let items = usize::try_from(items).map_err(|_| Refused(what))?;
    // SAFETY: numbers for identifiers.
    let (class, size) = unsafe { (H5Tget_class(kind.0), H5Tget_size(kind.0)) };
    // SAFETY: as above.
    let is_variable = class == STRING && unsafe { H5Tis_variable_str(kind.0) } > 0;
    let values = match class {
        _ if items == 0 => Vec::new(),
        STRING if is_variable => texts(id, &kind, &space, items)?,
        SEQUENCE => sequences(&kind, &space, items, |buffer| {
            // SAFETY: the buffer has room for `items` sequences.
            check(unsafe { H5Aread(id.0, kind.0, buffer) }, what)
        })?,
        STRING | OPAQUE | INTEGER if class != INTEGER || size == 1 => fixed(id, &kind, items, size, max_bytes, class)?,
        _ => no_text_in(&kind)?,
    };
    Ok(Attribute { name: name(id)?, values })
}

/// Nothing, for a type of numbers and references. Text or bytes inside a structure are not read, and that is said.
fn no_text_in(kind: &Id) -> Result<Vec<Vec<u8>>, Refused> {
    // SAFETY: numbers for an identifier.
    let holds = |class: &i32| unsafe { H5Tdetect_class(kind.0, *class) } != 0;
    // A sequence inside may be of numbers; of what it is, is not looked at.
    if [STRING, OPAQUE, SEQUENCE].iter().any(holds) {
        return Err(Refused("texts or bytes inside structures or arrays"));
    }
    Ok(Vec::new())
}

fn name(id: &Id) -> Result<Vec<u8>, Refused> {
    let mut name = vec![0_u8; MAX_NAME_BYTES];
    // SAFETY: the buffer has as many bytes as is said, and a zero is written within.
    let size = unsafe { H5Aget_name(id.0, name.len(), name.as_mut_ptr().cast()) };
    let size = usize::try_from(size).map_err(|_| Refused("the name of an attribute"))?;
    name.truncate(size.min(MAX_NAME_BYTES - 1));
    Ok(name)
}

/// Items of one size: texts and opaque bytes each by itself, single bytes all together.
fn fixed(id: &Id, kind: &Id, items: usize, size: usize, max_bytes: usize, class: i32) -> Result<Vec<Vec<u8>>, Refused> {
    let total = items.checked_mul(size).filter(|total| *total <= max_bytes && size > 0);
    let mut bytes = vec![0_u8; total.ok_or(Refused("an attribute of that size"))?];
    // SAFETY: the buffer has room for all items, read as the type that they have in the file.
    check(unsafe { H5Aread(id.0, kind.0, bytes.as_mut_ptr().cast()) }, "an attribute")?;
    let each = if class == INTEGER { bytes.len() } else { size };
    Ok(bytes.chunks(each.max(1)).map(<[u8]>::to_vec).collect())
}

/// Texts that end with a zero.
fn texts(id: &Id, kind: &Id, space: &Id, items: usize) -> Result<Vec<Vec<u8>>, Refused> {
    if items > MAX_ITEMS {
        return Err(Refused("an attribute of that many texts"));
    }
    let mut pointers: Vec<*mut c_char> = vec![ptr::null_mut(); items];
    let buffer = pointers.as_mut_ptr().cast::<c_void>();
    // SAFETY: the buffer has room for as many pointers as the attribute has items.
    let status = unsafe { H5Aread(id.0, kind.0, buffer) };
    let copy = |pointer: &*mut c_char| {
        // SAFETY: what is not null is a text of the library's, which ends with a zero, until it is reclaimed.
        if pointer.is_null() { Vec::new() } else { unsafe { CStr::from_ptr(*pointer) }.to_bytes().to_vec() }
    };
    let texts = if status < 0 { Vec::new() } else { pointers.iter().map(copy).collect() };
    // SAFETY: gives back what the library has put into the buffer; null where it has not.
    unsafe { H5Treclaim(kind.0, space.0, DEFAULT, buffer) };
    check(status, "an attribute")?;
    Ok(texts)
}

/// Sequences of bytes, which `read` puts into a buffer for `items` of them.
pub(super) fn sequences(
    kind: &Id,
    space: &Id,
    items: usize,
    read: impl FnOnce(*mut c_void) -> Result<(), Refused>,
) -> Result<Vec<Vec<u8>>, Refused> {
    // SAFETY: the library gives a new identifier.
    let inner = Id::new(unsafe { H5Tget_super(kind.0) }, "a type")?;
    // SAFETY: numbers for identifiers.
    let (class, size) = unsafe { (H5Tget_class(inner.0), H5Tget_size(inner.0)) };
    if ![INTEGER, BITFIELD, OPAQUE].contains(&class) {
        return no_text_in(&inner);
    }
    if items > MAX_ITEMS {
        return Err(Refused("a value of that many sequences"));
    }
    let mut buffer = vec![Sequence { length: 0, items: ptr::null_mut() }; items];
    let status = read(buffer.as_mut_ptr().cast());
    let copy = |sequence: &Sequence| match sequence.length.checked_mul(size) {
        // SAFETY: the library has allocated so many items of that size there, until they are reclaimed.
        Some(bytes) if !sequence.items.is_null() => unsafe {
            std::slice::from_raw_parts(sequence.items.cast::<u8>(), bytes).to_vec()
        },
        _ => Vec::new(),
    };
    let values = if status.is_err() { Vec::new() } else { buffer.iter().map(copy).collect() };
    // SAFETY: gives back what the library has put into the buffer; null where it has not.
    unsafe { H5Treclaim(kind.0, space.0, DEFAULT, buffer.as_mut_ptr().cast()) };
    status.map(|()| values)
}
