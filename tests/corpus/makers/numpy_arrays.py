"""What numpy saves: npy, npz, and pickles of arrays, scalars, dtypes and random generators."""
import datetime
import pickle

import numpy as np

from makers.standard_library import pickle_each

FRAMEWORK = "numpy"


def arrays():
    structured = np.dtype([("id", "<i4"), ("xyz", "<f8", (3,)), ("tag", "S4"), ("name", "<U5")])
    subarray = np.zeros(2, dtype=structured)
    return {
        "numbers": [np.array([0, 1, 1]).astype(kind) for kind in ("i1", "u2", "<i4", ">i4", "u8", "f2", "<f4", ">f8", "c8", "c16", "?")],
        "long-double": np.ones(2, dtype=np.longdouble),
        "text": [np.array([b"a", b"bc"]), np.array([u"a", u"na\u00efve"]), np.zeros(2, dtype="V4")],
        "times": [np.array(["2024-02-29"], dtype="datetime64[D]"), np.array([5], dtype="timedelta64[ns]")],
        "structured": [subarray, np.zeros(2, dtype={"names": ["a", "b"], "formats": ["i1", "f8"], "offsets": [0, 8]})],
        "objects": np.array([None, "text", {"a": 1}, [1, 2], datetime.date(2024, 2, 29)], dtype=object),
        "empty": [np.array([]), np.array(3.5), np.zeros((0, 4))],
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "views": [np.arange(10)[::2], np.arange(6).reshape(2, 3).T],
        "matrix": np.matrix([[1, 2], [3, 4]]),
        "masked": np.ma.masked_array([1, 2, 3], mask=[0, 1, 0], fill_value=-1),
        "records": np.rec.array([(1, 2.0), (3, 4.0)], dtype=[("a", "i4"), ("b", "f8")]),
        "characters": np.char.array(["a", "b"]),
        "scalars": [np.float32(1), np.int64(2), np.bool_(True), np.complex64(1j), np.str_("x"), np.bytes_(b"x"),
                    np.datetime64("2024-02-29T12:00"), np.timedelta64(3, "h"), subarray[0]],
        "dtypes": [np.dtype("f8"), np.dtype(">i2"), structured, np.dtype("M8[us]"), np.dtype("O"), np.float32, np.generic],
        "functions": [np.log1p, np.sqrt, np.add, np.mean, np.maximum, np.ndarray],
        "polynomials": [np.poly1d([1, 2, 3]), np.polynomial.Polynomial([1, 2])],
    }


def generators():
    state = {"random-state": np.random.RandomState(7)}
    if hasattr(np.random, "Generator"):
        state["generators"] = [np.random.Generator(getattr(np.random, name)(7)) for name in
                               ("PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM") if hasattr(np.random, name)]
        state["bit-generators"] = [np.random.PCG64(7), np.random.MT19937(7), np.random.Philox(7), np.random.SFC64(7)]
        state["seed-sequence"] = np.random.SeedSequence(7)
    return state


def pickled(corpus):
    for group in (arrays(), generators()):
        for name, value in sorted(group.items()):
            pickle_each(corpus, FRAMEWORK, name, value)


def npy(corpus):
    for name, value in sorted(arrays().items()):
        if isinstance(value, np.ndarray):
            corpus.save(FRAMEWORK, name + ".npy", lambda path, v=value: np.save(path, v), "numpy.save")
    corpus.save(FRAMEWORK, "dict.npy", lambda path: np.save(path, {"a": np.arange(3)}), "numpy.save of a dict (an object array)")
    corpus.save(FRAMEWORK, "nested.npy", lambda path: np.save(path, np.array([np.arange(3), None, "a"], dtype=object)), "numpy.save of an object array")

    def old_format(path):
        with open(path, "wb") as file:
            np.lib.format.write_array(file, np.arange(3), version=(2, 0))

    corpus.save(FRAMEWORK, "version-2.npy", old_format, "numpy.lib.format.write_array(version=(2, 0))")


def npz(corpus):
    weights = {"dense/kernel": np.ones((2, 3), "f4"), "dense/bias": np.zeros(3, "f4"), "vocabulary": np.array(["a", None], dtype=object)}
    corpus.save(FRAMEWORK, "weights.npz", lambda path: np.savez(path, **weights), "numpy.savez")
    corpus.save(FRAMEWORK, "weights-compressed.npz", lambda path: np.savez_compressed(path, **weights), "numpy.savez_compressed")


def dumped(corpus):
    corpus.save(FRAMEWORK, "ndarray-dump.bin", lambda path: np.arange(4.0).dump(path), "ndarray.dump")

    def memory_mapped(path):
        array = np.memmap(path + ".raw", dtype="f4", mode="w+", shape=(2, 2))
        with open(path, "wb") as file:
            pickle.dump(array, file, protocol=2)
        import os
        os.remove(path + ".raw")

    corpus.save(FRAMEWORK, "memmap.p2.pkl", memory_mapped, "pickle.dump of a numpy.memmap")


MAKERS = [(FRAMEWORK, pickled), (FRAMEWORK, npy), (FRAMEWORK, npz), (FRAMEWORK, dumped)]
