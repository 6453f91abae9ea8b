"""Makes the honest ONNX files of this folder, with the tools that people make them with.

Needs onnx, skl2onnx and scikit-learn (made with 1.23.2, 1.20.0 and 1.9.1).
"""

import os
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = pathlib.Path(__file__).parent
FLOAT = TensorProto.FLOAT


def model(nodes, inputs, outputs, **more):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, more.pop("initializer", []), **more.pop("graph", {}))
    made = helper.make_model(graph, opset_imports=more.pop("opsets", [helper.make_opsetid("", 17)]), ir_version=8, **more)
    onnx.checker.check_model(made)
    return made


def save(made, name, **how):
    onnx.save(made, HERE / name, **how)


def branches():
    x, y = (helper.make_tensor_value_info(name, FLOAT, [4]) for name in "xy")
    c = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    arms = [helper.make_graph([helper.make_node(op, ["x"], ["y"])], op, [], [y]) for op in ("Relu", "Neg")]
    save(model([helper.make_node("If", ["c"], ["y"], then_branch=arms[0], else_branch=arms[1])], [c, x], [y]), "branches.onnx")


def functions():
    x, y = (helper.make_tensor_value_info(name, FLOAT, [4]) for name in "xy")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    body = [helper.make_node("Mul", ["a", "a"], ["b"])]
    square = helper.make_function("local", "Square", ["a"], ["b"], body, opsets[:1])
    made = model([helper.make_node("Square", ["x"], ["y"], domain="local")], [x], [y], opsets=opsets, functions=[square])
    helper.set_model_props(made, {"author": "nobody", "licence": "none"})
    save(made, "functions.onnx")


def sparse():
    x, y = (helper.make_tensor_value_info(name, FLOAT, [4]) for name in "xy")
    values = helper.make_tensor("w", FLOAT, [1], [2.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [3])
    weights = helper.make_sparse_tensor(values, indices, [4])
    save(model([helper.make_node("Add", ["x", "w"], ["y"])], [x], [y], graph={"sparse_initializer": [weights]}), "sparse.onnx")


def external():
    x, y = (helper.make_tensor_value_info(name, FLOAT, [64]) for name in "xy")
    weights = numpy_helper.from_array(np.zeros(64, np.float32), "w")
    made = model([helper.make_node("Add", ["x", "w"], ["y"])], [x], [y], initializer=[weights])
    save(made, "external.onnx", save_as_external_data=True, location="external.onnx.data", size_threshold=0)
    os.unlink(HERE / "external.onnx.data")


def sklearn():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 3)).astype(np.float32), random.integers(0, 2, 40)
    forest = RandomForestClassifier(3, max_depth=3, random_state=0).fit(x, y)
    save(to_onnx(forest, x[:1], target_opset=17), "forest.onnx")
    columns = ColumnTransformer([("scale", StandardScaler(), [0, 1]), ("code", OneHotEncoder(), [2])])
    x[:, 2] = np.arange(40) % 3
    save(to_onnx(make_pipeline(columns, LogisticRegression()).fit(x, y), x[:1], target_opset=17), "pipeline.onnx")


for make in (branches, functions, sparse, external, sklearn):
    make()
