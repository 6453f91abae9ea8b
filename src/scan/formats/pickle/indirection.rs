//! Calls that lead to other calls: `getattr`, `attrgetter`, `partial`, `map`, `import_module`, `resolve_name`, ...
//!
//! What such a call gives is worked out where it can be, and what it calls is judged as if the pickle had called it itself: that is
//! where the evidence `os.system("true")` comes from when the pickle says `map`. What cannot be worked out stays unknown, and a call of
//! it is a finding.

use super::heap::{ARGUMENTS, CALLEE, STATES, Shape};
use super::judge::How;
use super::machine::Machine;
use super::value::{GlobalId, Value, View};
use crate::scan::rules::{Condition, Judgement};

/// The longest dotted name that is followed.
const MAX_NAME_BYTES: usize = 4096;
/// Items of what is mapped over that are looked at one by one.
const MAX_MAPPED_ITEMS: usize = 64;
/// Methods of texts and bytes that compute others and call nothing of their arguments, unlike `format`, `translate` and the special ones.
const PURE_METHODS: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "decode",
    "encode",
    "endswith",
    "find",
    "fromhex",
    "hex",
    "index",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
];

/// What a callable does with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// `(object, name)`: gives an attribute.
    Attribute,
    /// `(module, name)`: imports the module and gives an attribute of it.
    ImportAttribute,
    /// `(name)`: gives a module.
    Import,
    /// `(name)`: as `Import`, but gives the top package.
    ImportTop,
    /// `("module:name")` or `("module.name")`: gives what is named.
    Resolve,
    /// Gives something that calls, or reaches into, what it is applied to; applied in [`Machine::call_through`].
    Applied,
    /// `(function, *arguments)`: calls.
    Call,
    /// `(function, arguments, keywords)`: calls with the arguments of a sequence.
    Apply,
    /// `(function, iterable, ...)`: calls with each item.
    Map,
    /// `(function, iterable of tuples)`.
    StarMap,
    /// `(function, iterable, initial)`: calls with two.
    Fold,
    /// `(class, ...)`: constructs it.
    Construct,
    /// `(class, base, state)`: constructs the first by the second.
    Reconstruct,
    /// `(function, type, arguments, state)`.
    RebuildFromType,
}

/// Callables with a role, whatever the rules say of them.
const ROLES: &[(&str, &str, Role)] = &[
    ("builtins", "getattr", Role::Attribute),
    ("__builtin__", "getattr", Role::Attribute),
    ("dill._dill", "_getattribute", Role::Attribute),
    ("dill._dill", "_get_attr", Role::Attribute),
    ("builtins", "__import__", Role::ImportTop),
    ("__builtin__", "__import__", Role::ImportTop),
    ("importlib", "__import__", Role::ImportTop),
    ("importlib", "import_module", Role::Import),
    ("importlib._bootstrap", "_gcd_import", Role::Import),
    ("numpy.core", "_ufunc_reconstruct", Role::ImportAttribute),
    ("numpy._core", "_ufunc_reconstruct", Role::ImportAttribute),
    ("dill._dill", "_import_module", Role::Resolve),
    ("dill.dill", "_import_module", Role::Resolve),
    ("pkgutil", "resolve_name", Role::Resolve),
    ("pydoc", "locate", Role::Resolve),
    ("pydoc", "safeimport", Role::Import),
    ("logging.config", "_resolve", Role::Resolve),
    ("types", "MethodType", Role::Applied),
    ("functools", "partial", Role::Applied),
    ("_functools", "partial", Role::Applied),
    ("operator", "attrgetter", Role::Applied),
    ("_operator", "attrgetter", Role::Applied),
    ("operator", "methodcaller", Role::Applied),
    ("_operator", "methodcaller", Role::Applied),
    ("operator", "itemgetter", Role::Applied),
    ("_operator", "itemgetter", Role::Applied),
    ("operator", "call", Role::Call),
    ("_operator", "call", Role::Call),
    ("_thread", "start_new_thread", Role::Apply),
    ("builtins", "apply", Role::Apply),
    ("__builtin__", "apply", Role::Apply),
    ("builtins", "map", Role::Map),
    ("builtins", "filter", Role::Map),
    ("itertools", "imap", Role::Map),
    ("itertools", "ifilter", Role::Map),
    ("itertools", "filterfalse", Role::Map),
    ("itertools", "takewhile", Role::Map),
    ("itertools", "dropwhile", Role::Map),
    ("itertools", "starmap", Role::StarMap),
    ("functools", "reduce", Role::Fold),
    ("_functools", "reduce", Role::Fold),
    ("itertools", "accumulate", Role::Fold),
    ("copyreg", "__newobj__", Role::Construct),
    ("copyreg", "__newobj_ex__", Role::Construct),
    ("copyreg", "_reconstructor", Role::Reconstruct),
    ("torch._tensor", "_rebuild_from_type_v2", Role::RebuildFromType),
    ("torch._tensor", "_rebuild_from_type", Role::RebuildFromType),
];

