//! The instructions of CPython 2.7 and 3.8 to 3.14 that load and store names; all others are only stepped over.
//!
//! Numbers are those of `opcode.py` (and since 3.13 `_opcode_metadata.py`) of each version. A code object does not tell its version; the number
//! of RESUME, which begins every function since 3.11, does.

use super::{Code, Step};

/// How a version numbers the instructions that matter, and writes their arguments.
struct Version {
    extended: u8,
    load_global: u8,
    load_name: u8,
    load_attr: u8,
    /// Loads an attribute to call it, where that is an instruction of its own.
    load_method: u8,
    import_name: u8,
    import_from: u8,
    store: [u8; 3],
    store_fast: u8,
    load_fast: [u8; 3],
    /// Instructions that leave what was loaded in place.
    invisible: [u8; 5],
    /// The lowest bit of a global's index tells something else.
    is_global_shifted: bool,
    is_attr_shifted: bool,
}

/// A number that no instruction has.
const NONE: u8 = 255;

const V3_8: Version = Version {
    extended: 144,
    load_global: 116,
    load_name: 101,
    load_attr: 106,
    load_method: 160,
    import_name: 108,
    import_from: 109,
    store: [90, 97, NONE],
    store_fast: 125,
    load_fast: [124, NONE, NONE],
    invisible: [9, NONE, NONE, NONE, NONE],
    is_global_shifted: false,
    is_attr_shifted: false,
};
const V3_11: Version = Version { invisible: [9, 0, 2, 166, NONE], is_global_shifted: true, ..V3_8 };
const V3_12: Version = Version {
    load_method: NONE,
    load_fast: [124, 127, 143],
    invisible: [9, 0, 2, NONE, NONE],
    is_attr_shifted: true,
    ..V3_11
};
const V3_13: Version = Version {
    extended: 71,
    load_global: 91,
    load_name: 92,
    load_attr: 82,
    load_method: NONE,
    import_name: 75,
    import_from: 74,
    store: [114, 113, NONE],
    store_fast: 110,
    load_fast: [85, 87, 86],
    invisible: [30, 0, 34, NONE, NONE],
    is_global_shifted: true,
    is_attr_shifted: true,
};
const V3_14: Version = Version {
    extended: 69,
    load_global: 92,
    load_name: 93,
    load_attr: 80,
    load_method: NONE,
    import_name: 73,
    import_from: 72,
    store: [116, 115, NONE],
    store_fast: 112,
    load_fast: [84, 86, 88],
    invisible: [27, 0, 33, NONE, NONE],
    is_global_shifted: true,
    is_attr_shifted: true,
};

/// RESUME of 3.11 and 3.12, of 3.13, and of 3.14.
const RESUMES: [u8; 3] = [151, 149, 128];
/// Instructions that may come before it.
const MAX_BEFORE_RESUME: usize = 16;

/// What the instructions load and store, in order; `None` when they fit no version.
pub(super) fn steps(code: &Code) -> Option<Vec<Step<'_>>> {
    if code.instructions.is_empty() {
        return Some(Vec::new());
    }
    versions(&code.instructions).iter().find_map(|version| version.steps(code)).or_else(|| steps_of_python2(code))
}

/// The versions that the instructions may be of, most likely first.
fn versions(instructions: &[u8]) -> &'static [Version] {
    let pairs = instructions.as_chunks::<2>().0;
    let has = |opcode: u8| pairs.iter().any(|[op, _]| *op == opcode);
    let resume = RESUMES
        .into_iter()
        .find(|resume| pairs.iter().take(MAX_BEFORE_RESUME).any(|[op, argument]| op == resume && *argument <= 3));
    match resume {
        Some(151) if has(166) || has(160) => &[V3_11, V3_12],
        Some(151) => &[V3_12, V3_11],
        Some(149) => &[V3_13],
        Some(128) => &[V3_14],
        _ => &[V3_8],
    }
}

impl Version {
    fn steps<'c>(&self, code: &'c Code) -> Option<Vec<Step<'c>>> {
        let (mut steps, mut extended) = (Vec::new(), 0_usize);
        let (pairs, rest) = code.instructions.as_chunks::<2>();
        for [opcode, argument] in pairs {
            let index = extended << 8 | usize::from(*argument);
            extended = if *opcode == self.extended { index & 0xff_ffff } else { 0 };
            if *opcode != self.extended && !self.invisible.contains(opcode) {
                steps.push(self.step(code, *opcode, index)?);
            }
        }
        rest.is_empty().then_some(steps)
    }

    /// One instruction; `None` when its index is out of range.
    fn step<'c>(&self, code: &'c Code, opcode: u8, index: usize) -> Option<Step<'c>> {
        let name = |shift: bool| code.names.get(if shift { index >> 1 } else { index }).map(String::as_str);
        // Cells and free variables follow the local ones and have names that are not kept.
        let variable = || code.variables.get(index).map(String::as_str);
        Some(match opcode {
            _ if opcode == NONE => Step::Other,
            _ if opcode == self.load_global => Step::Global(name(self.is_global_shifted)?),
            _ if opcode == self.load_name => Step::Global(name(false)?),
            _ if opcode == self.load_attr => Step::Attribute(name(self.is_attr_shifted)?),
            _ if opcode == self.load_method => Step::Attribute(name(false)?),
            _ if opcode == self.import_name => Step::Import(name(false)?),
            _ if opcode == self.import_from => Step::From(name(false)?),
            _ if self.store.contains(&opcode) => Step::Store(name(false)?),
            _ if opcode == self.store_fast => variable().map_or(Step::Other, Step::Store),
            _ if self.load_fast.contains(&opcode) => variable().map_or(Step::Other, Step::Local),
            _ => Step::Other,
        })
    }
}

/// Python 2.7 writes an argument in two further bytes, from number 90 on.
fn steps_of_python2(code: &Code) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    let mut rest = &*code.instructions;
    while let Some((&opcode, after)) = rest.split_first() {
        if opcode < 90 {
            rest = after;
            steps.push(Step::Other);
            continue;
        }
        let [low, high, after @ ..] = after else { return None };
        rest = after;
        let index = usize::from(u16::from_le_bytes([*low, *high]));
        let name = || code.names.get(index).map(String::as_str);
        let variable = code.variables.get(index).map(String::as_str);
        steps.push(match opcode {
            101 | 116 => Step::Global(name()?),
            106 => Step::Attribute(name()?),
            108 => Step::Import(name()?),
            109 => Step::From(name()?),
            90 | 97 => Step::Store(name()?),
            125 => variable.map_or(Step::Other, Step::Store),
            124 => variable.map_or(Step::Other, Step::Local),
            _ => Step::Other,
        });
    }
    Some(steps)
}
