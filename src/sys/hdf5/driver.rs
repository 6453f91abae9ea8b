//! A file driver of the HDF5 library that reads from Rust, so that the library opens no path and holds no copy of the file.
//!
//! Laid out as `H5FD_class_t` and `H5FD_t` of version 2.2 (`H5FDdevelop.h`); the library checks the number of that layout. It only reads.

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;

use super::Image;
use super::bindings::{H5FDregister, Hid};

/// `H5FD_t` and, behind it, what is ours.
#[repr(C)]
struct Open {
    driver: Hid,
    class: *const c_void,
    serial: c_ulong,
    access: c_uint,
    features: c_ulong,
    most: u64,
    base: u64,
    threshold: u64,
    alignment: u64,
    is_paged: bool,
    end: u64,
    image: Image,
}

type Unused = Option<unsafe extern "C" fn()>;

/// `H5FD_class_t`.
#[repr(C)]
struct Class {
    version: c_uint,
    value: c_int,
    name: *const c_char,
    most: u64,
    close_degree: c_int,
    before: [Unused; 4],
    access_bytes: usize,
    access: [Unused; 3],
    transfer_bytes: usize,
    transfer: [Unused; 2],
    open: unsafe extern "C" fn(*const c_char, c_uint, Hid, u64) -> *mut Open,
    close: unsafe extern "C" fn(*mut Open) -> c_int,
    compare: Unused,
    query: Unused,
    type_map: Unused,
    allocate: Unused,
    free: Unused,
    get_end: unsafe extern "C" fn(*const Open, c_int) -> u64,
    set_end: unsafe extern "C" fn(*mut Open, c_int, u64) -> c_int,
    get_size: unsafe extern "C" fn(*const Open, c_int) -> u64,
    handle: Unused,
    read: unsafe extern "C" fn(*mut Open, c_int, Hid, u64, usize, *mut c_void) -> c_int,
    write: unsafe extern "C" fn(*mut Open, c_int, Hid, u64, usize, *const c_void) -> c_int,
    behind: [Unused; 10],
    lists: [c_int; 7],
}

// SAFETY: the class is never written, and its pointer is to a constant.
unsafe impl Sync for Class {}

/// Offsets are signed in the library.
const MOST: u64 = i64::MAX as u64;

static CLASS: Class = Class {
    version: 1,
    // Of the range that the library leaves for tests: nobody registers one there.
    value: 511,
    name: c"modelscand".as_ptr(),
    most: MOST,
    // Strong: whatever is open goes with its file.
    close_degree: 3,
    before: [None; 4],
    access_bytes: 0,
    access: [None; 3],
    transfer_bytes: 0,
    transfer: [None; 2],
    open,
    close,
    compare: None,
    query: None,
    type_map: None,
    allocate: None,
    free: None,
    get_end,
    set_end,
    get_size,
    handle: None,
    read,
    write,
    behind: [None; 10],
    lists: [0; 7],
};

thread_local! {
    /// What the next `open` takes.
    static NEXT: RefCell<Option<Image>> = const { RefCell::new(None) };
}

/// Makes the driver known to the library; negative when it refuses.
pub(super) fn register() -> Hid {
    // SAFETY: the class is laid out as the library's headers say, and lives for ever.
    unsafe { H5FDregister(ptr::from_ref(&CLASS).cast()) }
}

/// Sets what the next file is read from.
pub(super) fn set_next(image: Option<Image>) {
    NEXT.with(|next| *next.borrow_mut() = image);
}

unsafe extern "C" fn open(_: *const c_char, flags: c_uint, _: Hid, _: u64) -> *mut Open {
    let Some(image) = NEXT.with(|next| next.borrow_mut().take()) else { return ptr::null_mut() };
    Box::into_raw(Box::new(Open {
        driver: 0,
        class: ptr::null(),
        serial: 0,
        access: flags,
        features: 0,
        most: MOST,
        base: 0,
        threshold: 0,
        alignment: 0,
        is_paged: false,
        end: 0,
        image,
    }))
}

unsafe extern "C" fn close(file: *mut Open) -> c_int {
    // SAFETY: the library closes what `open` gave it, once.
    drop(unsafe { Box::from_raw(file) });
    0
}

unsafe extern "C" fn get_end(file: *const Open, _: c_int) -> u64 {
    // SAFETY: the library hands back what `open` gave it.
    unsafe { (*file).end }
}

unsafe extern "C" fn set_end(file: *mut Open, _: c_int, end: u64) -> c_int {
    // SAFETY: as above, and nobody else holds it meanwhile: the library is called by one thread at a time.
    unsafe { (*file).end = end };
    0
}

unsafe extern "C" fn get_size(file: *const Open, _: c_int) -> u64 {
    // SAFETY: as above.
    unsafe { (*file).image.size }
}

unsafe extern "C" fn read(file: *mut Open, _: c_int, _: Hid, at: u64, size: usize, buffer: *mut c_void) -> c_int {
    if buffer.is_null() {
        return -1;
    }
    // SAFETY: the library owns `size` bytes at `buffer`; they are made valid before Rust sees them.
    let buffer = unsafe {
        ptr::write_bytes(buffer.cast::<u8>(), 0, size);
        std::slice::from_raw_parts_mut(buffer.cast::<u8>(), size)
    };
    // SAFETY: as above.
    let image = unsafe { &(*file).image };
    // Behind the end of the file there are zeros, as in the library's own drivers.
    if (image.read)(at, buffer) { 0 } else { -1 }
}

unsafe extern "C" fn write(_: *mut Open, _: c_int, _: Hid, _: u64, _: usize, _: *const c_void) -> c_int {
    -1
}
