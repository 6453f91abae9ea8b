"""Formats that are no pickles, in their smallest honest form: safetensors, ONNX, GGUF, HDF5."""
import numpy as np


def safetensors(corpus):
    from safetensors.numpy import save_file
    corpus.save("safetensors", "weights.safetensors", lambda path: save_file({"w": np.ones((2, 2), "f4")}, path, {"format": "pt"}), "safetensors.numpy.save_file")


def onnx(corpus):
    import onnx as ox
    from onnx import TensorProto, helper
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", [x], [y])
    corpus.save("onnx", "relu.onnx", lambda path: ox.save(helper.make_model(graph), path), "onnx.save")


def gguf(corpus):
    import gguf as gg

    def write(path):
        writer = gg.GGUFWriter(path, "llama")
        writer.add_block_count(1)
        writer.add_chat_template("{{ messages[0]['content'] }}")
        writer.add_tensor("w", np.ones((2, 2), "f4"))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    corpus.save("gguf", "tiny.gguf", write, "gguf.GGUFWriter")


def h5py(corpus):
    import h5py as h5

    def write(path):
        with h5.File(path, "w") as file:
            file["w"] = np.ones(3)

    corpus.save("h5py", "plain.h5", write, "h5py.File")


MAKERS = [("safetensors", safetensors), ("onnx", onnx), ("gguf", gguf), ("h5py", h5py)]
