//! Groups and data sets: what they link to, and where their data is.

use std::ffi::c_uint;
use std::marker::PhantomData;
use std::ptr;

use super::attribute::{self, Attribute};
use super::bindings::{
    GroupInfo, H5Aopen_by_idx, H5Dget_create_plist, H5Dget_space, H5Dget_type, H5Dread, H5Gget_info,
    H5Lget_info_by_idx2, H5Lget_name_by_idx, H5Lget_val_by_idx, H5Oget_info3, H5Oopen_by_idx, H5Pget_external,
    H5Pget_external_count, H5Pget_filter2, H5Pget_layout, H5Pget_nfilters, H5Pget_virtual_count,
    H5Pget_virtual_filename, H5Screate_simple, H5Sget_simple_extent_ndims, H5Sget_simple_extent_npoints,
    H5Sselect_hyperslab, H5Tget_class, LinkInfo, ObjectInfo,
};
use super::{ASCENDING, BY_NAME, DEFAULT, File, HERE, Id, Refused, check};

/// The longest name or path that is read.
const MAX_NAME_BYTES: usize = 4096;
/// What `H5Oget_info3` is asked for: identity, kind, number of attributes.
const BASIC_AND_ATTRIBUTES: c_uint = 0x1 | 0x4;
/// Data that is put together from other data sets (`H5D_VIRTUAL`).
const VIRTUAL: i32 = 3;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Group,
    Dataset,
    Other,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// An object of this file.
    Object,
    /// A path in this file.
    Soft,
    /// Another file and a path in it, as they are stored: flags, then two texts that end with a zero.
    External(Vec<u8>),
    /// Something that only a program of its own follows.
    UserDefined,
}

/// Where the data of a data set is, and what it goes through.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    /// Other files that hold the data, or data sets of it.
    pub(crate) files: Vec<Vec<u8>>,
    /// The filters, by number.
    pub(crate) filters: Vec<i32>,
}

/// An object of an open file.
pub(crate) struct Object<'f> {
    pub(super) id: Id,
    pub(super) file: PhantomData<&'f File>,
}

