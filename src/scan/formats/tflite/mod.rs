//! TensorFlow Lite: a FlatBuffer of operators and tensors.
//!
//! Its own operators only compute. Custom ones come from a library that the application brings, and those that begin with `Flex` are
//! TensorFlow's, run by a delegate with all that they can do. Only the list of operators is read; its offsets are checked and nothing
//! else is followed. Schema: tensorflow/compiler/mlir/lite/schema/schema.fbs of github.com/tensorflow/tensorflow.

mod flatbuffer;

use std::io;

use super::tensorflow::harm_of_operation;
use super::{Format, RuleInfo};
use crate::report::{Finding, Rule, Severity};
use crate::scan::identify::Probe;
use crate::scan::input::Input;
use crate::scan::{Scan, Stop};
use flatbuffer::Table;

const FLEX_OPERATOR: Rule = Rule::new("tflite.flex-operator");
const CUSTOM_OPERATOR: Rule = Rule::new("tflite.custom-operator");

/// TensorFlow Lite models.
pub static FORMAT: Format = Format {
    name: "tflite",
    title: "TensorFlow Lite model",
    recognised_by: "the FlatBuffer identifier `TFL3`",
    looks_for: "operators of TensorFlow that write or read files, call Python or connect; custom operators",
    rules: &[
        RuleInfo {
            rule: FLEX_OPERATOR,
            severity: Severity::High,
            summary: "An operator of TensorFlow that reaches out of the model, run by the Flex delegate",
        },
        RuleInfo {
            rule: CUSTOM_OPERATOR,
            severity: Severity::Medium,
            summary: "An operator that only a native library brings",
        },
    ],
    recognise,
    scan,
};

const IDENTIFIER: &[u8] = b"TFL3";
/// Fields of `Model` and `OperatorCode`.
const OPERATOR_CODES: u16 = 1;
const CUSTOM_CODE: u16 = 1;
/// Kinds of operators in one model; there are some 210 built-in ones.
const MAX_OPERATORS: u32 = 10_000;
/// Custom operators that come with TensorFlow Lite itself or with its support library (tensorflow/lite/kernels/custom_ops_register.h,
/// mediapipe/util/tflite/operations).
const BUNDLED: [&str; 18] = [
    "AudioSpectrogram",
    "Convolution2DTransposeBias",
    "Hashtable",
    "HashtableFind",
    "HashtableImport",
    "HashtableSize",
    "IRFFT2D",
    "MaxPoolingWithArgmax2D",
    "MaxUnpooling2D",
    "Mfcc",
    "MultinomialEx",
    "NumericVerify",
    "RFFT",
    "RandomStandardNormal",
    "RandomUniform",
    "Roll",
    "TFLite_Detection_PostProcess",
    "TransformTensorBilinear",
];

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    Ok(probe.head.get(4..8) == Some(IDENTIFIER))
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let model = Table::root(input)?;
    let Some(operators) = model.vector(OPERATOR_CODES)? else { return Ok(()) };
    if operators.length > MAX_OPERATORS {
        return Err(Stop::Limit("the model has more kinds of operators than the limit".into()));
    }
    for number in 0..operators.length {
        let operator = operators.table(number)?;
        if let Some(name) = operator.string(CUSTOM_CODE)? {
            judge(scan, input, &name, operator.at);
        }
    }
    Ok(())
}

fn judge(scan: &mut Scan<'_>, input: &Input, name: &str, at: u64) {
    let finding = match name.strip_prefix("Flex") {
        Some(operation) => harm_of_operation(operation).map(|(severity, does)| {
            let message = format!("An operator of TensorFlow reaches out of the model: it {does}");
            Finding::new(FLEX_OPERATOR, severity, message)
        }),
        None if name.is_empty() || BUNDLED.contains(&name) => None,
        None => {
            let message = "TensorFlow Lite does not bring this operator; it comes from a native library";
            Some(Finding::new(CUSTOM_OPERATOR, Severity::Medium, message))
        }
    };
    if let Some(finding) = finding {
        scan.finding(input, finding.at(at).evidence(name).callable(name));
    }
}

#[cfg(test)]
mod tests;
