//! What each condition of the tables demands of the arguments of a call.
//!
//! `None` is no objection. Callables that call their arguments are followed in `indirection.rs`, and what they lead to is judged there
//! as a call of its own, so that here nothing is said of it.

use super::heap::Shape;
use super::judge::{CALLED_ATTRIBUTES, How, Objection, call_objection};
use super::literal::Literal;
use super::machine::Machine;
use super::nested;
use super::rules as rule;
use super::value::{GlobalId, Value, View};
use crate::report::Severity;
use crate::scan::rules::{Condition, Judgement};

/// The longest text that an argument is read as.
const MAX_TEXT_BYTES: usize = 4096;
/// Encodings of text to bytes that do no more than that.
const ENCODINGS: &[&str] =
    &["latin1", "latin-1", "latin_1", "iso-8859-1", "iso8859-1", "utf-8", "utf8", "utf_8", "ascii"];
/// The bit generators of numpy.
const BIT_GENERATORS: &[&str] = &["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"];

/// The arguments of a call as a condition sees them.
struct Call<'m, 'a> {
    machine: &'m Machine<'a>,
    arguments: Option<Vec<Value>>,
}

impl Machine<'_> {
    /// What is wrong with the arguments of a call of a callable that is safe on `condition` only.
    pub(super) fn check(&self, condition: Condition, id: GlobalId, how: How, arguments: Value) -> Option<Objection> {
        let call = Call { machine: self, arguments: self.arguments(arguments) };
        match condition {
            // What these call is judged as a call of its own, and what those load is scanned.
            Condition::Getattr
            | Condition::BoundMethod
            | Condition::CallsFirstArgument
            | Condition::MapsFirstArgument
            | Condition::CopyregReconstructor
            | Condition::CopyregNewobj
            | Condition::RebuildFromType
            | Condition::ImportsModule => call.is_known(),
            Condition::CarriesCode => self.carries_code(id, call.arguments.as_deref()),
            Condition::ExecutesSource => self.executes_source(call.arguments.as_deref()),
            Condition::LoadsPickleBytes | Condition::TorchLoadBytes | Condition::LoadsArchiveBytes => {
                call.loads_known_bytes(self.globals.get(id).and_then(nested::loaded_argument).unwrap_or(0))
            }
            Condition::Setattr => call.sets_attribute_of_carried_code(),
            Condition::ArrayClass => Some(unusual("Makes an array out of a file, which its class opens")),
            Condition::KeepsFactory => call.keeps_inert_factory(),
            Condition::CodecsEncode => call.encodes_text(),
            Condition::BitGeneratorName => call.names_a_bit_generator(),
            Condition::NumpyReconstruct => {
                call.first_is_safe_class("numpy's _reconstruct makes something that is no array")
            }
            Condition::NumpyDtype => call.describes_a_dtype(),
            Condition::NumpyScalar => call.is_known(),
            Condition::UfuncName => call.is_known(),
            Condition::JoblibArrayWrapper | Condition::JoblibFileWrapper | Condition::StateLoadsTorchBytes => {
                if how == How::New { None } else { call.is_known() }
            }
            Condition::RegexCompile => call.is_known(),
            Condition::TouchesPath if how == How::New && call.is_without_arguments() => None,
            Condition::TouchesPath => call.names_a_plain_path(),
            Condition::AttributeNames => call.names_attributes(),
            Condition::NamedFields => call.names_fields(),
            Condition::OneArgument => call.has_one_argument(),
        }
    }
}

fn unresolvable(what: &str) -> Objection {
    let message = format!("Calls with arguments that cannot be told before the file is loaded: {what}");
    Objection::new(rule::UNRESOLVABLE_GLOBAL, Severity::High, message)
}

fn unusual(message: &str) -> Objection {
    Objection::new(rule::UNLISTED_CALL, Severity::High, message)
}

impl Call<'_, '_> {
    fn argument(&self, index: usize) -> Option<Value> {
        self.arguments.as_ref()?.get(index).copied()
    }

    fn text(&self, index: usize) -> Option<String> {
        self.machine.text(self.argument(index)?, MAX_TEXT_BYTES)
    }

    fn is_without_arguments(&self) -> bool {
        self.arguments.as_ref().is_some_and(Vec::is_empty)
    }

    fn is_known(&self) -> Option<Objection> {
        self.arguments.is_none().then(|| unresolvable("their number"))
    }

    fn loads_known_bytes(&self, index: usize) -> Option<Objection> {
        let bytes = self.argument(index).and_then(|value| nested::bytes_of(self.machine, value));
        bytes.is_none().then(|| unresolvable("the bytes that it loads"))
    }

    /// What the rules say of an argument that is an import, or was made by `partial` of one.
    fn judgement(&self, value: Value) -> Option<Judgement> {
        match value.view() {
            View::Global(id) => self.machine.globals.get(id).map(|global| global.judgement),
            _ => None,
        }
    }

    fn sets_attribute_of_carried_code(&self) -> Option<Objection> {
        let maker = self.argument(0).and_then(|object| self.machine.maker(object));
        let judgement = maker.and_then(|id| self.machine.globals.get(id)).map(|global| global.judgement);
        let is_carried = matches!(judgement, Some(Judgement::Conditional(Condition::CarriesCode)));
        let is_plain = self.text(1).is_some_and(|name| !CALLED_ATTRIBUTES.contains(&&*name));
        let message = "Sets an attribute of something imported, or one that makes Python call it";
        (!is_carried || !is_plain).then(|| Objection::new(rule::DANGEROUS_CALL, Severity::Critical, message))
    }

