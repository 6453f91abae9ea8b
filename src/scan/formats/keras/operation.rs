//! Functions of TensorFlow that a layer names by a text: Keras 2 writes `tf.math.add(x, y)` in a model as the layer `TFOpLambda` with
//! `"function": "math.add"`, and calls it with what the configuration says while the model is loaded.

/// Layers whose `function` names a symbol of TensorFlow, and whose arguments stand in the configuration.
const LAYERS: &[&str] = &["TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"];

/// Parts of TensorFlow's names that touch files, load libraries or run Python.
const PARTS: &[&str] = &[
    "io",
    "gfile",
    "data",
    "train",
    "saved_model",
    "summary",
    "profiler",
    "debugging",
    "distribute",
    "tpu",
    "lookup",
    "load_library",
    "load_op_library",
    "load_file_system_library",
    "py_function",
    "numpy_function",
    "py_func",
    "eager_py_func",
    "read_file",
    "write_file",
    "matching_files",
    "print_v2",
    "flags",
    "app",
    "resource_loader",
    "sysconfig",
    "mlir",
    "lite",
    "estimator",
    "graph_util",
    "import_graph_def",
    "function",
    "config",
    "test",
    "raw_ops",
    "keras",
    "utils",
    "compat.as_text",
    "autograph",
    "custom_gradient",
];

/// Words of `raw_ops` that compute on tensors would be too many to list: those that touch files are few.
const FILE_WORDS: &[&str] =
    &["ReadFile", "WriteFile", "File", "Save", "Restore", "PyFunc", "Checkpoint", "Reader", "Dataset", "Library"];

/// Whether a class is one of those layers.
pub(super) fn is_operation_layer(class: &str) -> bool {
    LAYERS.contains(&class)
}

/// Whether the symbol leads to files, libraries or Python.
pub(super) fn is_dangerous(symbol: &str) -> bool {
    let mut parts: Vec<&str> =
        symbol.split('.').filter(|part| !matches!(*part, "tf" | "compat" | "v1" | "v2")).collect();
    if let ["raw_ops", operation] = *parts {
        return FILE_WORDS.iter().any(|word| operation.contains(word));
    }
    if matches!(*parts, ["keras", "activations" | "backend" | "losses" | "ops", _]) || parts.is_empty() {
        return false;
    }
    // `data` at the end is an attribute of a tensor.
    let is_decode = parts.first() == Some(&"io") && parts.last().is_some_and(|last| last.starts_with("decode_"));
    if is_decode {
        parts.remove(0);
    }
    parts.iter().any(|part| PARTS.contains(part))
}

#[cfg(test)]
mod tests {
    use super::is_dangerous;

    #[test]
    fn what_touches_files_is_told_from_what_computes() {
        let honest = [
            "math.add",
            "__operators__.getitem",
            "nn.relu",
            "cast",
            "compat.v1.transpose",
            "io.decode_raw",
            "raw_ops.AddV2",
        ];
        assert!(honest.iter().all(|symbol| !is_dangerous(symbol)));
        let dangerous = [
            "io.write_file",
            "raw_ops.WriteFile",
            "compat.v1.py_func",
            "load_op_library",
            "tf.io.read_file",
            "keras.utils.get_file",
        ];
        assert!(dangerous.iter().all(|symbol| is_dangerous(symbol)));
    }
}
