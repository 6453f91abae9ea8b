#!/usr/bin/env python3
"""Writes the small HDF5 files that the tests attack: `python3 make_fixtures.py fixtures`, with h5py 3 or newer."""

import pathlib
import pickle
import sys

import h5py
import numpy

LAMBDA = '{"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {"name": "evil", "function": {"class_name": "__lambda__", "config": {"code": "%s"}}}}]}}'


class Call:
    def __reduce__(self):
        import os
        return os.system, ("true",)


def code():
    import base64
    import marshal
    return base64.b64encode(marshal.dumps((lambda x: os.system("true")).__code__)).decode()  # noqa: F821


def write(folder, name, fill, **options):
    path = folder / name
    with h5py.File(path, "w", **options) as file:
        fill(file)
    return path


def external_storage(file):
    space, kind, how = h5py.h5s.create_simple((4,)), h5py.h5t.NATIVE_INT8, h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_external(b"/etc/hostname", 0, 4)
    h5py.h5d.create(file.id, b"weights", kind, space, how)


def virtual(file):
    layout = h5py.VirtualLayout(shape=(4,), dtype="i1")
    layout[:] = h5py.VirtualSource("/etc/hostname.h5", "x", shape=(4,))
    file.create_virtual_dataset("weights", layout)


def own_virtual(file):
    file["x"] = numpy.zeros(4, "i1")
    layout = h5py.VirtualLayout(shape=(4,), dtype="i1")
    layout[:] = h5py.VirtualSource(".", "x", shape=(4,))
    file.create_virtual_dataset("weights", layout)


def unknown_filter(file):
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_chunk((4,))
    how.set_filter(499, h5py.h5z.FLAG_OPTIONAL, ())
    h5py.h5d.create(file.id, b"weights", h5py.h5t.NATIVE_INT8, h5py.h5s.create_simple((4,)), how)


def rows(file):
    data = file.create_dataset("table", (1,), dtype=h5py.vlen_dtype(numpy.uint8))
    data[0] = numpy.frombuffer(pickle.dumps(Call(), 2), numpy.uint8)
    data.attrs["CLASS"], data.attrs["PSEUDOATOM"] = "VLARRAY", "object"


def groups(file):
    group = file
    for _ in range(5):
        group = group.create_group("a")
    group["root"] = file["/"]
    file["soft"] = h5py.SoftLink("/a")
    file["data"] = numpy.zeros((4, 4), "f4")
    file["packed"] = file.create_dataset("z", data=numpy.zeros((4, 4)), compression="lzf")
    file.attrs["text"], file.attrs["number"], file.attrs["names"] = "a sentence.", 1.5, ["a", "b"]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    text = LAMBDA % code()
    write(folder, "lambda.h5", lambda file: file.attrs.__setitem__("model_config", text))
    write(folder, "lambda-bytes.h5", lambda file: file.attrs.__setitem__("model_config", text.encode()))
    write(folder, "lambda-dense.h5", lambda file: file.create_group("a").attrs.__setitem__("x", numpy.bytes_(text + " " * 70000)), libver="latest")
    write(folder, "lambda-wide.h5", lambda file: file.attrs.__setitem__("model_config", numpy.void(text.encode("utf-16-le"))))
    block = write(folder, "user-block.h5", groups, userblock_size=1024)
    with open(block, "r+b") as file:
        file.write(pickle.dumps(Call(), 2))
    write(folder, "external-link.h5", lambda file: file.__setitem__("weights", h5py.ExternalLink("/etc/hostname.h5", "/x")))
    write(folder, "external-storage.h5", external_storage)
    write(folder, "virtual.h5", virtual)
    write(folder, "own-virtual.h5", own_virtual)
    write(folder, "filter.h5", unknown_filter)
    write(folder, "rows.h5", rows)
    write(folder, "pickled-attribute.h5", lambda file: file.attrs.__setitem__("x", numpy.bytes_(pickle.dumps(Call(), 0))))
    texts = numpy.array([(1, b"{}")], dtype=[("n", "i4"), ("text", "S8")])
    write(folder, "structure.h5", lambda file: file.attrs.__setitem__("x", texts))
    numbers = numpy.array([(1, 2.0)], dtype=[("n", "i4"), ("x", "f8")])
    write(folder, "structure-of-numbers.h5", lambda file: file.attrs.__setitem__("x", numbers))
    write(folder, "honest.h5", groups)


main()
