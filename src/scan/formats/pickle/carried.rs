//! Calls that bring code with them: code objects, functions and classes of cloudpickle and dill, source that is executed.

use super::code::{self, Reach};
use super::globals::Global;
use super::heap::Shape;
use super::judge::{How, Objection};
use super::machine::Machine;
use super::rules as rule;
use super::value::{GlobalId, Value, View};
use crate::report::{Finding, Severity};
use crate::scan::rules::{Condition, Judgement};

/// Source or marshalled code that is read of one argument.
const MAX_CODE_BYTES: usize = 8 << 20;
/// Containers inside containers that are searched for source.
const MAX_DEPTH: u8 = 4;

/// Callables of cloudpickle's copies and of dill that give a type of Python's own by its name.
const TYPE_GIVERS: &[&str] = &["_builtin_type", "_load_type"];
/// Names of such types that Python has in another module than `types` (dill/_dill.py, `_create_typemap`), besides those of built-ins.
const TYPES_ELSEWHERE: &[(&str, &str, &str)] = &[
    ("PartialType", "functools", "partial"),
    ("AttrGetterType", "operator", "attrgetter"),
    ("ItemGetterType", "operator", "itemgetter"),
    ("MethodCallerType", "operator", "methodcaller"),
    ("SliceType", "builtins", "slice"),
    ("SuperType", "builtins", "super"),
    ("FileType", "builtins", "open"),
    ("TypeType", "builtins", "type"),
    ("ObjectType", "builtins", "object"),
    ("IntType", "builtins", "int"),
    ("LongType", "builtins", "int"),
    ("BooleanType", "builtins", "bool"),
    ("FloatType", "builtins", "float"),
    ("ComplexType", "builtins", "complex"),
    ("StringType", "builtins", "str"),
    ("UnicodeType", "builtins", "str"),
    ("ListType", "builtins", "list"),
    ("TupleType", "builtins", "tuple"),
    ("DictType", "builtins", "dict"),
    ("XRangeType", "builtins", "range"),
];
/// Callables that make a code object out of its parts.
const CODE_MAKERS: &[(&str, &str)] =
    &[("dill._dill", "_create_code"), ("dill.dill", "_create_code"), ("types", "CodeType"), ("builtins", "code")];
/// Callables that make a code object out of marshalled bytes.
const UNMARSHALLERS: &[(&str, &str)] =
    &[("marshal", "loads"), ("dill._dill", "_unmarshal"), ("dill.dill", "_unmarshal")];
/// Callables whose first argument is a code object.
const FUNCTION_MAKERS: &[&str] = &["_make_function", "_create_function", "FunctionType", "_make_skel_func"];

/// Under what PyTorch's graph modules keep the source of `forward`, now and before.
const SOURCE_KEYS: &[&str] = &["_code", "_fn"];

