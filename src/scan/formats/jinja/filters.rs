//! Filters: which of them look up attributes, and what they make of constants.

use super::calls::Arguments;
use super::names::FUNCTIONS;
use super::seen::Seen;
use super::value::{Value, Values, as_text, braces, list_value, percent, slice, text_value};
use crate::report::Severity;

/// `value | name(arguments)`
pub(super) fn apply(seen: &mut Seen, value: &Values, name: &str, arguments: &Arguments) -> Values {
    attributes(seen, name, arguments);
    let result = match name {
        "attr" | "attribute" => Values::DATA(),
        "format" => value.map(|format| percent(format, &arguments.singles())),
        "join" => join(value, arguments),
        "replace" => replace(value, arguments),
        "default" | "d" => {
            let mut all = value.clone();
            arguments.positional.iter().for_each(|other| all.add(other.clone()));
            all
        }
        _ => value.map(|value| simple(value, name)),
    };
    result.iter().for_each(|value| {
        if let Value::Str(text) = value {
            seen.string(text);
        }
    });
    result
}

/// Looks at the names of attributes among the arguments of a filter.
fn attributes(seen: &mut Seen, name: &str, arguments: &Arguments) {
    match name {
        "attr" => arguments.positional.iter().take(1).for_each(|name| lookup(seen, name, Severity::High, "|attr(...)")),
        "map" if arguments.keyword("attribute").is_none() => mapped_filter(seen, arguments),
        "selectattr" | "rejectattr" | "groupby" => {
            arguments.positional.iter().take(1).for_each(|value| lookup(seen, value, Severity::Medium, name));
        }
        _ => {}
    }
    if let Some(value) = arguments.keyword("attribute") {
        lookup(seen, value, Severity::Medium, "attribute=...");
    }
    if name == "attr" && arguments.positional.is_empty() {
        arguments.named.iter().for_each(|(_, value)| lookup(seen, value, Severity::High, "|attr(...)"));
    }
}

/// `map('attr', name)` applies a filter by name.
fn mapped_filter(seen: &mut Seen, arguments: &Arguments) {
    let Some(filter) = arguments.positional.first() else { return };
    for value in filter.iter() {
        match value {
            Value::Str(name) if &**name == "attr" => {
                arguments
                    .positional
                    .iter()
                    .skip(1)
                    .for_each(|name| lookup(seen, name, Severity::High, "map('attr', ...)"));
            }
            Value::Str(_) => {}
            _ => seen.dynamic(Severity::Medium, "map(...) with a filter whose name is computed"),
        }
    }
}

/// The name of an attribute, dotted where several follow on each other.
fn lookup(seen: &mut Seen, name: &Values, severity: Severity, how: &str) {
    for value in name.iter() {
        match value {
            Value::Str(text) => text.split('.').for_each(|part| seen.attribute(part)),
            Value::Int(_) => {}
            _ => seen.dynamic(severity, how),
        }
    }
}

fn join(value: &Values, arguments: &Arguments) -> Values {
    let separator = arguments.positional.first().or(arguments.keyword("d")).cloned().unwrap_or_else(|| Values::str(""));
    value.pair(&separator, join_one)
}

/// `separator.join(list)`
pub(super) fn join_one(list: &Value, separator: &Value) -> Value {
    let Ok(separator) = as_text(separator) else { return Value::Built };
    let parts: Result<Vec<String>, Value> = match list {
        Value::List(items) => items.iter().map(as_text).collect(),
        Value::Dict(items) => items.iter().map(|(key, _)| as_text(key)).collect(),
        Value::Str(text) => Ok(text.chars().map(String::from).collect()),
        Value::Data => Err(Value::Data),
        _ => Err(Value::Built),
    };
    match (parts, list) {
        (Ok(parts), _) => text_value(&parts.join(&separator)),
        (Err(_), Value::Data) => Value::Data,
        (Err(_), _) => Value::Built,
    }
}

/// `value | replace(old, new)` and `value.replace(old, new)`
pub(super) fn replace(value: &Values, arguments: &Arguments) -> Values {
    let [old, new, ..] = arguments.positional.as_slice() else { return Values::DATA() };
    let texts = old.pair(new, |old, new| match (old, new) {
        (Value::Str(_), Value::Str(_)) => list_value(vec![old.clone(), new.clone()]),
        _ => Value::Data,
    });
    value.pair(&texts, |value, texts| match (value, texts) {
        (Value::Str(text), Value::List(pair)) => match &**pair {
            [Value::Str(old), Value::Str(new)] if !old.is_empty() => text_value(&text.replace(&**old, new)),
            _ => Value::Built,
        },
        (Value::Str(_) | Value::Built, _) => Value::Built,
        _ => Value::Data,
    })
}

