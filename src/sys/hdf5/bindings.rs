//! The functions of the HDF5 library that are called, as its headers of version 2.2 declare them.
//!
//! Enumerations are plain numbers here: what the library returns comes from a file, and a Rust `enum` must not hold a number that it
//! does not name.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

// Links the library that the crate builds.
use hdf5_metno_sys as _;

pub(super) type Hid = i64;

/// `H5L_info2_t`.
#[repr(C)]
#[derive(Default)]
pub(super) struct LinkInfo {
    pub(super) kind: c_int,
    pub(super) has_order: bool,
    pub(super) order: i64,
    pub(super) charset: c_int,
    /// A union: the token of a hard link, or in the first word the size of the value of another link.
    pub(super) target: [u64; 2],
}

/// `H5O_info2_t`.
#[repr(C)]
#[derive(Default)]
pub(super) struct ObjectInfo {
    pub(super) file: c_ulong,
    pub(super) token: [u8; 16],
    pub(super) kind: c_int,
    pub(super) references: c_uint,
    pub(super) times: [i64; 4],
    pub(super) attributes: u64,
}

/// `H5G_info_t`.
#[repr(C)]
#[derive(Default)]
pub(super) struct GroupInfo {
    pub(super) storage: c_int,
    pub(super) links: u64,
    pub(super) order: i64,
    pub(super) is_mounted: bool,
}

/// `hvl_t`: a sequence that the library has allocated.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Sequence {
    pub(super) length: usize,
    pub(super) items: *mut c_void,
}

unsafe extern "C" {
    pub(super) static H5P_CLS_FILE_ACCESS_ID_g: Hid;

    pub(super) fn H5open() -> c_int;
    pub(super) fn H5dont_atexit() -> c_int;
    pub(super) fn H5Eset_auto2(stack: Hid, report: *const c_void, data: *mut c_void) -> c_int;
    pub(super) fn H5PLset_loading_state(mask: c_uint) -> c_int;
    pub(super) fn H5Idec_ref(id: Hid) -> c_int;
    pub(super) fn H5FDregister(class: *const c_void) -> Hid;

    pub(super) fn H5Pcreate(class: Hid) -> Hid;
    pub(super) fn H5Pset_driver(list: Hid, driver: Hid, data: *const c_void) -> c_int;
    pub(super) fn H5Fopen(name: *const c_char, flags: c_uint, list: Hid) -> Hid;
    pub(super) fn H5Oopen(at: Hid, name: *const c_char, list: Hid) -> Hid;
    pub(super) fn H5Oopen_by_idx(at: Hid, group: *const c_char, index: c_int, order: c_int, n: u64, list: Hid) -> Hid;
    pub(super) fn H5Oget_info3(object: Hid, info: *mut ObjectInfo, fields: c_uint) -> c_int;
    pub(super) fn H5Gget_info(group: Hid, info: *mut GroupInfo) -> c_int;

    pub(super) fn H5Lget_info_by_idx2(
        at: Hid,
        group: *const c_char,
        index: c_int,
        order: c_int,
        n: u64,
        info: *mut LinkInfo,
        list: Hid,
    ) -> c_int;
    pub(super) fn H5Lget_name_by_idx(
        at: Hid,
        group: *const c_char,
        index: c_int,
        order: c_int,
        n: u64,
        name: *mut c_char,
        size: usize,
        list: Hid,
    ) -> isize;
    pub(super) fn H5Lget_val_by_idx(
        at: Hid,
        group: *const c_char,
        index: c_int,
        order: c_int,
        n: u64,
        value: *mut c_void,
        size: usize,
        list: Hid,
    ) -> c_int;

    pub(super) fn H5Aopen_by_idx(
        at: Hid,
        object: *const c_char,
        index: c_int,
        order: c_int,
        n: u64,
        list: Hid,
        links: Hid,
    ) -> Hid;
    pub(super) fn H5Aget_name(attribute: Hid, size: usize, name: *mut c_char) -> isize;
    pub(super) fn H5Aget_type(attribute: Hid) -> Hid;
    pub(super) fn H5Aget_space(attribute: Hid) -> Hid;
    pub(super) fn H5Aread(attribute: Hid, kind: Hid, buffer: *mut c_void) -> c_int;

    pub(super) fn H5Tget_class(kind: Hid) -> c_int;
    pub(super) fn H5Tdetect_class(kind: Hid, class: c_int) -> c_int;
    pub(super) fn H5Tget_size(kind: Hid) -> usize;
    pub(super) fn H5Tget_super(kind: Hid) -> Hid;
    pub(super) fn H5Tis_variable_str(kind: Hid) -> c_int;
    pub(super) fn H5Treclaim(kind: Hid, space: Hid, list: Hid, buffer: *mut c_void) -> c_int;
    pub(super) fn H5Sget_simple_extent_npoints(space: Hid) -> i64;
    pub(super) fn H5Sget_simple_extent_ndims(space: Hid) -> c_int;
    pub(super) fn H5Screate_simple(rank: c_int, sizes: *const u64, most: *const u64) -> Hid;
    pub(super) fn H5Sselect_hyperslab(
        space: Hid,
        how: c_int,
        start: *const u64,
        stride: *const u64,
        count: *const u64,
        block: *const u64,
    ) -> c_int;

    pub(super) fn H5Dget_create_plist(dataset: Hid) -> Hid;
    pub(super) fn H5Dget_type(dataset: Hid) -> Hid;
    pub(super) fn H5Dget_space(dataset: Hid) -> Hid;
    pub(super) fn H5Dread(dataset: Hid, kind: Hid, to: Hid, from: Hid, list: Hid, buffer: *mut c_void) -> c_int;
    pub(super) fn H5Pget_layout(list: Hid) -> c_int;
    pub(super) fn H5Pget_nfilters(list: Hid) -> c_int;
    pub(super) fn H5Pget_filter2(
        list: Hid,
        n: c_uint,
        flags: *mut c_uint,
        values: *mut usize,
        data: *mut c_uint,
        size: usize,
        name: *mut c_char,
        config: *mut c_uint,
    ) -> c_int;
    pub(super) fn H5Pget_external_count(list: Hid) -> c_int;
    pub(super) fn H5Pget_external(
        list: Hid,
        n: c_uint,
        size: usize,
        name: *mut c_char,
        offset: *mut i64,
        bytes: *mut u64,
    ) -> c_int;
    pub(super) fn H5Pget_virtual_count(list: Hid, count: *mut usize) -> c_int;
    pub(super) fn H5Pget_virtual_filename(list: Hid, n: usize, name: *mut c_char, size: usize) -> isize;
}
