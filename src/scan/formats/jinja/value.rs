//! What is known of a value without rendering anything: constants as far as they fold, and for the rest where it comes from.

use std::rc::Rc;

/// Alternatives that are kept of one value.
const MAX_ALTERNATIVES: usize = 8;
/// The longest string that is folded, in bytes; longer ones are only known to be built.
const MAX_STRING_BYTES: usize = 512;
/// The longest list that is folded.
const MAX_ELEMENTS: usize = 64;

/// One value that an expression may have.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Str(Rc<str>),
    Int(i64),
    /// Elements are strings, numbers or of unknown value; lists in lists are not folded.
    List(Rc<[Value]>),
    /// Keys and values.
    Dict(Rc<[(Value, Value)]>),
    /// From the conversation, or computed from it.
    Data,
    /// A string that the template puts together from parts of which not all are known.
    Built,
    /// A function, class or generator; as a string it holds letters to pick from.
    Object,
}

/// The values that an expression may have; never empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Values(Vec<Value>);

impl From<Value> for Values {
    fn from(value: Value) -> Self {
        Self(vec![value])
    }
}

impl Values {
    pub(super) const DATA: fn() -> Self = || Self::from(Value::Data);

    pub(super) fn str(text: &str) -> Self {
        text_value(text).into()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    /// Adds what else it may be. Too many alternatives are one that is not known.
    pub(super) fn add(&mut self, other: Self) {
        for value in other.0 {
            if self.0.contains(&value) {
                continue;
            }
            if self.0.len() >= MAX_ALTERNATIVES {
                self.0 = vec![Value::Built, Value::Data];
                return;
            }
            self.0.push(value);
        }
    }

    /// Every alternative, changed.
    pub(super) fn map(&self, change: impl Fn(&Value) -> Value) -> Self {
        let mut all = Self(Vec::new());
        self.0.iter().for_each(|value| all.add(change(value).into()));
        all
    }

    /// Every pair of alternatives, joined.
    pub(super) fn pair(&self, other: &Self, join: impl Fn(&Value, &Value) -> Value) -> Self {
        let mut all = Self(Vec::new());
        for left in &self.0 {
            other.0.iter().for_each(|right| all.add(join(left, right).into()));
        }
        all
    }

    /// The value if there is but one, as an element of a list.
    pub(super) fn single(&self) -> Value {
        match self.0.as_slice() {
            [Value::List(_) | Value::Dict(_)] => Value::Object,
            [one] => one.clone(),
            several if several.contains(&Value::Data) && !several.contains(&Value::Built) => Value::Data,
            _ => Value::Built,
        }
    }

    /// The elements that a loop goes over.
    pub(super) fn elements(&self) -> Self {
        let mut all = Self(Vec::new());
        for value in &self.0 {
            match value {
                Value::List(items) => items.iter().for_each(|item| all.add(item.clone().into())),
                Value::Dict(items) => items.iter().for_each(|(key, _)| all.add(key.clone().into())),
                Value::Str(text) => text.chars().for_each(|c| all.add(Self::str(c.encode_utf8(&mut [0; 4])))),
                Value::Built | Value::Object => all.add(Value::Built.into()),
                Value::Int(_) | Value::Data => all.add(Value::Data.into()),
            }
        }
        if all.0.is_empty() { Self::DATA() } else { all }
    }
}

/// A string that is short enough to be followed.
pub(super) fn text_value(text: &str) -> Value {
    if text.len() <= MAX_STRING_BYTES { Value::Str(text.into()) } else { Value::Built }
}

/// A list that is short enough to be followed.
pub(super) fn list_value(items: Vec<Value>) -> Value {
    if items.len() <= MAX_ELEMENTS { Value::List(items.into()) } else { Value::Built }
}

/// A dictionary that is short enough to be followed.
pub(super) fn dict_value(items: Vec<(Value, Value)>) -> Value {
    if items.len() <= MAX_ELEMENTS { Value::Dict(items.into()) } else { Value::Built }
}

/// `str(value)`: `Err` is what it is when its letters are not known.
pub(super) fn as_text(value: &Value) -> Result<String, Value> {
    match value {
        Value::Str(text) => Ok(text.to_string()),
        Value::Int(number) => Ok(number.to_string()),
        Value::Data => Err(Value::Data),
        Value::List(_) | Value::Dict(_) | Value::Built | Value::Object => Err(Value::Built),
    }
}

/// `left ~ right`
pub(super) fn concat(left: &Value, right: &Value) -> Value {
    match (as_text(left), as_text(right)) {
        (Ok(left), Ok(right)) => text_value(&(left + &right)),
        (Err(Value::Data), Err(Value::Data)) => Value::Data,
        _ => Value::Built,
    }
}

/// `left + right`
pub(super) fn add(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left.checked_add(*right).map_or(Value::Data, Value::Int),
        (Value::List(left), Value::List(right)) => list_value(left.iter().chain(right.iter()).cloned().collect()),
        (Value::Int(_) | Value::Data, Value::Data) | (Value::Data, Value::Int(_)) => Value::Data,
        (Value::List(_), _) | (_, Value::List(_)) => Value::Data,
        _ => concat(left, right),
    }
}

/// `left * right`
pub(super) fn multiply(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left.checked_mul(*right).map_or(Value::Data, Value::Int),
        (Value::Str(text), Value::Int(times)) | (Value::Int(times), Value::Str(text)) => {
            let times = usize::try_from(*times).unwrap_or(0);
            match text.len().checked_mul(times) {
                Some(length) if length <= MAX_STRING_BYTES => text_value(&text.repeat(times)),
                _ => Value::Built,
            }
        }
        _ => Value::Data,
    }
}

