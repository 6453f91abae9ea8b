//! What code reaches for: chains of names from a module or a built-in on, judged as the rules judge imports.

use std::collections::HashMap;

use super::source;
use super::{Code, Step, bytecode};
use crate::report::Severity;
use crate::scan::rules::{Judgement, Rules};

/// Dangerous things that are listed of one piece of code.
const MAX_LISTED: usize = 8;
/// Names that code may bind and that are remembered.
const MAX_BOUND: usize = 4096;
/// Pairs of a module and a text that are tried where code looks names up by text.
const MAX_PAIRS: usize = 65_536;
/// Built-ins that look a name up by a text.
const BY_TEXT: &[&str] =
    &["getattr", "__import__", "import_module", "globals", "vars", "locals", "__builtins__", "attrgetter"];

/// Modules that every piece of source made by torch.fx imports, used or not (torch/fx/graph.py, `_register_custom_builtin`).
const IMPORTED_BY_FX: &[&str] = &["torch.utils._pytree", "torch.fx._pytree"];

/// What a piece of code reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Code is at least `medium`.
    pub(crate) severity: Severity,
    /// The dangerous things that it reaches, as dotted names, each with the function that does.
    pub(crate) listed: Vec<String>,
    /// All of it could be read.
    pub(crate) is_whole: bool,
}

impl Reach {
    /// One sentence for a person.
    pub(crate) fn message(&self) -> &'static str {
        match (self.severity, self.is_whole) {
            (Severity::Critical | Severity::High, true) => {
                "Carries code of its own, which reaches for something dangerous"
            }
            (_, false) => "Carries code of its own that cannot be read",
            _ => "Carries code of its own; nothing dangerous was seen in it",
        }
    }
}

/// What a code object and all code inside reaches.
pub(crate) fn of_code(code: &Code, rules: &Rules) -> Reach {
    let mut search = Search::new(rules);
    let mut waiting = vec![code];
    while let Some(code) = waiting.pop() {
        search.function = &code.name;
        match bytecode::steps(code) {
            Some(steps) => search.walk(&steps),
            None => search.is_whole = false,
        }
        search.texts.extend(code.texts.iter().map(String::as_str));
        waiting.extend(&code.inner);
    }
    search.finish()
}

/// What Python source reaches.
pub(in super::super) fn of_source(text: &str, rules: &Rules) -> Reach {
    let words = source::words(text);
    let mut search = Search::new(rules);
    search.function = "source";
    search.takes_input = source::has_parameter(&words, "input");
    search.walk(&source::steps(&words));
    search.texts.extend(words.iter().filter_map(source::Word::text));
    search.finish()
}

struct Search<'c, 'r> {
    rules: &'r Rules,
    function: &'c str,
    /// What names stand for, as dotted paths.
    bound: HashMap<&'c str, String>,
    /// Modules and globals that were loaded.
    owners: Vec<String>,
    texts: Vec<&'c str>,
    /// Attributes of what is not known.
    loose: Vec<&'c str>,
    looks_up_by_text: bool,
    /// `input` is what a function of torch.fx is called with, and not the built-in that reads from the terminal.
    takes_input: bool,
    severity: Severity,
    listed: Vec<String>,
    is_whole: bool,
}

impl<'c, 'r> Search<'c, 'r> {
    fn new(rules: &'r Rules) -> Self {
        Self {
            rules,
            function: "",
            bound: HashMap::new(),
            owners: Vec::new(),
            texts: Vec::new(),
            loose: Vec::new(),
            looks_up_by_text: false,
            takes_input: false,
            severity: Severity::Medium,
            listed: Vec::new(),
            is_whole: true,
        }
    }

