//! What the HDF5 library tells of a file: values that a loader parses or unpickles, other files that it reads, filters.
//!
//! Goes through all objects that can be reached inside the file, each once, and collects; nothing is judged or scanned while the library
//! is open, as a value may be an HDF5 file in turn.

use std::collections::HashSet;

use crate::report::Severity;
use crate::scan::Stop;
use crate::scan::input::Input;
use crate::sys::hdf5::{File, Image, Kind, Object, Refused, Target};

/// Objects of one file.
const MAX_OBJECTS: usize = 50_000;
/// Groups inside groups.
const MAX_DEPTH: usize = 256;
/// Attributes and links of one file.
const MAX_ITEMS: u64 = 500_000;
/// Things of one file that the library refuses; a damaged count may promise any number of them.
const MAX_REFUSALS: u32 = 64;
/// Bytes of all values that are kept, and of the longest attribute.
const MAX_VALUE_BYTES: usize = 64 << 20;
/// Rows of one data set that holds objects.
const MAX_ROWS: u64 = 10_000;
/// What is decoded to a file in memory.
const MAX_DECODED_BYTES: u64 = 64 << 20;
/// Filters below this number are the library's own.
const FIRST_FOREIGN_FILTER: i32 = 256;
/// Filters that h5py, PyTables and hdf5plugin bring, by their registered numbers (HDF5 registered filters).
const KNOWN_FILTERS: [i32; 18] = [
    305, 307, 32000, 32001, 32003, 32004, 32005, 32008, 32010, 32013, 32015, 32017, 32018, 32019, 32022, 32024, 32026,
    32028,
];

/// A value that goes to the engine.
pub(super) struct Value {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// What was collected.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) values: Vec<Value>,
    /// Links and data sets that lead out, as `path: file`.
    pub(super) external: Vec<(String, Severity)>,
    /// Filters that no known library has, with the data set.
    pub(super) filters: Vec<(String, i32)>,
    /// Why not everything was read.
    pub(super) stop: Option<Stop>,
    value_bytes: usize,
    items: u64,
    refusals: u32,
}

/// Reads a file.
pub(super) fn read(input: &Input) -> Result<Contents, Stop> {
    let file = File::open(image(input)?)?;
    let mut contents = Contents::default();
    contents.walk(file.root()?);
    Ok(contents)
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Fault(refused.to_string())
    }
}

/// The bytes, for the library. What is packed is unpacked once.
fn image(input: &Input) -> Result<Image, Stop> {
    let size = input.size()?;
    if input.is_random_access() {
        let input = input.clone();
        let read = move |at: u64, buffer: &mut [u8]| input.read_at(at, buffer).is_ok();
        return Ok(Image { size, read: Box::new(read) });
    }
    if size > MAX_DECODED_BYTES {
        return Err(Stop::Limit(format!("a packed HDF5 file has more than {MAX_DECODED_BYTES} bytes")));
    }
    let bytes = input.bytes_at(0, usize::try_from(size).unwrap_or_default())?;
    let read = move |at: u64, buffer: &mut [u8]| {
        let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        true
    };
    Ok(Image { size, read: Box::new(read) })
}

/// A group on the way, with the next of its links.
struct Step<'f> {
    object: Object<'f>,
    path: String,
    next: u64,
    links: u64,
}