/// `left - right`, `//` and the like of numbers.
pub(super) fn arithmetic(operator: &str, left: &Value, right: &Value) -> Value {
    let (Value::Int(left), Value::Int(right)) = (left, right) else { return Value::Data };
    let result = match operator {
        "-" => left.checked_sub(*right),
        "//" | "/" => left.checked_div(*right),
        "**" => u32::try_from(*right).ok().and_then(|power| left.checked_pow(power)),
        _ => left.checked_rem(*right),
    };
    result.map_or(Value::Data, Value::Int)
}

/// `object[index]`
pub(super) fn item(object: &Value, index: &Value) -> Value {
    let place = |length: usize, number: i64| {
        usize::try_from(number).ok().or_else(|| length.checked_sub(usize::try_from(number.unsigned_abs()).ok()?))
    };
    match (object, index) {
        (Value::Str(text), Value::Int(number)) => {
            let chars: Vec<char> = text.chars().collect();
            let found = place(chars.len(), *number).and_then(|at| chars.get(at));
            found.map_or(Value::Data, |c| text_value(c.encode_utf8(&mut [0; 4])))
        }
        (Value::List(items), Value::Int(number)) => {
            place(items.len(), *number).and_then(|at| items.get(at)).cloned().unwrap_or(Value::Data)
        }
        (Value::Dict(items), key) => {
            items.iter().find(|(own, _)| own == key).map_or(Value::Data, |(_, value)| value.clone())
        }
        (Value::Built, _) | (Value::Str(_), _) => Value::Built,
        _ => Value::Data,
    }
}

/// `object[start:stop:step]`, each `None` where it is left out; `Err` where it is not known.
pub(super) fn slice(object: &Value, bounds: &[Result<Option<i64>, ()>; 3]) -> Value {
    let [Ok(start), Ok(stop), Ok(step)] = *bounds else {
        return if matches!(object, Value::Str(_) | Value::Built) { Value::Built } else { Value::Data };
    };
    match object {
        Value::Str(text) => {
            let chars: Vec<char> = text.chars().collect();
            let taken: String = indices(chars.len(), start, stop, step).filter_map(|at| chars.get(at)).collect();
            text_value(&taken)
        }
        Value::List(items) => {
            list_value(indices(items.len(), start, stop, step).filter_map(|at| items.get(at).cloned()).collect())
        }
        Value::Built => Value::Built,
        _ => Value::Data,
    }
}

/// The places that a slice takes, as Python's `slice.indices`.
fn indices(length: usize, start: Option<i64>, stop: Option<i64>, step: Option<i64>) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let step = step.unwrap_or(1);
    let (lowest, highest) = if step < 0 { (-1, length - 1) } else { (0, length) };
    let clamp = |bound: i64| {
        let bound = if bound < 0 { bound.saturating_add(length) } else { bound };
        bound.clamp(lowest, highest)
    };
    let start = start.map_or(if step < 0 { highest } else { lowest }, clamp);
    let stop = stop.map_or(if step < 0 { lowest } else { highest }, clamp);
    let next = move |at: &i64| at.checked_add(step);
    std::iter::successors(Some(start).filter(|_| step != 0), next)
        .take_while(move |at| if step < 0 { *at > stop } else { *at < stop })
        .filter_map(|at| usize::try_from(at).ok())
}

/// `format % arguments`
pub(super) fn percent(format: &Value, arguments: &[Value]) -> Value {
    let Value::Str(format) = format else {
        return if matches!(format, Value::Built) { Value::Built } else { Value::Data };
    };
    let mut arguments = arguments.iter();
    let mut pieces = format.split('%');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    let mut is_percent = false;
    for piece in pieces {
        if is_percent || piece.is_empty() {
            is_percent = !is_percent && piece.is_empty();
            text.push_str(if is_percent { "%" } else { piece });
            continue;
        }
        let piece = piece.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | ' ' | '#'));
        let mut rest = piece.chars();
        let conversion = rest.next();
        let Some(argument) = arguments.next() else { return Value::Built };
        let shown = match (conversion, argument) {
            (Some('c'), Value::Int(code)) => u32::try_from(*code).ok().and_then(char::from_u32).map(String::from),
            (Some('x'), Value::Int(number)) => Some(format!("{number:x}")),
            (Some('s' | 'c' | 'd' | 'i' | 'r'), argument) => as_text(argument).ok(),
            _ => None,
        };
        let Some(shown) = shown else { return Value::Built };
        text.push_str(&shown);
        text.push_str(rest.as_str());
    }
    text_value(&text)
}

/// `format.format(*arguments, **named)`
pub(super) fn braces(format: &str, arguments: &[Value], named: &[(String, Value)]) -> Value {
    let mut text = String::new();
    let mut rest = format;
    let mut next = 0;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(&before.replace("}}", "}"));
        if let Some(after) = after.strip_prefix('{') {
            text.push('{');
            rest = after;
            continue;
        }
        let Some((field, after)) = after.split_once('}') else { return Value::Built };
        let (name, form) = field.split_once([':', '!']).unwrap_or((field, ""));
        let index = if name.is_empty() { Some(next) } else { name.parse().ok() };
        next += usize::from(name.is_empty());
        let argument = match index {
            Some(index) => arguments.get(index),
            None => named.iter().find(|(own, _)| own == name).map(|(_, value)| value),
        };
        let shown = match (form, argument) {
            ("c", Some(Value::Int(code))) => u32::try_from(*code).ok().and_then(char::from_u32).map(String::from),
            ("" | "s" | "d", Some(argument)) => as_text(argument).ok(),
            _ => None,
        };
        let Some(shown) = shown else { return Value::Built };
        text.push_str(&shown);
        rest = after;
    }
    text.push_str(&rest.replace("}}", "}"));
    text_value(&text)
}
