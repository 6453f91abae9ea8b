//! Turns what the machine runs into findings: each import, each call, and everything that makes Python call something.
//!
//! What the rules say of a callable decides; what is done with it (called, constructed, only named) decides how bad it is. A call of
//! something that cannot be told is a finding too. Conditions on arguments are in `conditions.rs`, calls that lead to other calls in
//! `indirection.rs`.

use super::heap::{CALLEE, STATES, Shape};
use super::machine::Machine;
use super::opcodes as op;
use super::rules as rule;
use super::value::{GlobalId, Value, View};
use crate::report::{Finding, Rule, Severity};
use crate::scan::rules::{Condition, Judgement};

/// Calls within calls that are judged.
const MAX_CALL_DEPTH: u8 = 16;

/// How something is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// REDUCE, or a call that another call leads to.
    Call,
    /// OBJ and INST.
    Instance,
    /// NEWOBJ and NEWOBJ_EX: `__new__` alone.
    New,
}

/// What is wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    pub(super) rule: Rule,
    pub(super) severity: Severity,
    pub(super) message: String,
}

impl Objection {
    pub(super) fn new(rule: Rule, severity: Severity, message: impl Into<String>) -> Self {
        Self { rule, severity, message: message.into() }
    }
}

impl Machine<'_> {
    /// Imports `name` from `module`; `is_python2` when the protocol makes Python 3 map old names.
    pub(super) fn import(&mut self, at: u64, module: &str, name: &str, is_python2: bool) -> Value {
        match self.globals.intern(self.rules, (module, name), is_python2, at) {
            Ok((id, is_new)) => {
                if is_new && self.globals.get(id).is_some_and(|g| import_objection(&g.judgement).is_some()) {
                    self.tell_soon(at);
                }
                Value::global(id)
            }
            Err(global) => {
                if let Some(objection) = import_objection(&global.judgement) {
                    self.report(finding(&objection, at, &global.path(), &global.path()));
                }
                Value::UNKNOWN
            }
        }
    }

    /// An import whose module or name cannot be told.
    pub(super) fn import_unknown(&mut self, at: u64, module: Value, name: Value) -> Value {
        let evidence = format!("STACK_GLOBAL({}, {})", self.show(module), self.show(name));
        self.report_unresolvable(
            at,
            "An import whose name cannot be told: it is computed while the file is loaded",
            &evidence,
        );
        Value::UNKNOWN
    }

    pub(super) fn unresolvable_global(&mut self, at: u64, what: &str) {
        self.report_unresolvable(at, "An import whose name cannot be told", what);
    }

    fn report_unresolvable(&mut self, at: u64, message: &str, evidence: &str) {
        let finding = Finding::new(rule::UNRESOLVABLE_GLOBAL, Severity::High, message);
        self.report(finding.at(at).evidence(evidence));
    }

    /// Tells of the imports that no finding tells of yet.
    pub(super) fn tell_imports(&mut self) {
        let mut objections = Vec::new();
        for global in self.globals.iter_mut().filter(|global| !global.is_told) {
            global.is_told = true;
            objections
                .extend(import_objection(&global.judgement).map(|objection| (objection, global.at, global.path())));
        }
        for (objection, at, path) in objections {
            self.report(finding(&objection, at, &path, &path));
        }
    }

    /// Judges a call, and gives what is known of its result.
    pub(super) fn call(&mut self, at: u64, how: How, callee: Value, arguments: Value, keywords: Value) -> Value {
        if self.call_depth >= MAX_CALL_DEPTH || !self.takes_work() {
            self.report_unresolvable(at, "Calls within calls, deeper than is followed", &self.show(callee));
            return Value::UNKNOWN;
        }
        self.call_depth += 1;
        let result = match callee.view() {
            View::Global(id) => self.call_global(at, how, id, arguments, keywords),
            View::Node(_) | View::Made(_) => self.call_result(at, how, callee, arguments, keywords),
            View::Const(_) => {
                self.fault(at, "a call of a constant");
                Value::UNKNOWN
            }
            View::Unknown | View::Persistent | View::Plain => {
                self.call_unknown(at, callee, arguments);
                Value::UNKNOWN
            }
        };
        self.call_depth -= 1;
        result
    }

    fn call_global(&mut self, at: u64, how: How, id: GlobalId, arguments: Value, keywords: Value) -> Value {
        let Some(judgement) = self.globals.get(id).map(|global| global.judgement) else { return Value::UNKNOWN };
        let objection = match (judgement, how) {
            (Judgement::Inert | Judgement::Allowed | Judgement::Model { call: true }, _) => None,
            (Judgement::Model { call: false }, How::New) => None,
            (Judgement::Model { call: false }, _) if self.is_empty_tuple(arguments) => None,
            (Judgement::Conditional(condition), _) => self.check(condition, id, how, arguments),
            (other, _) => call_objection(&other, how),
        };
        if let Some(objection) = objection {
            self.object_to(at, &objection, id, how, arguments);
        }
        self.follow(at, id, how, arguments, keywords)
    }

    /// Makes the finding about a call, unless there were enough about the same callable.
    pub(super) fn object_to(&mut self, at: u64, objection: &Objection, id: GlobalId, how: How, arguments: Value) {
        let Some(global) = self.globals.get_mut(id) else { return };
        if !global.take_finding(objection.severity) {
            return;
        }
        let path = global.path();
        let evidence = match how {
            How::New => self.show_call(&format!("{path}.__new__"), arguments),
            How::Call | How::Instance => self.show_call(&path, arguments),
        };
        self.report(finding(objection, at, &evidence, &path));
    }

    /// As [`Machine::object_to`], of something that is not called here.
    pub(super) fn object_to_value(&mut self, at: u64, objection: &Objection, id: GlobalId) {
        let Some(global) = self.globals.get_mut(id) else { return };
        if global.take_finding(objection.severity) {
            let path = global.path();
            self.report(finding(objection, at, &path, &path));
        }
    }

    fn call_unknown(&mut self, at: u64, callee: Value, arguments: Value) {
        let evidence = self.show_call(&self.show(callee), arguments);
        let message = "Calls something that cannot be told before the file is loaded";
        let finding = Finding::new(rule::UNLISTED_CALL, Severity::High, message);
        self.report(finding.at(at).evidence(evidence));
    }

    /// A call of what another call gave.
    fn call_result(&mut self, at: u64, how: How, callee: Value, arguments: Value, keywords: Value) -> Value {
        if let Some(result) = self.call_through(at, how, callee, arguments, keywords) {
            return result;
        }
        if how == How::New && self.is_carried(callee) {
            let message = "Constructs and fills an object of a class that the file itself carries";
            let finding = Finding::new(rule::UNLISTED_CLASS, Severity::Medium, message);
            self.report(finding.at(at).evidence(self.show_call(&self.show(callee), arguments)));
            return self.make(Shape::Constructed, &[callee, arguments, keywords]);
        }
        self.call_unknown(at, callee, arguments);
        Value::UNKNOWN
    }

    /// A function or class made from code that the file carries.
    fn is_carried(&self, value: Value) -> bool {
        let maker = self.maker(value).and_then(|id| self.globals.get(id));
        maker.is_some_and(|global| matches!(global.judgement, Judgement::Conditional(Condition::CarriesCode)))
    }

    fn is_empty_tuple(&self, arguments: Value) -> bool {
        self.arguments(arguments).is_some_and(|list| list.is_empty())
    }

    /// BUILD: `target.__setstate__(state)`, or the attributes of `target` are set.
    pub(super) fn fill(&mut self, at: u64, target: Value, state: Value) {
        match target.view() {
            View::Global(id) => self.fill_global(at, id, state),
            View::Node(id) if matches!(self.heap.shape(id), Some(Shape::Called | Shape::Constructed)) => {
                if let Some(injected) = self.injected(target, "__setstate__") {
                    let arguments = self.make(Shape::Tuple, &[state]);
                    self.call(at, How::Call, injected, arguments, Value::VACANT);
                }
                self.heap.extend(id, &[state]);
                self.judge_state(at, target, state);
                if let Some((function, bound)) = self.bound_by_state(state) {
                    self.judge_bound(at, function, &bound);
                }
                self.load_state(at, target, state);
                self.judge_companion(at, target, state);
                self.await_array(at, target);
            }
            View::Made(_) | View::Unknown | View::Persistent | View::Plain => self.judge_state(at, target, state),
            View::Const(_) | View::Node(_) => {}
        }
    }

    /// BUILD on a class, function or module changes it for the whole process.
    fn fill_global(&mut self, at: u64, id: GlobalId, state: Value) {
        let message =
            "Changes the attributes of something imported, for everything that runs in the process afterwards";
        let Some(global) = self.globals.get_mut(id) else { return };
        let is_dangerous = matches!(global.judgement, Judgement::Dangerous { severity: Severity::Critical, .. });
        let severity = if is_dangerous { Severity::Critical } else { Severity::High };
        if !global.take_finding(severity) {
            return;
        }
        let path = global.path();
        let evidence = format!("{path}.__dict__.update({})", self.show(state));
        self.report(finding(&Objection::new(rule::STATE_INJECTION, severity, message), at, &evidence, &path));
    }

    /// Looks for attributes that make Python call them.
    fn judge_state(&mut self, at: u64, target: Value, state: Value) {
        for (key, value) in self.state_items(state) {
            let Some(name) = self.text(key, 64) else { continue };
            if !CALLED_ATTRIBUTES.contains(&&*name) || matches!(value.view(), View::Const(_)) {
                continue;
            }
            let message = "Sets a special attribute of an object, which makes Python call it";
            let evidence = format!("{}.{name} = {}", self.show(target), self.show(value));
            let finding = Finding::new(rule::STATE_INJECTION, Severity::High, message);
            self.report(finding.at(at).evidence(evidence));
        }
    }

    /// The attributes that a state sets: those of a dict, and of both parts of a pair.
    pub(super) fn state_items(&self, state: Value) -> Vec<(Value, Value)> {
        let Some(id) = state.as_node() else { return Vec::new() };
        let dicts = match self.heap.shape(id) {
            Some(Shape::Dict) => vec![id],
            Some(Shape::Tuple) if self.heap.items(id).len() == 2 => {
                self.heap.items(id).iter().filter_map(|part| part.as_node()).collect()
            }
            _ => Vec::new(),
        };
        let dicts = dicts.into_iter().filter(|id| self.heap.shape(*id) == Some(Shape::Dict));
        let items = dicts.flat_map(|id| self.heap.items(id).as_chunks::<2>().0);
        items.map(|[key, value]| (*key, *value)).collect()
    }

    /// What the states of an object put under the attribute `name`.
    pub(super) fn injected(&self, target: Value, name: &str) -> Option<Value> {
        let id = target.as_node()?;
        let states = self.heap.items(id).get(STATES..)?.to_vec();
        let items = states.into_iter().rev().flat_map(|state| self.state_items(state));
        let found = items.filter(|(key, _)| self.text(*key, 64).is_some_and(|key| key == name)).map(|(_, value)| value);
        found.into_iter().next()
    }

    /// APPEND(S), SETITEM(S), ADDITEMS on what is no plain container: Python calls the object's own method.
    pub(super) fn add_to_object(&mut self, at: u64, opcode: u8, target: Option<Value>, items: &[Value]) {
        let Some(target) = target else {
            self.fault(at, "items for nothing");
            return;
        };
        match target.view() {
            View::Global(id) => self.fill_global(at, id, items.first().copied().unwrap_or(Value::UNKNOWN)),
            View::Node(id) if matches!(self.heap.shape(id), Some(Shape::Called | Shape::Constructed)) => {
                let methods: &[&str] = match opcode {
                    op::APPEND | op::APPENDS => &["extend", "append"],
                    op::ADDITEMS => &["add"],
                    _ => &["__setitem__"],
                };
                for method in methods {
                    if let Some(injected) = self.injected(target, method) {
                        let arguments = self.make(Shape::Tuple, items);
                        self.call(at, How::Call, injected, arguments, Value::VACANT);
                    }
                }
            }
            _ => {}
        }
    }

    /// Judges a persistent id of PyTorch's, and gives what its loader puts in its place.
    ///
    /// `("storage", class, ...)` names a class of storages, which the loader asks for its dtype. `("module", class, file, source)` stands
    /// for the class itself: the old format keeps the source only to warn of changes (`_check_container_source`).
    pub(super) fn judge_persistent(&mut self, at: u64, id: Value) -> Value {
        let Some(tuple) = id.as_node() else { return Value::PERSISTENT };
        let class = self.heap.item(tuple, 1);
        if self.text(self.heap.item(tuple, 0), 16).is_some_and(|kind| kind == "module") {
            return class;
        }
        if let View::Global(class) = class.view() {
            self.judge_storage_class(at, id, class);
        }
        Value::PERSISTENT
    }

    fn judge_storage_class(&mut self, at: u64, id: Value, class: GlobalId) {
        let Some(global) = self.globals.get_mut(class) else { return };
        let is_storage = global.module.starts_with("torch") && global.name.ends_with("Storage");
        let is_safe = matches!(global.judgement, Judgement::Inert | Judgement::Model { .. } | Judgement::Allowed);
        if is_storage || is_safe || !global.take_finding(Severity::High) {
            return;
        }
        let path = global.path();
        let message = "A reference to stored data names something else than a class of storages";
        // It is told of once: by the worse of the two.
        let imported = import_objection(&global.judgement).filter(|import| import.severity == Severity::Critical);
        let objection = imported.unwrap_or_else(|| Objection::new(rule::UNLISTED_CALL, Severity::High, message));
        let evidence = self.show(id);
        self.report(finding(&objection, at, &evidence, &path));
    }

    /// EXT1, EXT2, EXT4 import by a number that was registered before.
    pub(super) fn judge_extension(&mut self, at: u64, code: u64) {
        let message = "Imports by a number of copyreg's registry, which hides what is imported; no model does";
        let finding = Finding::new(rule::EXTENSION_CODE, Severity::High, message);
        self.report(finding.at(at).evidence(format!("copyreg._inverted_registry[{code}]")));
    }

    /// The callee of a called or constructed node, if it is an import.
    pub(super) fn maker(&self, value: Value) -> Option<GlobalId> {
        let callee = match value.view() {
            View::Node(id) if matches!(self.heap.shape(id), Some(Shape::Called | Shape::Constructed)) => {
                self.heap.item(id, CALLEE)
            }
            View::Made(id) => return Some(id),
            _ => return None,
        };
        match callee.view() {
            View::Global(id) => Some(id),
            _ => None,
        }
    }
}

