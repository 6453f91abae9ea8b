//! Reads marshalled code objects of CPython 2.7 and 3.8 to 3.14 (`Python/marshal.c`), as far as names and instructions go.
//!
//! Iterative and bounded: nesting, references and sizes are the attacker's. What a version lays out differently is told apart by the number
//! of fields that fit.

use super::Code;

/// Objects inside objects.
const MAX_DEPTH: u32 = 64;
/// Objects of one stream.
const MAX_OBJECTS: u32 = 1 << 20;
/// The flag of a type byte: the object is remembered for later references.
const FLAG_REF: u8 = 0x80;

/// What is kept of an object.
#[derive(Debug, Clone)]
enum Object {
    Text(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Object>),
    Code(Box<Code>),
    Other,
}

/// How a version lays a code object out: numbers before, then objects.
#[derive(Clone, Copy)]
struct Layout {
    numbers: usize,
    /// Objects up to the first line number.
    objects: usize,
    /// Objects behind it.
    behind: usize,
    /// Which object holds the names of variables, and the function's name.
    variables: usize,
    name: usize,
}

/// 3.11 to 3.14; 3.8 to 3.10; 2.7 (and 3.0 to 3.7 differ by one number).
const LAYOUTS: [Layout; 4] = [
    Layout { numbers: 5, objects: 8, behind: 2, variables: 3, name: 6 },
    Layout { numbers: 6, objects: 8, behind: 1, variables: 3, name: 7 },
    Layout { numbers: 5, objects: 8, behind: 1, variables: 3, name: 7 },
    Layout { numbers: 4, objects: 8, behind: 1, variables: 3, name: 7 },
];

/// The code object that `data` begins with, in whichever layout fits.
pub(crate) fn read(data: &[u8]) -> Option<Code> {
    LAYOUTS.iter().find_map(|layout| {
        let mut reader = Reader { data, at: 0, references: Vec::new(), objects: 0, layout: *layout };
        match reader.object(0)? {
            Object::Code(code) => Some(*code),
            _ => None,
        }
    })
}

struct Reader<'d> {
    data: &'d [u8],
    at: usize,
    references: Vec<Object>,
    objects: u32,
    layout: Layout,
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let end = self.at.checked_add(count)?;
        let bytes = self.data.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn long(&mut self) -> Option<usize> {
        let bytes: [u8; 4] = self.take(4)?.try_into().ok()?;
        usize::try_from(i32::from_le_bytes(bytes)).ok()
    }

    fn object(&mut self, depth: u32) -> Option<Object> {
        self.objects += 1;
        if depth > MAX_DEPTH || self.objects > MAX_OBJECTS {
            return None;
        }
        let kind = self.byte()?;
        let place = (kind & FLAG_REF != 0).then(|| {
            self.references.push(Object::Other);
            self.references.len() - 1
        });
        let object = self.body(kind & !FLAG_REF, depth)?;
        if let Some(slot) = place.and_then(|place| self.references.get_mut(place)) {
            // A whole code object is read where it stands; a reference to it needs none of it.
            *slot = if matches!(object, Object::Code(_)) { Object::Other } else { object.clone() };
        }
        Some(object)
    }

    fn body(&mut self, kind: u8, depth: u32) -> Option<Object> {
        Some(match kind {
            b'0' | b'N' | b'F' | b'T' | b'S' | b'.' => Object::Other,
            b'i' => self.skip(4)?,
            b'I' | b'g' => self.skip(8)?,
            b'y' => self.skip(16)?,
            b'f' => {
                let size = usize::from(self.byte()?);
                self.skip(size)?
            }
            b'l' => {
                let digits: [u8; 4] = self.take(4)?.try_into().ok()?;
                let count = usize::try_from(i32::from_le_bytes(digits).unsigned_abs()).ok()?;
                self.skip(count.checked_mul(2)?)?
            }
            b's' | b't' | b'u' | b'a' | b'A' => {
                let size = self.long()?;
                let bytes = self.take(size)?.to_vec();
                let object = if kind == b's' { Object::Bytes(bytes) } else { Object::Text(text(&bytes)) };
                if kind == b't' {
                    // Python 2 remembers interned texts for `R`.
                    self.references.push(object.clone());
                }
                object
            }
            b'z' | b'Z' => {
                let size = usize::from(self.byte()?);
                Object::Text(text(self.take(size)?))
            }
            b')' => {
                let count = usize::from(self.byte()?);
                self.tuple(count, depth)?
            }
            b'(' | b'[' | b'<' | b'>' => {
                let count = self.long()?;
                self.tuple(count, depth)?
            }
            b'{' => {
                while self.data.get(self.at)? & !FLAG_REF != b'0' {
                    self.object(depth + 1)?;
                    self.object(depth + 1)?;
                }
                self.skip(1)?
            }
            b':' => {
                (0..3).try_for_each(|_| self.object(depth + 1).map(|_| ()))?;
                Object::Other
            }
            b'r' | b'R' => {
                let index = self.long()?;
                self.references.get(index)?.clone()
            }
            b'c' => Object::Code(Box::new(self.code(depth)?)),
            _ => return None,
        })
    }

    fn skip(&mut self, count: usize) -> Option<Object> {
        self.take(count)?;
        Some(Object::Other)
    }

    fn tuple(&mut self, count: usize, depth: u32) -> Option<Object> {
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.object(depth + 1)?);
        }
        Some(Object::Tuple(items))
    }

    fn code(&mut self, depth: u32) -> Option<Code> {
        let layout = self.layout;
        self.skip(layout.numbers * 4)?;
        let mut objects = Vec::new();
        for _ in 0..layout.objects {
            objects.push(self.object(depth + 1)?);
        }
        // The first line number.
        self.skip(4)?;
        for _ in 0..layout.behind {
            self.object(depth + 1)?;
        }
        let Some(Object::Bytes(instructions)) = objects.first().cloned() else { return None };
        let (Some(Object::Tuple(constants)), Some(Object::Tuple(names))) = (objects.get(1), objects.get(2)) else {
            return None;
        };
        let variables = match objects.get(layout.variables) {
            Some(Object::Tuple(variables)) => texts(variables),
            _ => return None,
        };
        let name = match objects.get(layout.name) {
            Some(Object::Text(name)) => name.clone(),
            _ => return None,
        };
        let mut code = Code { name, names: texts(names), variables, instructions, ..Code::default() };
        collect(constants, &mut code, 0);
        Some(code)
    }
}

/// Texts and code among the constants, also inside tuples.
fn collect(constants: &[Object], code: &mut Code, depth: u32) {
    for constant in constants {
        match constant {
            Object::Text(text) => code.texts.push(text.clone()),
            Object::Bytes(bytes) => code.texts.push(text(bytes)),
            Object::Code(inner) => code.inner.push((**inner).clone()),
            Object::Tuple(items) if depth < 8 => collect(items, code, depth + 1),
            _ => {}
        }
    }
}

fn texts(objects: &[Object]) -> Vec<String> {
    let text_of = |object: &Object| match object {
        Object::Text(text) => text.clone(),
        Object::Bytes(bytes) => text(bytes),
        _ => String::new(),
    };
    objects.iter().map(text_of).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