/// Packages whose modules are imported as a whole by honest models (functions that cloudpickle carries name them).
const FRAMEWORKS: &[&str] = &[
    "numpy",
    "scipy",
    "pandas",
    "sklearn",
    "torch",
    "torchvision",
    "torchaudio",
    "tensorflow",
    "keras",
    "jax",
    "flax",
    "xgboost",
    "lightgbm",
    "catboost",
    "statsmodels",
    "joblib",
    "transformers",
    "tokenizers",
    "sentence_transformers",
    "spacy",
    "gensim",
    "ultralytics",
    "fastai",
    "cloudpickle",
    "dill",
    "math",
    "cmath",
    "itertools",
    "functools",
    "collections",
    "re",
    "datetime",
];

impl Machine<'_> {
    /// What a call of an import leads to, and what it gives.
    pub(super) fn follow(&mut self, at: u64, id: GlobalId, how: How, arguments: Value, keywords: Value) -> Value {
        let role = self.role(id);
        let list = self.arguments(arguments).unwrap_or_default();
        let shape = if how == How::New { Shape::Constructed } else { Shape::Called };
        let followed = role.and_then(|role| self.play(at, role, &list, how));
        self.load_arguments(at, id, &list);
        self.carry(at, id, &list);
        followed.unwrap_or_else(|| {
            let made = self.make(shape, &[Value::global(id), arguments, keywords]);
            if role.is_some() {
                self.heap.mark_telling(made);
            }
            made
        })
    }

    fn role(&self, id: GlobalId) -> Option<Role> {
        let global = self.globals.get(id)?;
        let listed = ROLES.iter().find(|(module, name, _)| global.is(module, name)).map(|(_, _, role)| *role);
        listed.or(match global.judgement {
            Judgement::Conditional(Condition::ImportsModule) => Some(Role::Import),
            Judgement::Conditional(Condition::CopyregNewobj) => Some(Role::Construct),
            Judgement::Conditional(Condition::UfuncName) => Some(Role::ImportAttribute),
            _ => None,
        })
    }

    fn play(&mut self, at: u64, role: Role, list: &[Value], how: How) -> Option<Value> {
        match (role, list) {
            (Role::Attribute, [object, name, ..]) => Some(self.attribute(at, *object, *name)),
            (Role::ImportAttribute, [module, name, ..]) => match (self.name(*module), self.name(*name)) {
                (Some(module), Some(name)) => Some(self.import(at, &module, &name, false)),
                _ => Some(self.import_unknown(at, *module, *name)),
            },
            (Role::Applied, [function, rest @ ..]) => {
                self.judge_bound(at, *function, rest);
                None
            }
            (Role::Import | Role::ImportTop, [name, ..]) => {
                let name = self.text(*name, MAX_NAME_BYTES)?;
                let top = name.split('.').next().unwrap_or_default();
                let name = if role == Role::ImportTop { top } else { &*name };
                Some(self.import_module(at, name))
            }
            (Role::Resolve, [name, ..]) => {
                let name = self.text(*name, MAX_NAME_BYTES)?;
                match name.split_once(':').or_else(|| name.rsplit_once('.')) {
                    Some((module, name)) => Some(self.import(at, module, name, false)),
                    None => Some(self.import_module(at, &name)),
                }
            }
            (Role::Call, [function, rest @ ..]) => Some(self.call_with(at, *function, rest)),
            (Role::Apply, [function, sequence, ..]) => {
                let rest = self.sequence(*sequence);
                Some(self.call_with(at, *function, &rest))
            }
            (Role::Map, [function, sequences @ ..]) => {
                let sequences: Vec<Vec<Value>> = sequences.iter().map(|s| self.sequence(*s)).collect();
                let count = sequences.iter().map(Vec::len).min().unwrap_or(0).clamp(1, MAX_MAPPED_ITEMS);
                for index in 0..count {
                    let item = |s: &Vec<Value>| s.get(index).copied().unwrap_or(Value::UNKNOWN);
                    let items: Vec<Value> = sequences.iter().map(item).collect();
                    self.call_unless_none(at, *function, &items);
                }
                None
            }
            (Role::StarMap, [function, sequence, ..]) => {
                let first = self.first_of(*sequence);
                let rest = self.sequence(first);
                self.call_unless_none(at, *function, &rest)
            }
            (Role::Fold, [function, sequence, initial @ ..]) => {
                let mut pair = initial.to_vec();
                pair.extend(self.sequence(*sequence));
                pair.truncate(2);
                self.call_unless_none(at, *function, &pair)
            }
            (Role::Construct, [class, rest @ ..]) => {
                let arguments = self.make(Shape::Tuple, rest);
                Some(self.call(at, How::New, *class, arguments, Value::VACANT))
            }
            (Role::Reconstruct, [class, base, rest @ ..]) => {
                let arguments = self.make(Shape::Tuple, rest);
                self.call(at, How::New, *base, arguments, Value::VACANT);
                Some(self.call(at, How::New, *class, arguments, Value::VACANT))
            }
            (Role::RebuildFromType, [function, class, arguments, ..]) => {
                let empty = self.make(Shape::Tuple, &[]);
                self.call(at, How::New, *class, empty, Value::VACANT);
                Some(self.call(at, how, *function, *arguments, Value::VACANT))
            }
            _ => None,
        }
    }

    fn name(&self, value: Value) -> Option<String> {
        self.text(value, MAX_NAME_BYTES)
    }

    /// A function that is kept together with its arguments is judged as if it were called, when they decide what it does.
    pub(super) fn judge_bound(&mut self, at: u64, function: Value, bound: &[Value]) {
        if matches!(function.view(), View::Global(id) if self.depends_on_arguments(id)) {
            self.call_with(at, function, bound);
        }
    }

    /// A module as a value. The modules of the frameworks are imported by every model of theirs.
    fn import_module(&mut self, at: u64, name: &str) -> Value {
        let module = self.import(at, name, "", false);
        let is_framework = FRAMEWORKS.contains(&name.split('.').next().unwrap_or_default());
        if let View::Global(id) = module.view()
            && let Some(global) = self.globals.get_mut(id).filter(|g| is_framework && g.judgement == Judgement::Unknown)
        {
            global.is_told = true;
        }
        module
    }

    fn call_with(&mut self, at: u64, function: Value, arguments: &[Value]) -> Value {
        let arguments = self.make(Shape::Tuple, arguments);
        self.call(at, How::Call, function, arguments, Value::VACANT)
    }

    /// Judges the call of what is applied to items; the result of the whole is not that of the call.
    fn call_unless_none(&mut self, at: u64, function: Value, arguments: &[Value]) -> Option<Value> {
        if !matches!(function.view(), View::Const(_)) {
            self.call_with(at, function, arguments);
        }
        None
    }

    /// `object.name`.
    pub(super) fn attribute(&mut self, at: u64, object: Value, name: Value) -> Value {
        let text = self.text(name, MAX_NAME_BYTES);
        let owner = match object.view() {
            View::Global(id) => Some(id),
            _ => self.maker(object),
        };
        let path = owner.and_then(|id| self.globals.get(id)).map(|global| (global.module.clone(), global.name.clone()));
        match (path, text) {
            (Some((module, owner)), Some(text)) if owner.is_empty() => self.import(at, &module, &text, false),
            (Some((module, owner)), Some(text)) => self.import(at, &module, &format!("{owner}.{text}"), false),
            (_, Some(text)) if matches!(object.view(), View::Const(_)) && !text.starts_with("__") => {
                self.make(Shape::Attribute, &[object, name])
            }
            (_, text) => {
                let is_plain = text.is_some_and(|text| !text.starts_with("__"));
                if !is_plain || !matches!(object.view(), View::Node(_) | View::Plain) {
                    let evidence = format!("getattr({}, {})", self.show(object), self.show(name));
                    self.unresolvable_global(at, &evidence);
                }
                self.make(Shape::Attribute, &[object, name])
            }
        }
    }

    /// A call of what an earlier call gave; `None` when it cannot be told what that calls.
    pub(super) fn call_through(
        &mut self,
        at: u64,
        how: How,
        callee: Value,
        arguments: Value,
        keywords: Value,
    ) -> Option<Value> {
        let id = callee.as_node()?;
        if let Some(name) = self.given_type(at, callee) {
            return Some(self.call_given_type(at, how, &name, arguments));
        }
        match self.heap.shape(id)? {
            Shape::Attribute => {
                // A method of a constant text or bytes computes another.
                matches!(self.heap.item(id, 0).view(), View::Const(_)).then_some(())?;
                PURE_METHODS.contains(&&*self.text(self.heap.item(id, 1), 32)?).then_some(())?;
                Some(self.make(Shape::Called, &[callee, arguments, keywords]))
            }
            Shape::Called | Shape::Constructed => {
                let View::Global(maker) = self.heap.item(id, CALLEE).view() else { return None };
                let name = self.globals.get(maker).filter(|_| self.role(maker) == Some(Role::Applied))?.name.clone();
                let bound = self.bound_arguments(callee, &name);
                let list = self.arguments(arguments).unwrap_or_default();
                self.apply(at, how, &name, &bound, &list)
            }
            _ => None,
        }
    }

    /// What `partial`, `attrgetter`, ... were made with. The state of a `partial` says it anew: `(function, arguments, keywords, dict)`.
    fn bound_arguments(&self, made: Value, name: &str) -> Vec<Value> {
        let Some(id) = made.as_node() else { return Vec::new() };
        let state = self.heap.items(id).get(STATES..).and_then(<[Value]>::last).filter(|_| name == "partial");
        let Some(state) = state else { return self.arguments(self.heap.item(id, ARGUMENTS)).unwrap_or_default() };
        match self.bound_by_state(*state) {
            Some((function, bound)) => [vec![function], bound].concat(),
            None => vec![Value::UNKNOWN],
        }
    }

    /// The function and arguments that a state `(function, arguments, keywords, attributes)` gives to `partial`.
    pub(super) fn bound_by_state(&self, state: Value) -> Option<(Value, Vec<Value>)> {
        match *self.arguments(state)? {
            [function, arguments, ..] => Some((function, self.arguments(arguments)?)),
            _ => None,
        }
    }

    fn apply(&mut self, at: u64, how: How, name: &str, bound: &[Value], list: &[Value]) -> Option<Value> {
        match (name, bound, list) {
            ("partial" | "MethodType", [function, bound @ ..], list) => {
                let all = [bound, list].concat();
                let arguments = self.make(Shape::Tuple, &all);
                Some(self.call(at, how, *function, arguments, Value::VACANT))
            }
            ("attrgetter", [name], [object, ..]) => Some(self.attribute(at, *object, *name)),
            ("methodcaller", [name, bound @ ..], [object, ..]) => {
                let method = self.attribute(at, *object, *name);
                Some(self.call_with(at, method, bound))
            }
            _ => None,
        }
    }

    /// The items of a tuple or list that is known; otherwise one unknown value.
    fn sequence(&self, value: Value) -> Vec<Value> {
        if let Some(list) = self.arguments(value) {
            return list;
        }
        match value.as_node() {
            Some(id) if matches!(self.heap.shape(id), Some(Shape::List | Shape::Set | Shape::FrozenSet)) => {
                self.heap.items(id).to_vec()
            }
            _ => vec![Value::UNKNOWN],
        }
    }

    fn first_of(&self, sequence: Value) -> Value {
        self.sequence(sequence).first().copied().unwrap_or(Value::UNKNOWN)
    }
}
