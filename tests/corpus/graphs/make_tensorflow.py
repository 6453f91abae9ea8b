"""Makes the honest TensorFlow files of this folder, and the list of the operations that TensorFlow brings.

Needs tensorflow-cpu (made with 2.21.0). Run in the folder where src/scan/formats/tensorflow/known_operations.txt is to be written.
"""

import pathlib
import shutil
import tempfile

import tensorflow as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session

v1 = tf.compat.v1
HERE = pathlib.Path(__file__).parent


class Model(tf.Module):
    """Variables, which are saved and restored, and a table that is filled from an asset."""

    def __init__(self, vocabulary):
        super().__init__()
        self.w = tf.Variable(tf.zeros([2, 2]))
        self.asset = tf.saved_model.Asset(vocabulary)
        lines = tf.lookup.TextFileIndex
        words = tf.lookup.TextFileInitializer(
            self.asset, tf.string, lines.WHOLE_LINE, tf.int64, lines.LINE_NUMBER
        )
        self.table = tf.lookup.StaticHashTable(words, -1)

    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def __call__(self, x):
        return x @ self.w

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def look_up(self, words):
        return self.table.lookup(words)


def version_2(folder):
    pathlib.Path("vocabulary.txt").write_text("a\nb\n")
    tf.saved_model.save(Model("vocabulary.txt"), str(folder / "v2"))
    shutil.copy(folder / "v2/saved_model.pb", HERE / "module.saved_model.pb")


def keras(folder):
    model = tf.keras.Sequential([tf.keras.layers.Input((2,)), tf.keras.layers.Dense(2)])
    model.export(str(folder / "keras"))
    shutil.copy(folder / "keras/saved_model.pb", HERE / "keras.saved_model.pb")


def lite(_folder):
    concrete = tf.function(lambda x: tf.nn.relu(x @ tf.ones([2, 2]))).get_concrete_function(tf.TensorSpec([1, 2]))
    (HERE / "dense.tflite").write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())


def version_1(folder):
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 2], name="x")
        y = tf.matmul(x, v1.get_variable("w", [2, 2], use_resource=False))
        asset = tf.constant("vocabulary.txt")
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, asset)
        lines = tf.lookup.TextFileIndex
        words = tf.lookup.TextFileInitializer(asset, tf.string, lines.WHOLE_LINE, tf.int64, lines.LINE_NUMBER)
        tf.lookup.StaticHashTable(words, -1)
        tables = v1.tables_initializer()
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder / "v1"))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            signature_def_map={},
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            main_op=tables,
        )
        builder.save()
        shutil.copy(folder / "v1/saved_model.pb", HERE / "v1.saved_model.pb")
        v1.train.Saver().save(session, str(folder / "model"))
        shutil.copy(folder / "model.meta", HERE / "checkpoint.meta")
        frozen = v1.graph_util.convert_variables_to_constants(session, session.graph_def, [y.op.name])
        (HERE / "frozen.pb").write_bytes(frozen.SerializeToString())


def operations():
    known = op_def_pb2.OpList()
    known.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    names = sorted(operation.name for operation in known.op)
    pathlib.Path("known_operations.txt").write_text("\n".join(names) + "\n")


with tempfile.TemporaryDirectory() as temporary:
    for make in (version_2, keras, version_1, lite):
        make(pathlib.Path(temporary))
operations()
