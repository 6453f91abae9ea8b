//! The Keras part of a saved model: `keras_metadata.pb`, whose JSON describes the layers from which Keras makes its objects again.
//!
//! A Lambda layer carries a Python function as bytecode, which `keras.models.load_model` makes callable and calls. Keras 2.5 wrote
//! these descriptions into the saved model itself. Schema: keras/protobuf/saved_metadata.proto (TensorFlow 2.21).

use serde_json::Value as Json;

use super::KERAS_LAMBDA;
use super::schema::text_field;
use crate::report::{Finding, Severity};
use crate::scan::formats::protobuf::{Message, Value};
use crate::scan::input::{Cursor, Input};
use crate::scan::{Scan, Stop};

/// The longest description of one object that is read, in bytes. A whole model's is some hundred thousand.
const MAX_JSON_BYTES: usize = 2 << 20;
/// Fields of `SavedObject` in `saved_metadata.proto`.
const IDENTIFIER: u32 = 4;
const METADATA: u32 = 5;
/// Fields of `SavedUserObject` in `saved_object_graph.proto`.
const USER_METADATA: u32 = 3;

/// Whether a message is an object of Keras: its identifier begins with `_tf_keras_`.
pub(super) fn is_object(message: Message, cursor: &mut Cursor<'_>) -> Result<bool, Stop> {
    Ok(text_field(message, IDENTIFIER, cursor)?.starts_with("_tf_keras_"))
}

/// Judges an object of `keras_metadata.pb`.
pub(super) fn judge_object(
    scan: &mut Scan<'_>,
    input: &Input,
    object: Message,
    cursor: &mut Cursor<'_>,
) -> Result<(), Stop> {
    judge_field(scan, input, object, METADATA, cursor)
}

/// Judges a `SavedUserObject` of a saved model's object graph.
pub(super) fn judge_user_object(
    scan: &mut Scan<'_>,
    input: &Input,
    object: Message,
    cursor: &mut Cursor<'_>,
) -> Result<(), Stop> {
    judge_field(scan, input, object, USER_METADATA, cursor)
}

fn judge_field(
    scan: &mut Scan<'_>,
    input: &Input,
    object: Message,
    number: u32,
    cursor: &mut Cursor<'_>,
) -> Result<(), Stop> {
    let mut fields = object.fields();
    while let Some(field) = fields.next(cursor)? {
        let Value::Bytes(metadata) = field.value else { continue };
        if field.number == number && metadata.size() > 0 {
            judge_json(scan, input, metadata)?;
        }
    }
    Ok(())
}

fn judge_json(scan: &mut Scan<'_>, input: &Input, metadata: Message) -> Result<(), Stop> {
    if metadata.size() > MAX_JSON_BYTES as u64 {
        return Err(Stop::Limit("the description of a Keras object is longer than the limit".into()));
    }
    let text = input.bytes_at(metadata.at, usize::try_from(metadata.size()).unwrap_or(MAX_JSON_BYTES))?;
    // Other objects keep other text here, which nobody reads as JSON.
    let Ok(json) = serde_json::from_slice::<Json>(&text) else { return Ok(()) };
    let mut left = vec![&json];
    while let Some(json) = left.pop() {
        match json {
            Json::Object(fields) => {
                if fields.get("class_name").is_some_and(|name| name == "Lambda") {
                    let config = fields.get("config").map(Json::to_string).unwrap_or_default();
                    let message = "A Lambda layer carries Python bytecode, which Keras runs";
                    let finding = Finding::new(KERAS_LAMBDA, Severity::High, message).at(metadata.at);
                    scan.finding(input, finding.evidence(config).callable("keras.layers.Lambda"));
                }
                left.extend(fields.values());
            }
            Json::Array(items) => left.extend(items),
            _ => {}
        }
    }
    Ok(())
}
