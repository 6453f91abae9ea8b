//! Turns the list of system calls into filters and installs them.
//!
//! A filter has one action for what matches and one for what does not, hence two of them: the first makes harmless probes fail, the
//! second ends the process on everything that is not allowed. In the other order the second installation would be the end.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::syscalls::{ALLOWED, DENIED, Only};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Filters the system calls of this thread from now on.
///
/// # Errors
/// What the kernel, or the compiler of filters, says.
pub(super) fn install() -> Result<(), String> {
    let arch: TargetArch = std::env::consts::ARCH.try_into().map_err(describe)?;
    let quiet = quiet_failures(arch)?;
    let kill = program(allowed()?, SeccompAction::KillProcess, SeccompAction::Allow, arch)?;
    for filter in quiet.iter().chain([&kill]) {
        seccompiler::apply_filter(filter).map_err(describe)?;
    }
    Ok(())
}

/// One filter for each errno.
fn quiet_failures(arch: TargetArch) -> Result<Vec<BpfProgram>, String> {
    let mut by_errno: BTreeMap<u32, Rules> = BTreeMap::new();
    for call in DENIED {
        by_errno.entry(call.errno.unsigned_abs()).or_default().insert(call.number, Vec::new());
    }
    by_errno
        .into_iter()
        .map(|(errno, rules)| program(rules, SeccompAction::Allow, SeccompAction::Errno(errno), arch))
        .collect()
}

/// What the last filter lets through: what is allowed, and what an earlier filter answers.
fn allowed() -> Result<Rules, String> {
    let mut rules: Rules = DENIED.iter().map(|call| (call.number, Vec::new())).collect();
    for call in ALLOWED {
        let conditions: Vec<_> = call.only.iter().map(condition).collect::<Result<_, _>>().map_err(describe)?;
        let rule =
            if conditions.is_empty() { Vec::new() } else { vec![SeccompRule::new(conditions).map_err(describe)?] };
        rules.insert(call.number, rule);
    }
    Ok(rules)
}

fn condition(only: &Only) -> Result<SeccompCondition, seccompiler::BackendError> {
    use {SeccompCmpArgLen as Length, SeccompCmpOp as Compare};
    match *only {
        Only::Is(argument, number) => SeccompCondition::new(argument, Length::Dword, Compare::Eq, number.into()),
        Only::IsNull(argument) => SeccompCondition::new(argument, Length::Qword, Compare::Eq, 0),
        Only::Bits { argument, set, clear } => {
            SeccompCondition::new(argument, Length::Dword, Compare::MaskedEq((set | clear).into()), set.into())
        }
        Only::IsOwnPid(argument) => {
            SeccompCondition::new(argument, Length::Dword, Compare::Eq, std::process::id().into())
        }
    }
}

fn program(
    rules: Rules,
    otherwise: SeccompAction,
    action: SeccompAction,
    arch: TargetArch,
) -> Result<BpfProgram, String> {
    SeccompFilter::new(rules, otherwise, action, arch).and_then(BpfProgram::try_from).map_err(describe)
}

fn describe(error: impl std::fmt::Display) -> String {
    error.to_string()
}