/// Attributes that Python calls, or that change what it calls.
pub(super) const CALLED_ATTRIBUTES: &[&str] = &[
    "__setstate__",
    "__reduce__",
    "__reduce_ex__",
    "__class__",
    "__call__",
    "__getattr__",
    "__getattribute__",
    "__del__",
    "__setitem__",
    "__missing__",
    "__new__",
    "__init__",
    "__bases__",
    "__globals__",
    "__code__",
];

fn finding(objection: &Objection, at: u64, evidence: &str, callable: &str) -> Finding {
    Finding::new(objection.rule.clone(), objection.severity, objection.message.clone())
        .at(at)
        .evidence(evidence)
        .callable(callable)
}

/// What is wrong with importing something, even when it is not called.
fn import_objection(judgement: &Judgement) -> Option<Objection> {
    let (rule, severity, message) = match judgement {
        Judgement::Dangerous { severity, reason } => {
            (rule::DANGEROUS_IMPORT, *severity, format!("Imports what {reason}"))
        }
        Judgement::StandardLibrary => {
            let message = "Imports a part of Python's standard library that no model needs";
            (rule::DANGEROUS_IMPORT, Severity::High, message.to_owned())
        }
        Judgement::NoPlaceInModels { reason } => (
            rule::DANGEROUS_IMPORT,
            Severity::High,
            format!("Imports from a package with no place in a model: {reason}"),
        ),
        Judgement::Unknown => {
            let message = "Imports what no list knows; the import alone runs the code of its module";
            (rule::UNLISTED_IMPORT, Severity::Medium, message.to_owned())
        }
        _ => return None,
    };
    Some(Objection { rule, severity, message })
}