    fn keeps_inert_factory(&self) -> Option<Objection> {
        let Some(first) = self.argument(0) else { return self.is_known() };
        if matches!(self.machine.literal(first, 1).map(|c| c.literal), Some(Literal::None)) {
            return None;
        }
        let message = "Keeps a factory that a later look-up calls, and which is no plain type";
        match self.judgement(first) {
            Some(Judgement::Inert | Judgement::Allowed | Judgement::Model { .. } | Judgement::Conditional(_)) => None,
            Some(Judgement::Unknown | Judgement::Reference) => {
                Some(Objection::new(rule::UNLISTED_CALL, Severity::Medium, message))
            }
            Some(_) => Some(unusual(message)),
            None if self.machine.maker(first).is_some() => {
                Some(Objection::new(rule::UNLISTED_CALL, Severity::Medium, message))
            }
            None => Some(unusual(message)),
        }
    }

    fn encodes_text(&self) -> Option<Objection> {
        self.is_known().or_else(|| {
            let encoding = self.argument(1)?;
            let is_plain =
                self.machine.text(encoding, 32).is_some_and(|name| ENCODINGS.contains(&&*name.to_ascii_lowercase()));
            (!is_plain).then(|| unusual("Encodes with a codec that no model uses, which hides what it makes"))
        })
    }

    fn names_a_bit_generator(&self) -> Option<Objection> {
        let Some(first) = self.argument(0) else { return self.is_known() };
        let is_named = self.text(0).is_some_and(|name| BIT_GENERATORS.contains(&&*name));
        // A generator itself is given as what an earlier, judged call made.
        let maker =
            self.machine.maker(first).and_then(|id| self.machine.globals.get(id)).map(|global| global.judgement);
        let is_class = self.judgement(first).or(maker).is_some_and(|j| call_objection(&j, How::New).is_none());
        (!is_named && !is_class).then(|| unusual("Makes a random generator by a name that numpy does not have"))
    }

    fn first_is_safe_class(&self, message: &str) -> Option<Objection> {
        let judgement = self.argument(0).and_then(|value| self.judgement(value));
        match judgement {
            Some(Judgement::Unknown) => Some(Objection::new(rule::UNLISTED_CLASS, Severity::Medium, message)),
            Some(judgement) => call_objection(&judgement, How::New),
            None => Some(unusual(message)),
        }
    }

    fn describes_a_dtype(&self) -> Option<Objection> {
        let Some(first) = self.argument(0) else { return self.is_known() };
        match self.judgement(first) {
            Some(judgement) => call_objection(&judgement, How::New),
            None if matches!(first.view(), View::Unknown | View::Persistent) => Some(unresolvable("the data type")),
            None => None,
        }
    }

    fn names_a_plain_path(&self) -> Option<Objection> {
        let mut values = self.arguments.iter().flatten();
        let is_told = |value: &Value| {
            let is_none = self.machine.literal(*value, 1).is_some_and(|constant| constant.literal == Literal::None);
            is_none || self.machine.text(*value, MAX_TEXT_BYTES).is_some()
        };
        let is_plain = self.arguments.is_some() && values.all(is_told);
        (!is_plain).then(|| unresolvable("a path"))
    }

    fn names_attributes(&self) -> Option<Objection> {
        let names: Option<Vec<Value>> = self.arguments.clone();
        let is_plain = |value: &Value| match self.machine.literal(*value, MAX_TEXT_BYTES).map(|c| c.literal) {
            Some(Literal::Text(name)) => !name.contains("__"),
            Some(_) => true,
            None => false,
        };
        let is_safe = names.is_some_and(|names| names.first().is_some_and(is_plain) && names.iter().all(is_plain));
        (!is_safe).then(|| unusual("Reaches for attributes that no model reaches for"))
    }

    fn names_fields(&self) -> Option<Objection> {
        let is_plain_text = |value: Value| {
            let text = self.machine.text(value, MAX_TEXT_BYTES);
            text.is_some_and(|text| text.split([' ', ',']).all(|word| word.is_empty() || is_identifier(word)))
        };
        let values = self.arguments.clone().unwrap_or_default();
        let is_safe = !values.is_empty()
            && values.iter().all(|value| match value.as_node() {
                Some(id) if matches!(self.machine.heap.shape(id), Some(Shape::List | Shape::Tuple)) => {
                    self.machine.heap.is_whole(id)
                        && self.machine.heap.items(id).iter().all(|item| is_plain_text(*item))
                }
                _ if self.machine.text(*value, 1 << 20).is_some() => is_plain_text(*value),
                _ => !matches!(value.view(), View::Unknown | View::Node(_)),
            });
        (!is_safe)
            .then(|| unusual("Makes a class from names that are no identifiers, which some versions of Python execute"))
    }

    fn has_one_argument(&self) -> Option<Objection> {
        let count = self.arguments.as_ref().map(Vec::len);
        (count != Some(1)).then(|| unusual("Makes a new class while the file is loaded"))
    }
}

fn is_identifier(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c == '_' || c.is_alphanumeric())
}
