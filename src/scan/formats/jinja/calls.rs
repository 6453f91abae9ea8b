//! The arguments of a call, and what the few functions that templates have give back.

use super::filters;
use super::seen::Seen;
use super::value::{Value, Values, dict_value, list_value};

/// More than any conversation needs.
const LARGE_NUMBER: i64 = 10_000_000;

/// What stands between the brackets of a call.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Values>,
    pub(super) named: Vec<(String, Values)>,
}

impl Arguments {
    pub(super) fn keyword(&self, name: &str) -> Option<&Values> {
        self.named.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The positional arguments, each as one value.
    pub(super) fn singles(&self) -> Vec<Value> {
        self.positional.iter().map(Values::single).collect()
    }

    /// The arguments by name, each as one value.
    pub(super) fn named_singles(&self) -> Vec<(String, Value)> {
        self.named.iter().map(|(name, value)| (name.clone(), value.single())).collect()
    }
}

/// What a call of the function `name` gives.
pub(super) fn function(seen: &mut Seen, name: &str, arguments: &Arguments) -> Values {
    match name {
        "dict" | "namespace" => dictionary(arguments),
        "range" => {
            for value in arguments.positional.iter().flat_map(Values::iter) {
                large_number(seen, value);
            }
            Values::DATA()
        }
        "lipsum" | "cycler" | "joiner" => Value::Object.into(),
        _ => Values::DATA(),
    }
}

/// Tells of a number that a template counts or multiplies to.
pub(super) fn large_number(seen: &mut Seen, value: &Value) {
    if let Value::Int(number) = value
        && *number > LARGE_NUMBER
    {
        seen.large_number(*number);
    }
}

/// `dict(a=1)`: its keys are strings that no quotes give away. Python makes compatible letters of such names plain ones.
fn dictionary(arguments: &Arguments) -> Values {
    let key = |name: &str| if name.is_ascii() { Value::Str(name.into()) } else { Value::Built };
    let items = arguments.named.iter().map(|(name, value)| (key(name), value.single())).collect();
    if arguments.positional.is_empty() { dict_value(items).into() } else { Value::Object.into() }
}

/// What calling a method of `object` gives.
pub(super) fn method(seen: &mut Seen, object: &Values, name: &str, arguments: &Arguments) -> Values {
    let result = filters::method(object, name, arguments);
    for value in result.iter() {
        if let Value::Str(text) = value {
            seen.string(text);
        }
    }
    result
}

/// A list of what its elements may be.
pub(super) fn list(elements: &[Values]) -> Values {
    list_value(elements.iter().map(Values::single).collect()).into()
}
