//! The messages of TensorFlow that the scan needs, field by field: nodes, attributes, string tensors.
//!
//! Knows where things stand and not what they mean. Schema: tensorflow/core/framework (node_def.proto, attr_value.proto,
//! tensor.proto, function.proto) of github.com/tensorflow/tensorflow.

use crate::scan::Stop;
use crate::scan::formats::protobuf::{MAX_TEXT_BYTES, Message, Value};
use crate::scan::input::Cursor;

/// Bytes of names that one node may have, its inputs and attributes included.
const MAX_NODE_BYTES: usize = 4 << 20;
/// Strings that a tensor may hold in its packed form.
const MAX_PACKED_STRINGS: u64 = 1 << 20;
/// `DataType.DT_STRING`.
const DT_STRING: u64 = 7;

/// A `NodeDef`.
#[derive(Default)]
pub(super) struct Node {
    /// Offset in the input.
    pub(super) at: u64,
    pub(super) name: String,
    pub(super) op: String,
    /// `name`, `name:output`, or `^name` where it must only run before.
    pub(super) inputs: Vec<String>,
    /// Names with their `AttrValue`.
    pub(super) attributes: Vec<(String, Message)>,
}

impl Node {
    /// Reads a node. Of a field that stands twice, the last counts.
    pub(super) fn read(message: Message, cursor: &mut Cursor<'_>) -> Result<Self, Stop> {
        let mut node = Self { at: message.at, ..Self::default() };
        let mut left = MAX_NODE_BYTES;
        let mut fields = message.fields();
        while let Some(field) = fields.next(cursor)? {
            let Some(bytes) = field.bytes() else { continue };
            match field.number {
                1 => node.name = bytes.text(cursor)?,
                2 => node.op = bytes.text(cursor)?,
                3 => node.inputs.push(bytes.text(cursor)?),
                5 => node.attributes.extend(entry(bytes, cursor)?),
                _ => continue,
            }
            let text = usize::try_from(bytes.size()).unwrap_or(MAX_TEXT_BYTES).min(MAX_TEXT_BYTES);
            let used = text + size_of::<(String, Message)>();
            left = left.checked_sub(used).ok_or_else(|| Stop::Limit("a node has too many inputs".into()))?;
        }
        Ok(node)
    }

    /// The attribute `name`; of one that stands twice, the last.
    pub(super) fn attribute(&self, name: &str) -> Option<Message> {
        self.attributes.iter().rev().find(|(own, _)| own == name).map(|(_, value)| *value)
    }

    /// Its inputs that are values, without those that must only run before.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(String::as_str).filter(|input| !input.starts_with('^'))
    }
}

/// The node that an input comes from: `name`, without `^` and output.
pub(super) fn source_of(input: &str) -> &str {
    let name = input.trim_start_matches('^');
    name.split_once(':').map_or(name, |(name, _)| name)
}

/// A map's entry of a name and a message.
pub(super) fn entry(message: Message, cursor: &mut Cursor<'_>) -> Result<Option<(String, Message)>, Stop> {
    let (mut key, mut value) = (String::new(), None);
    let mut fields = message.fields();
    while let Some(field) = fields.next(cursor)? {
        match (field.number, field.value) {
            (1, Value::Bytes(text)) => key = text.text(cursor)?,
            (2, Value::Bytes(bytes)) => value = Some(bytes),
            _ => {}
        }
    }
    Ok(value.map(|value| (key, value)))
}