impl Machine<'_> {
    fn is_one_of(&self, id: GlobalId, list: &[(&str, &str)]) -> bool {
        self.globals.get(id).is_some_and(|global| list.contains(&(&*global.module, &*global.name)))
    }

    fn gives_type(&self, id: GlobalId) -> bool {
        let is_carrier = |global: &Global| global.judgement == Judgement::Conditional(Condition::CarriesCode);
        self.globals.get(id).is_some_and(|global| is_carrier(global) && TYPE_GIVERS.contains(&&*global.name))
    }

    /// The name of the type that a call gave; `None` when the call was another.
    pub(super) fn given_type(&mut self, at: u64, callee: Value) -> Option<String> {
        let id = self.maker(callee).filter(|id| self.gives_type(*id))?;
        let node = callee.as_node()?;
        let arguments = self.arguments(self.heap.item(node, super::heap::ARGUMENTS))?;
        let name = arguments.first().and_then(|name| self.text(*name, 256));
        if name.is_none() {
            self.unresolvable_global(at, &self.show(Value::global(id)));
        }
        name
    }

    /// Reads the code that a call brings, and makes the finding about it.
    pub(super) fn carry(&mut self, at: u64, id: GlobalId, list: &[Value]) {
        if self.is_one_of(id, CODE_MAKERS) {
            self.carry_code_object(at, list);
        } else if self.is_one_of(id, UNMARSHALLERS) {
            let bytes = list.first().and_then(|bytes| self.bytes(*bytes, MAX_CODE_BYTES));
            let code = bytes.and_then(|bytes| code::read_marshal(&bytes));
            self.report_code(at, code.map(|code| code::of_code(&code, self.rules)));
        }
    }

    /// A call of `types.CodeType` with the parts of a code object.
    pub(super) fn carry_code_object(&mut self, at: u64, list: &[Value]) {
        let code = self.code_of_arguments(list);
        self.report_code(at, code.map(|code| code::of_code(&code, self.rules)));
    }

    fn report_code(&mut self, at: u64, reach: Option<Reach>) {
        let reach = reach.unwrap_or(Reach { severity: Severity::High, listed: Vec::new(), is_whole: false });
        let finding = Finding::new(rule::EMBEDDED_CODE, reach.severity, reach.message());
        self.report(finding.at(at).evidence(reach.listed.join(", ")));
    }

    /// What is wrong with a call that makes a function or class out of what the file carries.
    pub(super) fn carries_code(&self, id: GlobalId, arguments: Option<&[Value]>) -> Option<Objection> {
        if self.gives_type(id) {
            let name = arguments.and_then(<[Value]>::first).and_then(|name| self.text(*name, 256));
            let message = "Looks up a type by a name that cannot be told";
            return name.is_none().then(|| Objection::new(rule::UNRESOLVABLE_GLOBAL, Severity::High, message));
        }
        let is_function = self.globals.get(id).is_some_and(|global| FUNCTION_MAKERS.contains(&&*global.name));
        Some(self.making_objection(is_function, arguments.and_then(<[Value]>::first).copied()))
    }

    /// A function is as bad as its code, of which a finding of its own tells when it could be read.
    fn making_objection(&self, is_function: bool, code: Option<Value>) -> Objection {
        let is_readable =
            |value: Value| matches!(value.view(), View::Node(id) if self.heap.shape(id) == Some(Shape::Called));
        if is_function && !code.is_some_and(is_readable) {
            let message = "Makes a function from code that cannot be read";
            return Objection::new(rule::EMBEDDED_CODE, Severity::High, message);
        }
        let message = "Makes a function or class from code that the file carries";
        Objection::new(rule::EMBEDDED_CODE, Severity::Medium, message)
    }

    /// What is wrong with a call that executes source among its arguments.
    pub(super) fn executes_source(&self, arguments: Option<&[Value]>) -> Option<Objection> {
        let mut source = String::new();
        for argument in arguments.unwrap_or_default() {
            self.gather_text(*argument, &mut source, 0);
        }
        let is_hidden = arguments.unwrap_or_default().iter().any(|argument| self.hides_source(*argument));
        if source.is_empty() || is_hidden || !self.takes_work() {
            let message = "Executes source that cannot be told before the file is loaded";
            return Some(Objection::new(rule::EMBEDDED_CODE, Severity::High, message));
        }
        let reach = code::of_source(&source, self.rules);
        let message = format!("{}: {}", reach.message(), reach.listed.join(", "));
        Some(Objection::new(rule::EMBEDDED_CODE, reach.severity, message))
    }

    /// An argument that is, or holds under a name for source, something that is worked out while the file is loaded.
    fn hides_source(&self, argument: Value) -> bool {
        let Some(id) = argument.as_node() else { return argument.view() == View::Unknown };
        if self.heap.shape(id) != Some(Shape::Dict) {
            return self.text(argument, MAX_CODE_BYTES).is_none();
        }
        let is_source = |key: Value| self.text(key, 64).is_some_and(|key| SOURCE_KEYS.contains(&&*key));
        let mut items = self.heap.items(id).as_chunks::<2>().0.iter();
        !self.heap.is_whole(id)
            || items.any(|[key, value]| is_source(*key) && self.text(*value, MAX_CODE_BYTES).is_none())
    }

    fn gather_text(&self, value: Value, out: &mut String, depth: u8) {
        if out.len() > MAX_CODE_BYTES || !self.takes_work() {
            return;
        }
        if let Some(text) = self.text(value, MAX_CODE_BYTES) {
            out.push_str(&text);
            out.push('\n');
        } else if let Some(id) = value.as_node().filter(|_| depth < MAX_DEPTH) {
            for item in self.heap.items(id) {
                self.gather_text(*item, out, depth + 1);
            }
        }
    }

    /// A call of a type that was given by its name.
    pub(super) fn call_given_type(&mut self, at: u64, how: How, name: &str, arguments: Value) -> Value {
        let list = self.arguments(arguments).unwrap_or_default();
        match name {
            "CodeType" => {
                self.carry_code_object(at, &list);
                self.make(Shape::Called, &[Value::UNKNOWN, arguments, Value::VACANT])
            }
            "FunctionType" | "LambdaType" => {
                let objection = self.making_objection(true, list.first().copied());
                let evidence = self.show_call(&format!("types.{name}"), arguments);
                let finding = Finding::new(objection.rule, objection.severity, objection.message);
                self.report(finding.at(at).evidence(evidence).callable(format!("types.{name}")));
                self.make(Shape::Called, &[Value::UNKNOWN, arguments, Value::VACANT])
            }
            "CellType" | "SimpleNamespace" | "MappingProxyType" => {
                self.make(Shape::Called, &[Value::UNKNOWN, arguments, Value::VACANT])
            }
            _ => {
                let (module, name) = home_of(name);
                let callee = self.import(at, module, name, false);
                self.call(at, how, callee, arguments, Value::VACANT)
            }
        }
    }
}

/// Where Python keeps a type that goes by `name`.
fn home_of(name: &str) -> (&str, &str) {
    let elsewhere = TYPES_ELSEWHERE.iter().find(|(known, _, _)| *known == name);
    let is_builtin = name.starts_with(|first: char| first.is_ascii_lowercase()) && name != "coroutine";
    match elsewhere {
        Some((_, module, name)) => (module, name),
        None if is_builtin => ("builtins", name),
        None => ("types", name),
    }
}