impl Contents {
    fn walk<'f>(&mut self, root: Object<'f>) {
        let mut seen = HashSet::new();
        let mut way: Vec<Step<'f>> = Vec::new();
        self.enter(root, String::new(), &mut seen, &mut way);
        while let Some(step) = way.last_mut() {
            if step.next >= step.links {
                way.pop();
                continue;
            }
            let n = step.next;
            step.next += 1;
            match self.follow(step, n) {
                Ok(Some((child, path))) => self.enter(child, path, &mut seen, &mut way),
                Ok(None) => {}
                Err(refused) => self.refuse(refused),
            }
            if !self.may_go_on() {
                return;
            }
            if seen.len() > MAX_OBJECTS || way.len() > MAX_DEPTH {
                return self.stop(Stop::Limit("the HDF5 file has too many objects, or too deep".to_owned()));
            }
        }
    }

    /// The object behind a link, if it is one of this file.
    fn follow<'f>(&mut self, step: &Step<'f>, n: u64) -> Result<Option<(Object<'f>, String)>, Refused> {
        let (name, target) = step.object.link(n)?;
        let path = format!("{}/{}", step.path, lossy(&name));
        match target {
            Target::Object => return Ok(Some((step.object.open(n)?, path))),
            Target::Soft => {}
            Target::External(value) => {
                let parts: Vec<_> =
                    value.get(1..).unwrap_or_default().split(|byte| *byte == 0).take(2).map(lossy).collect();
                self.external.push((format!("{path}: {}", parts.join(" ")), Severity::High));
            }
            Target::UserDefined => self.external.push((format!("{path}: a link of an unknown kind"), Severity::Medium)),
        }
        Ok(None)
    }

    /// Looks at an object, once.
    fn enter<'f>(&mut self, object: Object<'f>, path: String, seen: &mut HashSet<[u8; 16]>, way: &mut Vec<Step<'f>>) {
        match self.look(&object, &path, seen) {
            Ok(Some(links)) => way.push(Step { object, path, next: 0, links }),
            Ok(None) => {}
            Err(refused) => self.refuse(refused),
        }
    }

    /// The number of links, of a group that was not seen before.
    fn look(&mut self, object: &Object<'_>, path: &str, seen: &mut HashSet<[u8; 16]>) -> Result<Option<u64>, Refused> {
        let (kind, token, attributes) = object.info()?;
        if !seen.insert(token) {
            return Ok(None);
        }
        let holds_objects = self.attributes(object, path, attributes);
        match kind {
            Kind::Group => return object.links().map(Some),
            Kind::Dataset => self.dataset(object, path, holds_objects)?,
            Kind::Other => {}
        }
        Ok(None)
    }

    /// Collects attributes; tells whether they say that rows are pickled objects.
    fn attributes(&mut self, object: &Object<'_>, path: &str, count: u64) -> bool {
        let mut holds_objects = false;
        for n in 0..count {
            if !self.may_go_on() {
                break;
            }
            match object.attribute(n, MAX_VALUE_BYTES) {
                Ok(attribute) => {
                    let name = lossy(&attribute.name);
                    let is_object = |value: &Vec<u8>| value.starts_with(b"object");
                    holds_objects |= name == "PSEUDOATOM" && attribute.values.iter().any(is_object);
                    let values = attribute.values.into_iter().filter(|value| is_parsed(value));
                    values.for_each(|value| self.keep(format!("{path}@{name}"), value));
                }
                Err(refused) => self.refuse(refused),
            }
        }
        holds_objects
    }

    /// Counts one more link or attribute, within the limits.
    fn may_go_on(&mut self) -> bool {
        self.items += 1;
        if self.items > MAX_ITEMS {
            self.stop(Stop::Limit("the HDF5 file has too many links or attributes".to_owned()));
        }
        self.items <= MAX_ITEMS && self.refusals <= MAX_REFUSALS
    }

    fn refuse(&mut self, refused: Refused) {
        self.refusals += 1;
        self.stop(refused.into());
    }

    fn dataset(&mut self, dataset: &Object<'_>, path: &str, holds_objects: bool) -> Result<(), Refused> {
        let storage = dataset.storage()?;
        // A virtual data set may take from its own file, which it calls `.`.
        for file in storage.files.iter().filter(|file| *file != b".") {
            self.external.push((format!("{path}: {}", lossy(file)), Severity::High));
        }
        let is_unknown = |filter: &i32| *filter >= FIRST_FOREIGN_FILTER && !KNOWN_FILTERS.contains(filter);
        self.filters.extend(storage.filters.iter().copied().filter(is_unknown).map(|filter| (path.to_owned(), filter)));
        if !holds_objects || !storage.files.is_empty() {
            return Ok(());
        }
        let rows = dataset.rows()?;
        if rows > MAX_ROWS {
            self.stop(Stop::Limit(format!("{path} has more than {MAX_ROWS} rows of objects")));
        }
        for n in 0..rows.min(MAX_ROWS) {
            let row = dataset.row(n)?;
            self.keep(format!("{path}[{n}]"), row);
        }
        Ok(())
    }

    fn keep(&mut self, name: String, bytes: Vec<u8>) {
        self.value_bytes = self.value_bytes.saturating_add(bytes.len());
        if self.value_bytes > MAX_VALUE_BYTES {
            self.stop(Stop::Limit(format!("the values of the HDF5 file have more than {MAX_VALUE_BYTES} bytes")));
        } else if !bytes.is_empty() {
            self.values.push(Value { name, bytes });
        }
    }

    /// Keeps the first reason.
    fn stop(&mut self, stop: Stop) {
        self.stop.get_or_insert(stop);
    }
}

/// Whether a loader may parse or unpickle a value: Keras reads JSON from attributes, PyTables unpickles whatever looks like a pickle.
fn is_parsed(value: &[u8]) -> bool {
    let end = value.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let value = value.get(..end).unwrap_or_default();
    let is_json = value.trim_ascii_start().starts_with(b"{");
    is_json || value.starts_with(b"\x80") || (value.len() > 1 && value.ends_with(b"."))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