/// What is wrong with calling or constructing something that is not safe whatever its arguments are.
pub(super) fn call_objection(judgement: &Judgement, how: How) -> Option<Objection> {
    let (rule, severity, message) = match judgement {
        Judgement::Dangerous { severity, reason } => (rule::DANGEROUS_CALL, *severity, format!("Calls what {reason}")),
        Judgement::StandardLibrary => {
            let message = "Calls a part of Python's standard library that no model needs";
            (rule::DANGEROUS_CALL, Severity::High, message.to_owned())
        }
        Judgement::NoPlaceInModels { reason } => {
            (rule::DANGEROUS_CALL, Severity::High, format!("Calls into a package with no place in a model: {reason}"))
        }
        Judgement::Model { .. } if how == How::New => return None,
        Judgement::Unknown | Judgement::Reference if how == How::New => {
            let message = "Constructs and fills an object of a class that no list knows";
            (rule::UNLISTED_CLASS, Severity::Medium, message.to_owned())
        }
        Judgement::Unknown => {
            (rule::UNLISTED_CALL, Severity::High, "Calls what no list knows, while the file is loaded".to_owned())
        }
        Judgement::Model { .. } | Judgement::Reference => {
            let message = "Calls what models only name or construct, while the file is loaded";
            (rule::UNLISTED_CALL, Severity::High, message.to_owned())
        }
        _ => return None,
    };
    Some(Objection { rule, severity, message })
}
