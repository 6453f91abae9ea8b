//! What a Keras configuration may name: exact names of Keras and its libraries, module by module.
//!
//! The list is `known.txt` beside this file, made by `make_known.py` from the published wheels of Keras 2 and 3, tf_keras, KerasHub,
//! KerasNLP and KerasCV. What loads, downloads or writes is not on it, nor what carries code of its own.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

static BY_MODULE: LazyLock<HashMap<&str, HashSet<&str>>> = LazyLock::new(|| {
    let lines = include_str!("known.txt").lines().filter(|line| !line.starts_with('#'));
    let entry = |line: &'static str| line.split_once(": ").map(|(module, names)| (module, names.split(' ').collect()));
    lines.filter_map(entry).collect()
});

static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| BY_MODULE.values().flatten().copied().collect());

/// Other names that the packages go by: inside TensorFlow, and for their generated interfaces.
const ALIASES: &[(&str, &str)] = &[
    ("tensorflow.keras", "tf_keras"),
    ("tensorflow.keras", "keras"),
    ("tensorflow.python.keras", "tf_keras.src"),
    ("tensorflow.python.keras", "keras"),
    ("keras.api._v2.keras", "keras"),
    ("keras.api", "keras"),
    ("keras_core", "keras"),
    ("keras_hub.api", "keras_hub"),
];

/// Whether `name` of `module` is one of Keras' own and for modelling.
pub(super) fn is_known(module: &str, name: &str) -> bool {
    let has = |module: &str| BY_MODULE.get(module).is_some_and(|names| names.contains(name));
    let renamed = |(alias, real): &(&str, &str)| {
        let rest = module.strip_prefix(alias).filter(|rest| rest.is_empty() || rest.starts_with('.'))?;
        Some(format!("{real}{rest}"))
    };
    has(module) || ALIASES.iter().filter_map(renamed).any(|module| has(&module))
}

/// Whether some module of Keras has a `name` for modelling: configurations before Keras 3 name no module.
pub(super) fn is_known_anywhere(name: &str) -> bool {
    NAMES.contains(name)
}

/// Whether `module` is a part of Keras.
pub(super) fn is_keras(module: &str) -> bool {
    let roots = ["keras", "tf_keras", "keras_core", "keras_hub", "keras_nlp", "keras_cv"];
    let top = module.split('.').next().unwrap_or_default();
    roots.contains(&top)
        || ["tensorflow.keras", "tensorflow.python.keras"]
            .iter()
            .any(|root| module.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        assert!(is_known("keras.layers", "Dense") && is_known("tensorflow.keras.layers", "Dense"));
        assert!(is_known("keras.src.models.functional", "Functional") && is_known("keras.ops", "relu"));
        assert!(!is_known("keras.layers", "Evil") && !is_known("keras.layers.evil", "Dense"));
        assert!(!is_known("keras.layers", "Lambda") && !is_known("keras.layers", "TFSMLayer"));
    }

    /// What Keras itself does not take for modelling (`NON_MODELING_APIS` of its serialization_lib), and the gadgets of old advisories.
    #[test]
    fn nothing_that_loads_or_writes_is_known() {
        let gadgets = [
            ("keras.utils", "get_file"),
            ("keras.src.utils.file_utils", "get_file"),
            ("keras.models", "load_model"),
            ("keras.models", "model_from_json"),
            ("keras.saving", "load_model"),
            ("keras.saving", "deserialize_keras_object"),
            ("keras.config", "enable_unsafe_deserialization"),
            ("keras.backend", "clear_session"),
            ("keras.backend", "set_session"),
            ("keras.preprocessing.image", "save_img"),
            ("keras.src.utils.python_utils", "func_load"),
            ("keras.datasets.mnist", "load_data"),
            ("keras.applications", "ResNet50"),
        ];
        for (module, name) in gadgets {
            assert!(!is_known(module, name), "{module}.{name}");
        }
        let telling = ["load", "save", "file", "deserialize", "eval", "exec", "open"];
        let is_function = |name: &&&str| name.starts_with(|c: char| c.is_ascii_lowercase());
        let bad: Vec<_> = NAMES.iter().filter(is_function).filter(|n| telling.iter().any(|t| n.contains(t))).collect();
        assert!(bad.is_empty(), "{bad:?}");
    }
}