impl Object<'_> {
    /// What it is, what tells it from others of the file, and the number of its attributes.
    pub(crate) fn info(&self) -> Result<(Kind, [u8; 16], u64), Refused> {
        let mut info = ObjectInfo::default();
        // SAFETY: the record is laid out as the library's.
        check(unsafe { H5Oget_info3(self.id.0, &raw mut info, BASIC_AND_ATTRIBUTES) }, "an object")?;
        let kind = match info.kind {
            0 => Kind::Group,
            1 => Kind::Dataset,
            _ => Kind::Other,
        };
        Ok((kind, info.token, info.attributes))
    }

    /// Its attribute number `n`, whose items have at most `max_bytes`.
    pub(crate) fn attribute(&self, n: u64, max_bytes: usize) -> Result<Attribute, Refused> {
        // SAFETY: the name ends with a zero.
        let id = unsafe { H5Aopen_by_idx(self.id.0, HERE.as_ptr(), BY_NAME, ASCENDING, n, DEFAULT, DEFAULT) };
        attribute::read(&Id::new(id, "an attribute")?, max_bytes)
    }

    /// The number of links of a group.
    pub(crate) fn links(&self) -> Result<u64, Refused> {
        let mut info = GroupInfo::default();
        // SAFETY: the record is laid out as the library's.
        check(unsafe { H5Gget_info(self.id.0, &raw mut info) }, "a group")?;
        Ok(info.links)
    }

    /// The name of link `n` of a group, and where it leads.
    pub(crate) fn link(&self, n: u64) -> Result<(Vec<u8>, Target), Refused> {
        let mut info = LinkInfo::default();
        let here = HERE.as_ptr();
        let info_of = &raw mut info;
        // SAFETY: the name ends with a zero, the record is laid out as the library's.
        let status = unsafe { H5Lget_info_by_idx2(self.id.0, here, BY_NAME, ASCENDING, n, info_of, DEFAULT) };
        check(status, "a link")?;
        let mut name = vec![0_u8; MAX_NAME_BYTES];
        let (to, room) = (name.as_mut_ptr().cast(), name.len());
        // SAFETY: the buffer has as many bytes as is said, and a zero is written within.
        let size = unsafe { H5Lget_name_by_idx(self.id.0, here, BY_NAME, ASCENDING, n, to, room, DEFAULT) };
        name.truncate(usize::try_from(size).map_err(|_| Refused("the name of a link"))?.min(MAX_NAME_BYTES - 1));
        let target = match info.kind {
            0 => Target::Object,
            1 => Target::Soft,
            64 => Target::External(self.link_value(n, info.target[0])?),
            _ => Target::UserDefined,
        };
        Ok((name, target))
    }

    fn link_value(&self, n: u64, size: u64) -> Result<Vec<u8>, Refused> {
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(MAX_NAME_BYTES);
        let mut value = vec![0_u8; size];
        let to = value.as_mut_ptr().cast();
        // SAFETY: the buffer has as many bytes as is said.
        let status = unsafe { H5Lget_val_by_idx(self.id.0, HERE.as_ptr(), BY_NAME, ASCENDING, n, to, size, DEFAULT) };
        check(status, "a link")?;
        Ok(value)
    }

    /// Opens what link `n` leads to; only for [`Target::Object`], as the library would follow the others.
    pub(crate) fn open(&self, n: u64) -> Result<Self, Refused> {
        // SAFETY: the name ends with a zero.
        let id = unsafe { H5Oopen_by_idx(self.id.0, HERE.as_ptr(), BY_NAME, ASCENDING, n, DEFAULT) };
        Ok(Self { id: Id::new(id, "an object")?, file: PhantomData })
    }

    /// How a data set is stored.
    pub(crate) fn storage(&self) -> Result<Storage, Refused> {
        let what = "how a data set is stored";
        // SAFETY: the library gives a new identifier.
        let list = Id::new(unsafe { H5Dget_create_plist(self.id.0) }, what)?;
        let mut storage = Storage::default();
        // SAFETY: numbers for an identifier.
        let (filters, external, layout) =
            unsafe { (H5Pget_nfilters(list.0), H5Pget_external_count(list.0), H5Pget_layout(list.0)) };
        check(filters.min(external), what)?;
        for n in 0..filters.cast_unsigned() {
            let (mut flags, mut values) = (0, 0);
            let none = ptr::null_mut();
            // SAFETY: no room is offered for values or the name, so that only the flags and a number are written.
            let filter =
                unsafe { H5Pget_filter2(list.0, n, &raw mut flags, &raw mut values, none, 0, ptr::null_mut(), none) };
            storage.filters.push(filter);
        }
        for n in 0..external.cast_unsigned().min(MAX_FILES) {
            storage.files.push(text(|to, room| {
                let (mut offset, mut size) = (0, 0);
                // SAFETY: the buffer has as many bytes as is said.
                unsafe { H5Pget_external(list.0, n, room, to, &raw mut offset, &raw mut size) as isize }
            })?);
        }
        if layout == VIRTUAL {
            let mut count = 0;
            // SAFETY: writes one number.
            check(unsafe { H5Pget_virtual_count(list.0, &raw mut count) }, what)?;
            for n in 0..count.min(MAX_FILES as usize) {
                // SAFETY: the buffer has as many bytes as is said.
                storage.files.push(text(|to, room| unsafe { H5Pget_virtual_filename(list.0, n, to, room) })?);
            }
        }
        Ok(storage)
    }

    /// The number of rows of a data set with one dimension whose rows are sequences; zero for every other.
    pub(crate) fn rows(&self) -> Result<u64, Refused> {
        // SAFETY: the library gives new identifiers.
        let (kind, space) = unsafe { (H5Dget_type(self.id.0), H5Dget_space(self.id.0)) };
        let (kind, space) = (Id::new(kind, "a data set")?, Id::new(space, "a data set")?);
        // SAFETY: numbers for identifiers.
        let (class, dimensions) = unsafe { (H5Tget_class(kind.0), H5Sget_simple_extent_ndims(space.0)) };
        // SAFETY: as above.
        let rows = unsafe { H5Sget_simple_extent_npoints(space.0) };
        let has_rows = class == attribute::SEQUENCE && dimensions == 1;
        Ok(if has_rows { u64::try_from(rows).unwrap_or_default() } else { 0 })
    }

    /// The bytes of row `n`.
    pub(crate) fn row(&self, n: u64) -> Result<Vec<u8>, Refused> {
        let (what, one) = ("a row", 1_u64);
        // SAFETY: the library gives new identifiers; the sizes are those of one dimension.
        let (kind, from, to) = unsafe {
            (H5Dget_type(self.id.0), H5Dget_space(self.id.0), H5Screate_simple(1, &raw const one, ptr::null()))
        };
        let (kind, from, to) = (Id::new(kind, what)?, Id::new(from, what)?, Id::new(to, what)?);
        let all = ptr::null();
        // SAFETY: start and count have one number each, for the one dimension.
        check(unsafe { H5Sselect_hyperslab(from.0, 0, &raw const n, all, &raw const one, all) }, what)?;
        let rows = attribute::sequences(&kind, &to, 1, |buffer| {
            // SAFETY: the buffer has room for the one sequence that is selected.
            check(unsafe { H5Dread(self.id.0, kind.0, to.0, from.0, DEFAULT, buffer) }, what)
        })?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }
}

/// Names of other files that are read of one data set.
const MAX_FILES: c_uint = 256;

/// A text that the library writes, up to its zero.
fn text(write: impl FnOnce(*mut std::ffi::c_char, usize) -> isize) -> Result<Vec<u8>, Refused> {
    let mut text = vec![0_u8; MAX_NAME_BYTES];
    if write(text.as_mut_ptr().cast(), MAX_NAME_BYTES - 1) < 0 {
        return Err(Refused("the name of another file"));
    }
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    text.truncate(end);
    Ok(text)
}