    fn walk(&mut self, steps: &[Step<'c>]) {
        let mut current: Option<String> = None;
        let mut imported: Option<&str> = None;
        for step in steps {
            current = match *step {
                Step::Global(name) => Some(self.global(name)),
                Step::Local(name) => self.bound.get(name).cloned(),
                Step::Attribute(name) => self.attribute(current.as_deref(), name),
                Step::Import(module) => {
                    imported = Some(module);
                    self.own(module);
                    Some(module.to_owned())
                }
                Step::From(name) => self.attribute(imported, name),
                Step::Store(name) => {
                    self.bind(name, current);
                    None
                }
                Step::Other => None,
            };
        }
    }

    fn bind(&mut self, name: &'c str, value: Option<String>) {
        let Some(value) = value.filter(|_| self.bound.len() < MAX_BOUND) else { return };
        // `import os.path` binds `os`.
        let top = value.split('.').next().unwrap_or_default();
        let value = if top == name { top.to_owned() } else { value };
        self.bound.insert(name, value);
    }

    fn own(&mut self, path: &str) {
        if self.owners.len() < MAX_BOUND && !self.owners.iter().any(|owner| owner == path) {
            self.owners.push(path.to_owned());
        }
    }

    fn global(&mut self, name: &str) -> String {
        self.looks_up_by_text |= BY_TEXT.contains(&name);
        let path = self.bound.get(name).cloned();
        if path.is_none() && !(name == "input" && self.takes_input) {
            self.judge("builtins", name, name);
        }
        let path = path.unwrap_or_else(|| name.to_owned());
        self.own(&path);
        path
    }

    fn attribute(&mut self, owner: Option<&str>, name: &'c str) -> Option<String> {
        self.looks_up_by_text |= BY_TEXT.contains(&name);
        let Some(owner) = owner else {
            // Of an unknown object: only what is dangerous on any object, as `__globals__` is.
            if name.starts_with("__") {
                self.judge_escape(name);
            }
            self.loose.push(name);
            return None;
        };
        let path = format!("{owner}.{name}");
        let (module, rest) = path.split_once('.').unwrap_or((&path, ""));
        // `model.eval()` bears a telltale name and is harmless: what counts is the module, not how a method is called.
        let is_telling = self.rules.judge(module, rest) != self.rules.judge("model", rest);
        if (is_telling || self.is_critical(module, rest)) && !IMPORTED_BY_FX.contains(&&*path) {
            self.judge(module, rest, &path);
        }
        (path.len() < 256).then_some(path)
    }

    fn judge_escape(&mut self, name: &str) {
        if let Judgement::Dangerous { severity: Severity::Critical, .. } = self.rules.judge("object", name) {
            self.list(Severity::Critical, name);
        }
    }

    fn judge(&mut self, module: &str, name: &str, shown: &str) {
        match self.rules.judge(module, name) {
            Judgement::Dangerous { severity, .. } => self.list(severity, shown),
            Judgement::NoPlaceInModels { .. } => self.list(Severity::High, shown),
            _ => {}
        }
    }

    fn list(&mut self, severity: Severity, path: &str) {
        self.severity = self.severity.max(severity);
        let entry = if self.function.is_empty() { path.to_owned() } else { format!("{path} in {}", self.function) };
        if self.listed.len() < MAX_LISTED && !self.listed.contains(&entry) {
            self.listed.push(entry);
        }
    }

    fn finish(mut self) -> Reach {
        if self.looks_up_by_text {
            self.pair_up();
        }
        if !self.is_whole {
            self.severity = self.severity.max(Severity::High);
        }
        Reach { severity: self.severity, listed: self.listed, is_whole: self.is_whole }
    }

    /// Where names are looked up by text, any text may be looked up in any module that was named or is a text itself.
    fn pair_up(&mut self) {
        let is_name = |text: &&str| source::is_name(text);
        let texts: Vec<&str> = self.texts.iter().copied().filter(is_name).take(256).collect();
        let looked_up: Vec<&str> = self.loose.iter().copied().take(256).chain(texts.iter().copied()).collect();
        let owners: Vec<String> = self.owners.iter().cloned().chain(texts.iter().map(|t| (*t).to_owned())).collect();
        for owner in owners.iter().take(MAX_PAIRS / 512) {
            let is_dangerous = |name: &&&str| self.is_critical(owner, name) && !self.is_critical("module", name);
            if let Some(name) = looked_up.iter().find(is_dangerous) {
                self.list(Severity::Critical, &format!("{owner}.{name}"));
            }
        }
    }

    fn is_critical(&self, module: &str, name: &str) -> bool {
        matches!(self.rules.judge(module, name), Judgement::Dangerous { severity: Severity::Critical, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(source: &str) -> Severity {
        of_source(source, &Rules::builtin()).severity
    }

    #[test]
    fn source_is_judged_by_what_it_reaches() {
        assert_eq!(severity("import os\ndef f(x):\n    os.system('true')"), Severity::Critical);
        assert_eq!(severity("import os as o\no.system('true')"), Severity::Critical);
        assert_eq!(severity("from subprocess import Popen as p\np('true')"), Severity::Critical);
        assert_eq!(severity("getattr(__import__('os'), 'system')('true')"), Severity::Critical);
        assert_eq!(severity("lambda x: x + 1"), Severity::Medium);
        assert_eq!(
            severity("def forward(self, x):\n    self.eval()\n    return self.layer(x)  # exec(x)"),
            Severity::Medium
        );
    }

    #[test]
    fn source_of_torch_fx_is_told_from_what_imports_the_same() {
        let head = "import torch\nimport torch.fx._pytree as fx_pytree\nimport torch.utils._pytree as pytree\n";
        let forward = "def forward(self, input):\n    x = input\n    return getattr(self, \"0\")(x)";
        assert_eq!(severity(&format!("{head}{forward}")), Severity::Medium);
        assert_eq!(severity(&format!("{head}pytree.tree_map(f, x)")), Severity::Critical);
        assert_eq!(severity("def f(x):\n    return input()"), Severity::Critical);
        assert_eq!(severity("def f(eval):\n    eval('1')"), Severity::Critical);
    }
}
