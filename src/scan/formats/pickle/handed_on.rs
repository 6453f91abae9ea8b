//! Functions that load, import or execute what they are given, handed on as values instead of being called.
//!
//! A call of such a function is judged by its arguments. As the attribute of an object, the item of a list or the function of a `partial` it
//! is called by somebody else, with arguments that nobody sees: `append` of an object, `detach` of what PyTorch takes for a tensor. No
//! framework writes that.

use super::judge::Objection;
use super::machine::Machine;
use super::rules as rule;
use super::value::{GlobalId, Value, View};
use crate::report::Severity;
use crate::scan::rules::{Condition, Judgement};

impl Machine<'_> {
    /// Makes a finding about each function among `values` whose arguments decide whether it is safe.
    #[inline]
    pub(super) fn judge_handed_on(&mut self, at: u64, values: &[Value]) {
        if self.globals.has_conditional {
            values.iter().for_each(|value| self.judge_value_handed_on(at, *value));
        }
    }

    #[cold]
    fn judge_value_handed_on(&mut self, at: u64, value: Value) {
        let View::Global(id) = value.view() else { return };
        if !self.depends_on_arguments(id) {
            return;
        }
        let message =
            "Hands on a function that loads, imports or executes what it is given, so that something else calls it";
        let objection = Objection::new(rule::UNLISTED_CALL, Severity::High, message);
        self.object_to_value(at, &objection, id);
    }

    /// What it does is decided by its arguments alone, so that nothing is known of it without them.
    pub(super) fn depends_on_arguments(&self, id: GlobalId) -> bool {
        self.globals.get(id).is_some_and(|global| depends_on_arguments(&global.judgement))
    }
}

/// As [`Machine::depends_on_arguments`].
pub(super) fn depends_on_arguments(judgement: &Judgement) -> bool {
    let Judgement::Conditional(condition) = judgement else { return false };
    matches!(
        condition,
        Condition::Getattr
            | Condition::BoundMethod
            | Condition::LoadsPickleBytes
            | Condition::TorchLoadBytes
            | Condition::LoadsArchiveBytes
            | Condition::ExecutesSource
            | Condition::ImportsModule
            | Condition::UfuncName
            | Condition::RebuildFromType
    )
}
