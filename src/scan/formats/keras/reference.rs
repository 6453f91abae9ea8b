//! Judges what a configuration names: `module` and `class_name` of a class, `module` and `config` of a function.
//!
//! Keras up to 3.10 imports the module and takes what it finds there (CVE-2025-1550); later versions only what is Keras' own, where
//! functions that download or write files were found (CVE-2025-8747, CVE-2025-9906). Hence exact names, for Keras too.

use super::json::Object;
use super::known;
use super::{CUSTOM_OBJECT, DANGEROUS_REFERENCE, UNLISTED_REFERENCE};
use crate::report::{Rule, Severity};
use crate::scan::rules::{Judgement, Rules};

/// Readings of one object that are looked at, where its keys stand twice.
const MAX_READINGS: usize = 16;

/// A class or function that an object names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference<'v> {
    pub(super) module: Option<&'v str>,
    pub(super) name: &'v str,
    pub(super) is_function: bool,
    /// The name says that the user's code registers it: `package>Name`.
    pub(super) is_registered: bool,
}

/// What is wrong with a reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Objection {
    pub(super) rule: Rule,
    pub(super) severity: Severity,
    pub(super) message: String,
}

/// Every reference that readers may see in an object.
pub(super) fn references(object: &Object) -> Vec<Reference<'_>> {
    let is_registered = object.texts("registered_name").any(|name| name.contains('>'));
    let mut modules: Vec<_> = object.texts("module").filter(|module| !module.is_empty()).map(Some).collect();
    if modules.is_empty() {
        modules.push(None);
    }
    let mut found = Vec::new();
    for class in object.texts("class_name") {
        // A description of a tensor bears its class elsewhere.
        let key = match class {
            "function" => "config",
            "__typespec__" => "spec_name",
            _ => "class_name",
        };
        for name in object.texts(key) {
            let reference = |module| Reference { module, name, is_function: key == "config", is_registered };
            found.extend(modules.iter().copied().map(reference));
        }
    }
    found.truncate(MAX_READINGS);
    found
}

impl Reference<'_> {
    /// The dotted name, for people.
    pub(super) fn path(&self) -> String {
        self.module.map_or_else(|| self.name.to_owned(), |module| format!("{module}.{}", self.name))
    }

    /// A name that Keras gives to plain values: `__tensor__`, `__slice__`, ...
    fn is_marker(&self) -> bool {
        !self.is_function && self.name.starts_with("__") && self.name.ends_with("__")
    }

    /// What is wrong with it, if anything.
    pub(super) fn judge(&self, rules: &Rules) -> Option<Objection> {
        let module = self.module.filter(|module| *module != "__main__");
        match module {
            _ if self.is_marker() && module.is_none() => None,
            None => (!known::is_known_anywhere(self.name)).then(custom),
            Some("builtins") if self.is_function => self.judge_builtin(rules),
            Some(module) => self.judge_in(module, rules),
        }
    }

    /// Keras up to 3.6 writes every function as one of `builtins`, whoever's it is.
    fn judge_builtin(&self, rules: &Rules) -> Option<Objection> {
        match rules.judge("builtins", self.name) {
            _ if known::is_known_anywhere(self.name) => None,
            Judgement::Dangerous { severity, reason } => Some(dangerous(severity, reason)),
            Judgement::Allowed => None,
            _ => Some(custom()),
        }
    }

    fn judge_in(&self, module: &str, rules: &Rules) -> Option<Objection> {
        if known::is_known(module, self.name) {
            return None;
        }
        match rules.judge(module, self.name) {
            Judgement::Allowed | Judgement::Inert | Judgement::Model { .. } | Judgement::Reference => None,
            Judgement::Dangerous { severity, reason } => Some(dangerous(severity, reason)),
            Judgement::StandardLibrary => Some(unlisted(Severity::High, "of Python's standard library")),
            Judgement::NoPlaceInModels { reason } => Some(unlisted(Severity::High, reason)),
            Judgement::Conditional(_) => Some(unlisted(Severity::High, "that is safe only with some arguments")),
            Judgement::Unknown if self.is_function && known::is_keras(module) => {
                Some(unlisted(Severity::High, "of Keras that is not for modelling"))
            }
            Judgement::Unknown if self.is_function && !self.is_registered => {
                Some(unlisted(Severity::High, "of a module that is not known"))
            }
            Judgement::Unknown => Some(unlisted(Severity::Medium, "of a module that is not known")),
        }
    }
}

fn custom() -> Objection {
    let message = "Needs a class or function of the user's own; Keras finds it only when it was registered before";
    Objection { rule: CUSTOM_OBJECT, severity: Severity::Low, message: message.to_owned() }
}

fn dangerous(severity: Severity, reason: &str) -> Objection {
    let message = format!("Loading the model looks up something dangerous: {reason}");
    Objection { rule: DANGEROUS_REFERENCE, severity: severity.max(Severity::High), message }
}

fn unlisted(severity: Severity, what: &str) -> Objection {
    let message = format!("Loading the model imports and looks up something {what}");
    Objection { rule: UNLISTED_REFERENCE, severity, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(module: &str, name: &str, is_function: bool) -> Option<Severity> {
        let module = Some(module).filter(|module| !module.is_empty());
        let reference = Reference { module, name, is_function, is_registered: false };
        reference.judge(&Rules::builtin()).map(|objection| objection.severity)
    }

    #[test]
    fn references_are_judged_by_where_they_lead() {
        assert_eq!(severity("keras.layers", "Dense", false), None);
        assert_eq!(severity("", "Dense", false), None);
        assert_eq!(severity("builtins", "relu", true), None);
        assert_eq!(severity("subprocess", "run", true), Some(Severity::Critical));
        assert_eq!(severity("subprocess", "Popen", false), Some(Severity::Critical));
        assert_eq!(severity("builtins", "exec", true), Some(Severity::Critical));
        assert_eq!(severity("builtins", "exec", false), Some(Severity::Critical));
        assert_eq!(severity("keras.utils", "get_file", true), Some(Severity::Critical));
        assert_eq!(severity("keras.config", "enable_unsafe_deserialization", true), Some(Severity::Critical));
        assert_eq!(severity("json", "loads", true), Some(Severity::High));
        assert_eq!(severity("modelscand_no_such_module", "f", true), Some(Severity::High));
        assert_eq!(severity("modelscand_no_such_module", "Layer", false), Some(Severity::Medium));
        assert_eq!(severity("builtins", "my_loss", true), Some(Severity::Low));
        assert_eq!(severity("", "Mine", false), Some(Severity::Low));
    }
}
