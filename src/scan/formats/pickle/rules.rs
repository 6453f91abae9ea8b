//! The rules that a scan of a pickle can raise, and what each means.

use crate::report::{Rule, Severity};
use crate::scan::formats::RuleInfo;

macro_rules! rules {
    ($($constant:ident = $name:literal, $severity:ident, $summary:literal;)+) => {
        $(pub(super) const $constant: Rule = Rule::new($name);)+

        /// All of them, with the worst severity of each.
        pub(super) const ALL: &[RuleInfo] = &[
            $(RuleInfo { rule: $constant, severity: Severity::$severity, summary: $summary },)+
        ];
    };
}

rules! {
    DANGEROUS_CALL = "pickle.dangerous-call", Critical,
        "Loading the file calls something that runs code or commands, touches files or opens connections";
    DANGEROUS_IMPORT = "pickle.dangerous-import", Critical,
        "Loading the file imports something dangerous or with no place in a model, and makes it reachable";
    UNLISTED_CALL = "pickle.unlisted-call", High,
        "Loading the file calls something that is on no list, or that cannot be told";
    UNLISTED_CLASS = "pickle.unlisted-class", Medium,
        "Loading the file constructs and fills an object of a class that is on no list";
    UNLISTED_IMPORT = "pickle.unlisted-import", Medium,
        "Loading the file imports something that is on no list";
    UNRESOLVABLE_GLOBAL = "pickle.unresolvable-global", High,
        "What is imported or called is computed while the file is loaded";
    STATE_INJECTION = "pickle.state-injection", Critical,
        "Loading the file sets attributes that Python calls, or changes something imported";
    EXTENSION_CODE = "pickle.extension-code", High,
        "An import through a number of copyreg's registry";
    EMBEDDED_CODE = "pickle.embedded-code", Critical,
        "The file carries code of its own; as bad as what the code does";
    MALFORMED = "pickle.malformed", Low,
        "Bytes that CPython's unpickler would refuse";
    TRAILING_DATA = "pickle.trailing-data", Low,
        "Bytes after the end of the pickle that belong to no known layout";
    COMPANION_FILE = "pickle.companion-file", High,
        "Loading the file loads another file, by a name outside its folder";
}
