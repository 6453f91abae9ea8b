//! The HDF5 library, as far as a scan needs it: objects, links, attributes, and how data sets are stored. It only reads.
//!
//! The library is C and gets attackers' bytes: call it in a confined worker, and never give that worker another file ([`before_use`]). It
//! is called by one thread at a time, loads no plug-in, and opens no path: it reads through an [`Image`]. Links are told and never
//! followed out of the file, and the data of data sets is not read, but for rows that hold objects.

mod attribute;
mod bindings;
mod driver;
mod object;

use std::cell::RefCell;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bindings::{
    H5Eset_auto2, H5Fopen, H5Idec_ref, H5Oopen, H5P_CLS_FILE_ACCESS_ID_g, H5PLset_loading_state, H5Pcreate,
    H5Pset_driver, H5dont_atexit, H5open, Hid,
};

pub(crate) use object::{Kind, Object, Target};

/// The group itself, where the library wants a path.
const HERE: &CStr = c".";
/// The default property list, and the default order of what is numbered: by name, ascending.
const DEFAULT: Hid = 0;
const BY_NAME: i32 = 0;
const ASCENDING: i32 = 0;

static LIBRARY: Mutex<()> = Mutex::new(());

/// Fills a buffer from an offset on, as far as there are bytes; `false` when they cannot be read.
type Read = dyn Fn(u64, &mut [u8]) -> bool;

/// The bytes of a file.
pub(crate) struct Image {
    /// How many there are.
    pub(crate) size: u64,
    /// How they are read.
    pub(crate) read: Box<Read>,
}

/// What the library would not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the HDF5 library cannot read {0}")]
pub(crate) struct Refused(&'static str);

/// What is done before the library gets to see bytes.
type Announcement = Box<dyn Fn()>;

thread_local! {
    static BEFORE_USE: RefCell<Option<Announcement>> = const { RefCell::new(None) };
}

/// Has `announce` called before each file that this thread opens: from then on the process may be in the hands of whoever wrote the
/// file, so that it is too late afterwards.
pub(crate) fn before_use(announce: impl Fn() + 'static) {
    BEFORE_USE.with(|before| *before.borrow_mut() = Some(Box::new(announce)));
}

/// Starts the library: what it asks of the machine, it asks now. Returns its driver.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn start() -> Result<i64, Refused> {
    static DRIVER: OnceLock<Hid> = OnceLock::new();
    let driver = *DRIVER.get_or_init(|| {
        // SAFETY: plain calls without pointers but for null, which mean "print no errors"; made once.
        unsafe {
            H5dont_atexit();
            if H5open() < 0 {
                return -1;
            }
            H5Eset_auto2(DEFAULT, std::ptr::null(), std::ptr::null_mut());
            H5PLset_loading_state(0);
        }
        driver::register()
    });
    if driver < 0 { Err(Refused("anything: it does not start")) } else { Ok(driver) }
}

/// An identifier of the library, given back on drop.
struct Id(Hid);

impl Id {
    fn new(id: Hid, what: &'static str) -> Result<Self, Refused> {
        if id < 0 { Err(Refused(what)) } else { Ok(Self(id)) }
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        // SAFETY: the identifier is valid until here, as nothing else gives it back.
        unsafe { H5Idec_ref(self.0) };
    }
}

/// Success of a call.
fn check(status: i32, what: &'static str) -> Result<(), Refused> {
    if status < 0 { Err(Refused(what)) } else { Ok(()) }
}

/// An open file. While it is, no other thread calls the library; a thread that opens a second one waits for ever.
pub(crate) struct File {
    id: Id,
    _library: MutexGuard<'static, ()>,
}

impl File {
    /// Opens a file to read.
    ///
    /// # Errors
    /// When the library does not take it for HDF5.
    pub(crate) fn open(image: Image) -> Result<Self, Refused> {
        let library = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
        let driver = start()?;
        BEFORE_USE.with(|before| before.borrow().iter().for_each(|announce| announce()));
        // SAFETY: the class is a number that the library has set when it started.
        let access = Id::new(unsafe { H5Pcreate(H5P_CLS_FILE_ACCESS_ID_g) }, "the file")?;
        // SAFETY: the driver has no settings.
        check(unsafe { H5Pset_driver(access.0, driver, std::ptr::null()) }, "the file")?;
        driver::set_next(Some(image));
        // An absolute name, so that the library does not ask for the working folder. It is for nobody.
        // SAFETY: the name ends with a zero; flags 0 mean to read.
        let id = Id::new(unsafe { H5Fopen(c"/model".as_ptr(), 0, access.0) }, "the file");
        driver::set_next(None);
        Ok(Self { id: id?, _library: library })
    }

    /// The group at the root.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn root(&self) -> Result<Object<'_>, Refused> {
        // SAFETY: the name ends with a zero.
        let id = Id::new(unsafe { H5Oopen(self.id.0, c"/".as_ptr(), DEFAULT) }, "the root group")?;
        Ok(Object { id, file: PhantomData })
    }
}
