//! Goes through every object of a configuration: layers, wrapped layers, losses, metrics, what a model was compiled with, arguments of calls.
//!
//! Nothing is skipped for where it stands: an object that is connected to nothing is made all the same when the model is loaded.

use std::rc::Rc;

use super::json::{Object, Value};
use super::reference::{self, Reference};
use super::{DANGEROUS_REFERENCE, FILE_ACCESS, TORCH_MODULE, base64, code, known, operation};
use crate::report::{Finding, Severity};
use crate::scan::Scan;
use crate::scan::input::Input;

/// Keys whose value Keras takes for code when the key with `_type` behind it says `lambda` (Keras 2).
const CODE_KEYS: [(&str, &str); 3] =
    [("function", "function_type"), ("output_shape", "output_shape_type"), ("mask", "mask_type")];
/// Keys that name a file which is read while the layer is made.
const FILE_KEYS: [&str; 4] = ["vocabulary", "vocabulary_file", "input_vocabulary", "filepath"];

/// Looks at everything below `root`.
pub(super) fn walk(scan: &mut Scan<'_>, input: &Input, root: &Value) {
    let mut walk = Walk { scan, input };
    let mut waiting = vec![(root, "")];
    while let Some((value, layer)) = waiting.pop() {
        match value {
            Value::Object(object) => {
                let layer = name_of(object).unwrap_or(layer);
                walk.object(object, layer);
                waiting.extend(object.members().rev().map(|(_, value)| (value, layer)));
            }
            Value::List(items) => waiting.extend(items.iter().rev().map(|item| (item, layer))),
            Value::Text(text) => code::report_if_code(walk.scan, walk.input, layer, text),
            Value::Other => {}
        }
    }
}

/// The name of the layer that an object describes.
fn name_of(object: &Object) -> Option<&str> {
    let configs = object.all("config").filter_map(Value::object);
    object.texts("class_name").next()?;
    configs.flat_map(|config| config.texts("name")).next()
}

struct Walk<'w, 's> {
    scan: &'w mut Scan<'s>,
    input: &'w Input,
}

impl Walk<'_, '_> {
    fn object(&mut self, object: &Object, layer: &str) {
        for (key, kind) in CODE_KEYS {
            if object.texts(kind).any(|kind| kind == "lambda") {
                self.code(object.all(key), layer);
            }
        }
        for key in FILE_KEYS {
            object.texts(key).for_each(|path| self.file(path, layer));
        }
        if object.has("config") || object.has("module") || object.has("spec_name") {
            object.texts("class_name").for_each(|class| self.special(class, object, layer));
            reference::references(object).iter().for_each(|reference| self.reference(reference, layer));
        }
    }

    fn code<'v>(&mut self, values: impl Iterator<Item = &'v Value>, layer: &str) {
        for text in values.filter_map(code::carried) {
            code::report(self.scan, self.input, layer, text);
        }
    }

    /// Classes that carry more than their parameters.
    fn special(&mut self, class: &str, object: &Object, layer: &str) {
        let configs: Vec<&Object> = object.all("config").filter_map(Value::object).collect();
        match class {
            "__lambda__" => self.code(object.all("config"), layer),
            "Lambda" => {
                // Code that stands under `function` without saying so; a text is the name of the user's function.
                let functions = configs.iter().flat_map(|config| config.all("function"));
                self.code(functions.filter(|value| matches!(value, Value::List(_))), layer);
            }
            "TorchModuleWrapper" => configs.iter().for_each(|config| self.torch_module(config, layer)),
            _ if operation::is_operation_layer(class) => {
                let symbols = configs.iter().flat_map(|config| config.texts("function").chain(config.texts("symbol")));
                symbols.for_each(|symbol| self.operation(symbol, layer));
            }
            _ => {}
        }
    }

    fn operation(&mut self, symbol: &str, layer: &str) {
        if operation::is_dangerous(symbol) {
            let message =
                "A layer calls a function of TensorFlow that reads or writes files, loads libraries or runs Python";
            let finding =
                Finding::new(DANGEROUS_REFERENCE, Severity::Critical, message).callable(format!("tf.{symbol}"));
            self.scan.finding(self.input, finding.evidence(format!("tf.{symbol} in layer `{layer}`")));
        }
    }

    /// The pickled module goes to whatever reads it; a text that nothing reads is hidden from here and may not be from PyTorch.
    fn torch_module(&mut self, config: &Object, layer: &str) {
        for text in config.texts("module") {
            let bytes = base64::decode(text).filter(|bytes| !bytes.is_empty());
            let blob = bytes.map(|bytes| self.input.derived(&format!("(torch module of {layer})"), Rc::new(bytes)));
            let is_read = blob.is_some_and(|blob| self.scan.member(&blob));
            let (severity, message) = if is_read {
                (Severity::Medium, "Carries a pickled PyTorch module that is loaded with the model")
            } else {
                (Severity::High, "Names a PyTorch module to load that cannot be read here")
            };
            let finding = Finding::new(TORCH_MODULE, severity, message).evidence(format!("layer `{layer}`"));
            self.scan.finding(self.input, finding.callable("torch.load"));
        }
    }

    /// A text in place of a vocabulary is the path of a file, and may be an address (CVE-2025-12058).
    fn file(&mut self, path: &str, layer: &str) {
        let (severity, message) = if leads_out(path) {
            (Severity::High, "Loading the model reads a file that lies outside of it")
        } else {
            (Severity::Low, "Loading the model reads a file that must lie beside it")
        };
        let finding = Finding::new(FILE_ACCESS, severity, message);
        self.scan.finding(self.input, finding.evidence(format!("{path} (layer `{layer}`)")));
    }

    fn reference(&mut self, reference: &Reference<'_>, layer: &str) {
        let of_keras = reference.module.is_none_or(known::is_keras);
        let carries = ["Lambda", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"].contains(&reference.name)
            || operation::is_operation_layer(reference.name);
        if of_keras && carries && !reference.is_function {
            return;
        }
        let Some(objection) = reference.judge(self.scan.rules()) else { return };
        let path = reference.path();
        let place = if layer.is_empty() { String::new() } else { format!(" in `{layer}`") };
        let finding = Finding::new(objection.rule, objection.severity, objection.message).callable(&path);
        self.scan.finding(self.input, finding.evidence(format!("{path}{place}")));
    }
}

/// Whether a path is absolute, climbs, or is an address.
fn leads_out(path: &str) -> bool {
    let has_drive = path.as_bytes().get(1) == Some(&b':');
    path.starts_with(['/', '\\', '~'])
        || has_drive
        || path.contains("://")
        || path.split(['/', '\\']).any(|part| part == "..")
}
