//! What a file imports, listed with what the rules say of each: for people who extend the tables, and for tests.

use super::machine::Machine;
use crate::scan::Scan;
use crate::scan::rules::Judgement;

/// Imports listed of one file, at most.
const MAX_USES: usize = 65_536;

/// One import of a pickle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The module as the pickle writes it.
    pub module: String,
    /// The name as the pickle writes it; empty for a module itself.
    pub name: String,
    /// The dotted name that Python 3 looks up.
    pub path: String,
    /// What the rules say of it.
    pub judgement: Judgement,
}

impl Scan<'_> {
    /// Adds the imports of a pickle to the list of those that are used, when one is kept.
    pub(super) fn saw_imports(&mut self, machine: &Machine<'_>) {
        let Some(uses) = self.uses() else { return };
        for global in machine.globals.iter().take(MAX_USES.saturating_sub(uses.len())) {
            let written = global.written.as_ref().map_or((&global.module, &global.name), |(m, n)| (m, n));
            let entry = Use {
                module: written.0.to_string(),
                name: written.1.to_string(),
                path: global.path(),
                judgement: global.judgement,
            };
            uses.push(entry);
        }
    }
}
