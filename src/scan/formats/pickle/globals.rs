//! The table of imports: each callable that a pickle names, once, with what the rules say of it.

use std::collections::HashMap;

use super::handed_on;
use super::value::GlobalId;
use crate::report::Severity;
use crate::scan::rules::{Judgement, Rules, map_python2};

/// Imports kept of one stream; what is beyond is judged and then unknown.
const MAX_GLOBALS: usize = 131_072;
/// Bytes of names kept of one stream.
const MAX_NAME_BYTES: usize = 32 << 20;
/// Findings of one kind about one import.
const MAX_FINDINGS_EACH: u8 = 4;

/// Something imported.
#[derive(Debug, Clone)]
pub(super) struct Global {
    /// As Python 3 looks it up; `name` is empty for a module itself.
    pub(super) module: Box<str>,
    pub(super) name: Box<str>,
    /// As the pickle writes it, where that differs.
    pub(super) written: Option<(Box<str>, Box<str>)>,
    /// What the rules say: the worst of the readings.
    pub(super) judgement: Judgement,
    /// Offset of the opcode that imported it first.
    pub(super) at: u64,
    /// A finding tells of it already, so that no further one is made for the import.
    pub(super) is_told: bool,
    findings: u8,
    /// The worst of them: more about a harmless use never hide the dangerous one behind them.
    worst: Option<Severity>,
}

impl Global {
    /// The dotted name.
    pub(super) fn path(&self) -> String {
        if self.name.is_empty() { self.module.to_string() } else { format!("{}.{}", self.module, self.name) }
    }

    /// `module.name` is exactly this one.
    pub(super) fn is(&self, module: &str, name: &str) -> bool {
        &*self.module == module && &*self.name == name
    }

    /// Counts a finding about it; `false` when there were enough that are as bad.
    pub(super) fn take_finding(&mut self, severity: Severity) -> bool {
        self.is_told = true;
        if self.worst < Some(severity) {
            self.worst = Some(severity);
            self.findings = 0;
        }
        self.findings = self.findings.saturating_add(1);
        self.findings <= MAX_FINDINGS_EACH
    }
}

/// All imports of one stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Globals {
    list: Vec<Global>,
    by_name: HashMap<(Box<str>, Box<str>), GlobalId>,
    name_bytes: usize,
    /// There is one that must not be handed on.
    pub(super) has_conditional: bool,
}

impl Globals {
    /// The import of `name` from `module` as written; `is_python2` when the protocol makes Python 3 map old names. `Err` is an import
    /// for which there is no room, judged.
    pub(super) fn intern(
        &mut self,
        rules: &Rules,
        (module, name): (&str, &str),
        is_python2: bool,
        at: u64,
    ) -> Result<(GlobalId, bool), Box<Global>> {
        let (new_module, new_name) = if is_python2 { map_python2(module, name) } else { (module, name) };
        let is_mapped = (new_module, new_name) != (module, name);
        let key = (Box::<str>::from(new_module), Box::<str>::from(new_name));
        if let Some(id) = self.by_name.get(&key) {
            return Ok((*id, false));
        }
        let global = Global {
            module: key.0.clone(),
            name: key.1.clone(),
            written: is_mapped.then(|| (module.into(), name.into())),
            judgement: judge(rules, (module, name), (new_module, new_name)),
            at,
            is_told: false,
            findings: 0,
            worst: None,
        };
        self.name_bytes += 4 * (key.0.len() + key.1.len());
        if self.list.len() >= MAX_GLOBALS || self.name_bytes > MAX_NAME_BYTES {
            return Err(Box::new(global));
        }
        let id = GlobalId(self.list.len() as u32);
        self.has_conditional |= handed_on::depends_on_arguments(&global.judgement);
        self.list.push(global);
        self.by_name.insert(key, id);
        Ok((id, true))
    }

    pub(super) fn get(&self, id: GlobalId) -> Option<&Global> {
        self.list.get(id.0 as usize)
    }

    pub(super) fn get_mut(&mut self, id: GlobalId) -> Option<&mut Global> {
        self.list.get_mut(id.0 as usize)
    }

    /// All of them, in the order in which they were imported.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Global> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Global> {
        self.list.iter_mut()
    }
}

/// Judges what Python 3 reads, and what Python 2 would read where that is known to be worse.
fn judge(rules: &Rules, written: (&str, &str), read: (&str, &str)) -> Judgement {
    let judgement = rules.judge(read.0, read.1);
    if written == read {
        return judgement;
    }
    let unmapped = rules.judge(written.0, written.1);
    let is_worse = match (unmapped, judgement) {
        (Judgement::Dangerous { severity: old, .. }, Judgement::Dangerous { severity: new, .. }) => old > new,
        (Judgement::Dangerous { severity, .. }, Judgement::Unknown) => severity >= Severity::High,
        (Judgement::Dangerous { severity, .. }, _) => severity == Severity::Critical,
        _ => false,
    };
    if is_worse { unmapped } else { judgement }
}