/// Each field of `message` that has bytes, with its number.
pub(super) fn each(
    message: Message,
    cursor: &mut Cursor<'_>,
    mut take: impl FnMut(u32, Message, &mut Cursor<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut fields = message.fields();
    while let Some(field) = fields.next(cursor)? {
        if let Some(bytes) = field.bytes() {
            take(field.number, bytes, cursor)?;
        }
    }
    Ok(())
}

/// The text of a message's field `number`, or nothing; the last, where it stands twice.
pub(super) fn text_field(message: Message, number: u32, cursor: &mut Cursor<'_>) -> Result<String, Stop> {
    let mut last = None;
    each(message, cursor, |field, bytes, _| {
        last = if field == number { Some(bytes) } else { last };
        Ok(())
    })?;
    last.map_or(Ok(String::new()), |bytes| bytes.text(cursor))
}

/// Each string in an `AttrValue`: its own, those of a list, and those of string tensors.
pub(super) fn each_string(value: Message, cursor: &mut Cursor<'_>, take: Take<'_>) -> Result<(), Stop> {
    each(value, cursor, |field, bytes, cursor| match field {
        1 => each(bytes, cursor, |field, bytes, cursor| match field {
            2 => take(bytes, cursor),
            8 => each_string_of_tensor(bytes, cursor, take),
            _ => Ok(()),
        }),
        2 => take(bytes, cursor),
        8 => each_string_of_tensor(bytes, cursor, take),
        _ => Ok(()),
    })
}

/// What is done with each string.
pub(super) type Take<'a> = &'a mut dyn FnMut(Message, &mut Cursor<'_>) -> Result<(), Stop>;

/// Each string of a `TensorProto`, in either of the two forms that strings are written in.
fn each_string_of_tensor(tensor: Message, cursor: &mut Cursor<'_>, take: Take<'_>) -> Result<(), Stop> {
    let (mut kind, mut elements, mut packed) = (0, 1_u64, None);
    let mut fields = tensor.fields();
    while let Some(field) = fields.next(cursor)? {
        match (field.number, field.value) {
            (1, Value::Number(number)) => kind = number,
            (2, Value::Bytes(shape)) => elements = elements_of(shape, cursor)?,
            (4, Value::Bytes(content)) => packed = Some(content),
            (8, Value::Bytes(string)) => take(string, cursor)?,
            _ => {}
        }
    }
    match packed.filter(|content| kind == DT_STRING && content.size() > 0) {
        Some(content) => each_packed(content, elements, cursor, take),
        None => Ok(()),
    }
}

/// How many elements a `TensorShapeProto` describes.
fn elements_of(shape: Message, cursor: &mut Cursor<'_>) -> Result<u64, Stop> {
    let mut elements = 1_u64;
    each(shape, cursor, |field, dimension, cursor| {
        let mut fields = dimension.fields();
        while let Some(size) = fields.next(cursor)?.filter(|_| field == 2) {
            if let (1, Value::Number(size)) = (size.number, size.value) {
                elements = elements.saturating_mul(size);
            }
        }
        Ok(())
    })?;
    Ok(elements)
}

/// Strings as `tensor_content` holds them: all lengths, then all bytes (`port::DecodeStringList`).
fn each_packed(content: Message, elements: u64, cursor: &mut Cursor<'_>, take: Take<'_>) -> Result<(), Stop> {
    if elements > MAX_PACKED_STRINGS {
        return Err(Stop::Limit("a tensor has more strings than the limit".into()));
    }
    let (lengths, mut at) = content.leading_varints(elements, cursor)?;
    for length in lengths {
        let Some(string) = content.part(at, length) else {
            return Err(Stop::Fault(format!("a string at byte {at} leaves its tensor")));
        };
        take(string, cursor)?;
        at = string.end;
    }
    Ok(())
}

/// The names of the functions that an `AttrValue` refers to, also through the attributes of such a reference.
pub(super) fn functions_in(value: Message, cursor: &mut Cursor<'_>, names: &mut Vec<String>) -> Result<(), Stop> {
    each(value, cursor, |field, bytes, cursor| match field {
        10 => reference(bytes, cursor, names),
        1 => each(bytes, cursor, |field, bytes, cursor| match field {
            9 => reference(bytes, cursor, names),
            _ => Ok(()),
        }),
        _ => Ok(()),
    })
}

/// A `NameAttrList`.
fn reference(list: Message, cursor: &mut Cursor<'_>, names: &mut Vec<String>) -> Result<(), Stop> {
    each(list, cursor, |field, bytes, cursor| match field {
        1 => {
            names.push(bytes.text(cursor)?);
            Ok(())
        }
        2 => entry(bytes, cursor)?.map_or(Ok(()), |(_, value)| functions_in(value, cursor, names)),
        _ => Ok(()),
    })
}
