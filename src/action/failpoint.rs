//! The steps at which a crash must leave a file whole, in one place and recorded. In tests the process dies at the step that an
//! environment variable names; elsewhere nothing happens.

/// A moment between two system calls of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    IntentRecorded,
    InodeLocked,
    InodePinned,
    CopyBegun,
    CopyWritten,
    CopyPlaced,
    CopyRecorded,
    HoldingMade,
    NameInHolding,
    NameTaken,
    TakenRecorded,
    RestoreRecorded,
    RestoreCopied,
    PlaceRecorded,
    AttributesRestored,
    FilePlaced,
    VaultEmptied,
    RestoreDone,
    DeleteRecorded,
    Deleted,
}

/// The variable that names the step to die at.
#[cfg(test)]
pub(super) const CRASH_AT: &str = "MODELSCAND_TEST_CRASH_AT";

#[cfg(test)]
pub(super) fn reached(step: Step) {
    if std::env::var(CRASH_AT).is_ok_and(|wanted| wanted == format!("{step:?}")) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

#[cfg(not(test))]
pub(super) fn reached(_: Step) {}