/// Filters and methods without arguments that matter.
pub(super) fn simple(value: &Value, name: &str) -> Value {
    match (value, name) {
        (Value::Str(text), "lower" | "casefold") => text_value(&text.to_lowercase()),
        (Value::Str(text), "upper") => text_value(&text.to_uppercase()),
        (Value::Str(text), "swapcase") => text_value(&text.chars().map(swapped).collect::<String>()),
        (Value::Str(text), "trim" | "strip" | "lstrip" | "rstrip") => text_value(text.trim()),
        (Value::Str(text), "int") => text.trim().parse().map_or(Value::Data, Value::Int),
        (Value::Str(_), "string" | "safe" | "e" | "escape" | "forceescape" | "striptags" | "urlencode") => {
            value.clone()
        }
        (Value::Str(text), "length" | "count") => i64::try_from(text.chars().count()).map_or(Value::Data, Value::Int),
        (Value::List(items), "length" | "count") => i64::try_from(items.len()).map_or(Value::Data, Value::Int),
        (Value::Str(_) | Value::List(_), "reverse") => slice(value, &[Ok(None), Ok(None), Ok(Some(-1))]),
        (Value::Str(text), "list") => {
            list_value(text.chars().map(|c| text_value(c.encode_utf8(&mut [0; 4]))).collect())
        }
        (Value::List(_), "list") => value.clone(),
        (Value::Dict(items), "list" | "keys") => list_value(items.iter().map(|(key, _)| key.clone()).collect()),
        (Value::Dict(items), "values") => list_value(items.iter().map(|(_, value)| value.clone()).collect()),
        (Value::Str(_) | Value::List(_) | Value::Dict(_), "first") => edge(value, false),
        (Value::Str(_) | Value::List(_) | Value::Dict(_), "last") => edge(value, true),
        (Value::Int(_), "string" | "int" | "abs") => match as_text(value) {
            Ok(text) if name == "string" => text_value(&text),
            _ => value.clone(),
        },
        (_, "select" | "reject" | "map" | "selectattr" | "rejectattr" | "batch" | "slice") => Value::Object,
        (
            Value::Object | Value::Built,
            "string" | "pprint" | "urlencode" | "lower" | "upper" | "e" | "escape" | "safe",
        ) => Value::Built,
        (Value::Str(_), "capitalize" | "title" | "center" | "indent" | "random" | "xmlattr" | "sort" | "unique") => {
            Value::Built
        }
        (Value::Built, "list" | "first" | "last" | "random" | "trim" | "replace" | "reverse" | "join") => Value::Built,
        _ => Value::Data,
    }
}

fn edge(value: &Value, is_last: bool) -> Value {
    let place = |length: usize| if is_last { length.saturating_sub(1) } else { 0 };
    match value {
        Value::Str(text) => {
            let found = if is_last { text.chars().next_back() } else { text.chars().next() };
            found.map_or(Value::Data, |c| text_value(c.encode_utf8(&mut [0; 4])))
        }
        Value::List(items) => items.get(place(items.len())).cloned().unwrap_or(Value::Data),
        Value::Dict(items) => items.get(place(items.len())).map_or(Value::Data, |(key, _)| key.clone()),
        _ => Value::Data,
    }
}

fn swapped(character: char) -> char {
    if character.is_ascii_lowercase() { character.to_ascii_uppercase() } else { character.to_ascii_lowercase() }
}

/// What a method of a value gives, where it is followed.
pub(super) fn method(value: &Values, name: &str, arguments: &Arguments) -> Values {
    match name {
        "format" => {
            let singles = arguments.singles();
            let named = arguments.named_singles();
            value.map(|value| match value {
                Value::Str(text) => braces(text, &singles, &named),
                Value::Built => Value::Built,
                _ => Value::Data,
            })
        }
        "join" => match arguments.positional.first() {
            Some(list) => list.pair(value, join_one),
            None => Values::DATA(),
        },
        "replace" => replace(value, arguments),
        "__add__" | "__mod__" => Value::Built.into(),
        _ => value.map(|value| match (value, simple(value, name)) {
            (Value::Str(_), Value::Data) if makes_text(name) => Value::Built,
            (_, Value::Object) => Value::Data,
            (_, result) => result,
        }),
    }
}

/// Methods of strings that give strings or parts of them.
fn makes_text(name: &str) -> bool {
    [
        "split",
        "rsplit",
        "partition",
        "rpartition",
        "translate",
        "removeprefix",
        "removesuffix",
        "zfill",
        "ljust",
        "expandtabs",
    ]
    .contains(&name)
}

/// Whether `name` is a function that templates may call.
pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.contains(&name)
}
