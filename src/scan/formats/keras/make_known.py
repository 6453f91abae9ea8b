#!/usr/bin/env python3
"""Lists what a Keras configuration may name: the modelling classes and functions of Keras and its libraries, from their own wheels.

    pip download --no-deps -d wheels keras==3.15.1 keras==3.6.0 keras==2.15.0 tf_keras keras-hub keras-cv ...
    python3 make_known.py wheels > known.txt

Nothing is imported or run. Of every module that holds modelling (layers, losses, ...), the classes under their own path and what is exported
under its public name are listed, and the functions of the modules that hold only functions of tensors. What loads, downloads, reads or writes
(`utils`, `saving`, `datasets`, ...) is never listed, nor a class that carries code or a file: the walker looks into those by name.
"""

import ast
import collections
import pathlib
import re
import sys
import zipfile

# Parts of a module's path that hold modelling.
MODELLING = {
    "layers", "losses", "metrics", "optimizers", "optimizer_v2", "optimizer_v1", "optimizer_experimental", "initializers", "regularizers", "constraints", "activations",
    "models", "engine", "feature_column", "mixed_precision", "dtype_policies", "quantizers", "ops", "random", "modeling", "tokenizers", "bounding_box", "keras_cv", "core",
    "schedules", "distillation", "training", "backend", "premade", "premade_models", "legacy_tf_layers",
}
LEAVE = re.compile(
    r"(^|[._])(utils?|saving|saved_model|datasets?|applications|export|callbacks?|distribution|distribute|preprocessing|visualization|config|tree|testing|tests?|benchmarks?"
    r"|estimator|wrappers|tools?|integration_test|tpu|data_adapters?|data_adapter|serialization|trainers?|hub|api_export|file_utils|download|tensor_parallel|training_generator_v1)([._]|$)|_test($|\.)|_lib($|\.)"
)
# Functions of these hold no side effects: public names below them may be named as functions.
FUNCTIONS = re.compile(r"^(keras|tf_keras|keras\.src|tf_keras\.src)\.(activations|losses|metrics|initializers|regularizers|constraints|ops|random|backend|optimizers)(\.|$)")
# Take care of themselves, or are no models: looked into by the walker, or judged by the general rules.
NOT_LISTED = re.compile(r"^(Lambda|TFSMLayer|JaxLayer|FlaxLayer|TorchModuleWrapper|TFOpLambda|SlicingOpLambda|ClassMethod|InstanceMethod|InstanceProperty|TensorFlowOpLayer|HubLayer)$")
NOT_FUNCTIONS = re.compile(r"^_|load|save|file|import|deserialize|serialize|register|^get$|get_|set_|clear|session|print|from_|apply$|map$|function$|custom_gradient|vectorize|manual_|reset_|enable|disable|learning_phase|eval|call|open|write|read$")
# Written by Keras as `module: tensorflow...`: descriptions of tensors (`__typespec__`).
BY_HAND = {
    "tensorflow.python.framework.tensor_spec": "TensorSpec BoundedTensorSpec", "tensorflow.python.framework.tensor": "TensorSpec",
    "tensorflow.python.framework.sparse_tensor": "SparseTensorSpec", "tensorflow.python.framework.indexed_slices": "IndexedSlicesSpec",
    "tensorflow.python.ops.ragged.ragged_tensor": "RaggedTensorSpec", "tensorflow.python.ops.resource_variable_ops": "VariableSpec",
    "tensorflow.python.framework.none_tensor": "NoneTensorSpec", "tensorflow.python.data.ops.optional_ops": "OptionalSpec",
    "tensorflow.python.feature_column.feature_column_v2": "NumericColumn BucketizedColumn CategoricalColumn EmbeddingColumn IndicatorColumn CrossedColumn",
}


def exported(node):
    """The public names that a decorator gives."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", getattr(decorator.func, "attr", "")) in ("keras_export", "keras_hub_export", "keras_nlp_export", "keras_cv_export"):
            for argument in decorator.args:
                for constant in ast.walk(argument):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                        yield constant.value


def add(known, module, name, is_class):
    name_ok = not NOT_LISTED.match(name) and not name.startswith("_")
    parts = module.split(".")
    is_modelling = len(parts) == 1 or any(part in MODELLING for part in parts[1:])
    fits = is_class or (FUNCTIONS.match(module + ".") and not NOT_FUNCTIONS.search(name))
    if name_ok and fits and is_modelling and not LEAVE.search(module):
        known[module].add(name)


def read(path, known):
    with zipfile.ZipFile(path) as wheel:
        for member in wheel.namelist():
            module = member[:-3].replace("/", ".").removesuffix(".__init__")
            if not member.endswith(".py") or module.split(".")[0].endswith("dist-info"):
                continue
            for node in ast.parse(wheel.read(member)).body:
                if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                    is_class = isinstance(node, ast.ClassDef)
                    if is_class and not node.name.endswith(("Error", "Exception", "Scope")):
                        add(known, module, node.name, True)
                    elif not is_class:
                        add(known, module, node.name, False)
                    for name in exported(node):
                        public, _, last = name.rpartition(".")
                        public = public or "keras"
                        add(known, public, last, is_class)
                        # Old Keras was also a part of TensorFlow, and is published as tf_keras.
                        if public.split(".")[0] == "keras":
                            add(known, "tf_" + public, last, is_class)


def main():
    known = collections.defaultdict(set)
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.whl")):
        read(path, known)
    for module, names in BY_HAND.items():
        known[module].update(names.split())
    print("# What a Keras configuration may name, by module. Made by make_known.py from " + ", ".join(sorted("-".join(p.name.split("-")[:2]) for p in pathlib.Path(sys.argv[1]).glob("*.whl"))) + ".")
    for module in sorted(known):
        print(f"{module}: {' '.join(sorted(known[module]))}")


main()
