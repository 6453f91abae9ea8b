"""Attacks of the sections E, F, J, L and M: files of PyTorch, numpy and joblib, archives, compressed streams, and files that are two things."""

import json
import struct
import zlib

from gadgets import CRITICAL, HIGH, LOW, MEDIUM
from parts import (EMPTY_DICT, EVIL, FALSE, HARMLESS, NONE, POP, Member, alone, bzipped, call, dtype, fields, fill, gzipped, joblib_array,
                   listed, lz4, many, name, new, npy, number, pickle, raw, safetensors, sevenz, system, tarred, text, torch_legacy,
                   torch_zip, xz, zipped, zstd)

RAN = "os.system(\"true\")"
RANDOM_MODULE_FILE = b"import os\nos.system('true')\n"


def pytorch():
    entry = Member("archive/data.pkl", EVIL)
    clean = Member("archive/data.pkl", HARMLESS)
    version = Member("archive/version", b"3\n")
    wrong = call(name("torch._utils", "_rebuild_tensor_v2"), many(text("storage"), name("os", "system"), text("0"), text("cpu"), number(1)) + b"Q",
                 number(0), many(number(1)), many(number(1)), FALSE, EMPTY_DICT)
    return [
        ("E01", "data-pkl", torch_zip(EVIL), CRITICAL, RAN, "pt"),
        ("E01", "data-pkl-upper-case", zipped(Member("archive/DATA.PKL", EVIL), version), CRITICAL, RAN, "pt"),
        ("E06", "encryption-flag", zipped(Member("archive/data.pkl", EVIL, central_flags=0x1), version), CRITICAL, RAN, "pt"),
        ("E06", "reserved-flags", zipped(Member("archive/data.pkl", EVIL, central_flags=0x60), version), CRITICAL, RAN, "pt"),
        ("E06", "local-flag-only", zipped(Member("archive/data.pkl", EVIL, flags=1, central_flags=0), version), CRITICAL, RAN, "pt"),
        ("E07", "wrong-crc", zipped(Member("archive/data.pkl", EVIL, crc=0xdeadbeef), version), CRITICAL, RAN, "pt"),
        ("E09", "junk-before", b"\xff junk \xfe" * 50 + torch_zip(EVIL), HIGH, RAN, "pt"),
        ("E09", "zip-prefix-counted", zipped(entry, version, prefix=b"#!/bin/true\n"), CRITICAL, RAN, "pt"),
        ("E12", "sevenz", sevenz("model/data.pkl", EVIL), CRITICAL, RAN, "pt"),
        ("E13", "legacy-fourth-pickle", torch_legacy(system()), CRITICAL, RAN, "pt"),
        ("E13", "legacy-fifth-pickle", torch_legacy(EMPTY_DICT, system()), CRITICAL, RAN, "pt"),
        ("E13", "legacy-system-info", torch_legacy(EMPTY_DICT).replace(b"X\x0d\0\0\0little_endian", system() + POP + b"X\x0d\0\0\0little_endian"), CRITICAL, RAN, "pt"),
        ("E14", "tar-storages", tarred(("storages", EVIL), ("tensors", HARMLESS), ("pickle", HARMLESS), ("sys_info", HARMLESS)), CRITICAL, RAN, "pt"),
        ("E15", "tar-pickle", tarred(("storages", HARMLESS), ("tensors", HARMLESS), ("pickle", EVIL), ("sys_info", HARMLESS)), CRITICAL, RAN, "pt"),
        ("E16", "constants-pkl", torch_zip(HARMLESS, "archive", Member("archive/constants.pkl", EVIL), Member("archive/code/__torch__.py", b"")), CRITICAL, RAN, "pt"),
        ("E17", "torchscript-from-file", torch_zip(HARMLESS, "archive", Member("archive/constants.pkl", pickle(b")", protocol=2)), Member("archive/code/__torch__/m.py", b"class M(Module):\n  def forward(self: __torch__.m.M) -> Tensor:\n    ops.aten.save(x, \"out\")\n    return torch.from_file(\"/etc/hostname\")\n")), HIGH, "", "pt"),
        ("E18", "torch-classes", torch_zip(HARMLESS, "archive", Member("archive/constants.pkl", pickle(b")", protocol=2)), Member("archive/code/__torch__/m.py", b"class M(Module):\n  b : __torch__.torch.classes.modelscand_none.Backend\n")), MEDIUM, "", "pt"),
        ("E19", "torch-package", zipped(Member("m/.data/version", b"6\n"), Member("m/.data/extern_modules", b"os\n"), Member("m/model.py", RANDOM_MODULE_FILE), Member("m/model/model.pkl", pickle(name("model", "Net")))), MEDIUM, "", "pt"),
        ("E20", "mar-nested", zipped(Member("MAR-INF/MANIFEST.json", b"{\"model\": {\"handler\": \"handler.py\"}}"), Member("handler.py", RANDOM_MODULE_FILE), Member("model.pt", torch_zip(EVIL))), CRITICAL, RAN, "mar"),
        ("E21", "zip-slip", zipped(Member("../../x.py", b""), clean), HIGH, "../../x.py", "mar"),
        ("E26", "unlisted-global", torch_zip(pickle(call(name("modelscand_no_such_module", "rebuild"), number(1)))), HIGH, "modelscand_no_such_module", "pt"),
        ("E28", "storage-is-a-callable", torch_zip(pickle(wrong, protocol=2)), HIGH, "os.system", "pt"),
        ("E29", "overlapping-members", zipped(Member("archive/data.pkl", EVIL), Member("archive/data/0", b"", is_there=False), version), CRITICAL, RAN, "pt"),
        ("E29", "data-descriptor", zipped(Member("archive/data.pkl", EVIL, method=8, descriptor=True), version), CRITICAL, RAN, "pt"),
        ("E01", "sibling-byteorder", zipped(clean, Member("archive/byteorder", EVIL), version), CRITICAL, RAN, "pt"),
        ("E01", "sibling-tensor-bytes", zipped(clean, Member("archive/data/0", EVIL), version), CRITICAL, RAN, "pt"),
    ]


def arrays():
    objects = npy(EVIL)
    wrapper = lambda state: pickle(fill(new(name("joblib.numpy_pickle_compat", "NDArrayWrapper")), state))
    floats = joblib_array(b"\x03" + b"\0" * 3 + b"\1" * 16, "f8", 2)
    return [
        ("F02", "npz-deflated", zipped(Member("a.npy", objects, method=8)), CRITICAL, RAN, "npz"),
        ("F02", "npz-in-npz", zipped(Member("a.npz", zipped(Member("a.npy", objects, method=8)))), CRITICAL, RAN, "npz"),
        ("F02", "npy-objects", objects, CRITICAL, RAN, "npy"),
        ("F04", "npy-is-a-pickle", EVIL, CRITICAL, RAN, "npy"),
        ("F05", "gzip", gzipped(EVIL), CRITICAL, RAN, "joblib"), ("F05", "zlib", zlib.compress(EVIL), CRITICAL, RAN, "joblib"),
        ("F05", "bzip2", bzipped(EVIL), CRITICAL, RAN, "joblib"), ("F05", "xz", xz(EVIL), CRITICAL, RAN, "joblib"), ("F05", "lzma", alone(EVIL), CRITICAL, RAN, "joblib"),
        ("F05", "zlib-with-trailing-data", zlib.compress(EVIL) + b"junk" * 20, CRITICAL, RAN, "joblib"),
        ("F05", "gzip-with-trailing-data", gzipped(EVIL) + b"junk" * 20, CRITICAL, RAN, "joblib"),
        ("F06", "lz4", lz4(EVIL), CRITICAL, RAN, "joblib"),
        ("F05", "zstd", zstd(EVIL), CRITICAL, RAN, "joblib"),
        ("F07", "zf-prefix", b"ZF" + (b"0x%-17x" % len(EVIL)) + zlib.compress(EVIL), CRITICAL, RAN, "joblib"),
        ("F08", "companion-climbs-out", wrapper(fields(filename=text("../../evil.npy"), subclass=name("numpy", "ndarray"))), HIGH, "evil.npy", "joblib"),
        ("F09", "object-array", pickle(joblib_array(EVIL, "O8")), CRITICAL, RAN, "joblib"),
        ("F10", "call-behind-array", pickle(floats + POP + system()), CRITICAL, RAN, "joblib"),
        ("F10", "call-inside-array", pickle(joblib_array(system() + b".", "u1", 200)), CRITICAL, RAN, "joblib"),
        ("F17", "dill-create-code", pickle(call(name("dill._dill", "_create_function"), call(name("dill._dill", "_create_code"), *[number(0)] * 4), EMPTY_DICT)), MEDIUM, "_create_function", "pkl"),
        ("F18", "cloudpickle-function", pickle(call(name("cloudpickle.cloudpickle", "_make_function"), call(call(name("cloudpickle.cloudpickle", "_builtin_type"), text("CodeType")), number(0)), EMPTY_DICT, NONE, NONE, NONE)), MEDIUM, "_make_function", "pkl"),
        ("F20", "pickle-gz", gzipped(pickle(system())), CRITICAL, RAN, "pkl.gz"), ("F20", "pickle-zip", zipped(Member("frame.pkl", pickle(system()), method=8)), CRITICAL, RAN, "pkl.zip"),
        ("F20", "pickle-tar", tarred(("frame.pkl", pickle(system()))), CRITICAL, RAN, "pkl.tar"),
    ]


def safe_and_not():
    """Files that begin as something else."""
    table = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    twice = b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'
    return [
        ("J18", "duplicate-key", safetensors(twice), MEDIUM, "", "safetensors"),
        ("J19", "trailing-pickle", safetensors(table) + EVIL, MEDIUM, "", "safetensors"),
        ("J19", "trailing-zip", safetensors(table) + torch_zip(EVIL), CRITICAL, RAN, "safetensors"),
        ("J20", "header-begins-with-blank", safetensors(b"  " + table), MEDIUM, "", "safetensors"),
        ("J22", "shape-and-bytes-differ", safetensors(table.replace(b"[2]", b"[9]")), LOW, "", "safetensors"),
        ("J23", "pickle-in-its-place", EVIL, CRITICAL, RAN, "safetensors"),
        ("L14", "skops-is-a-pickle", EVIL, CRITICAL, RAN, "skops"),
        ("L18", "paddle-parameters", pickle(system(), protocol=2), CRITICAL, RAN, "pdparams"),
    ]


def archives():
    member = Member("model.pkl", EVIL)
    clean = Member("model.pkl", HARMLESS)
    deep = gzipped(zipped(Member("a.tar", tarred(("b.zip", zipped(Member("model.pkl", EVIL, method=8)))))))
    deepest = EVIL
    for _ in range(20):
        deepest = gzipped(deepest)
    many_members = zipped(*[Member("%d" % index, b"") for index in range(400)], member)
    unicode_path = struct.pack("<HHBI", 0x7075, 5 + 9, 1, zlib.crc32(b"a.txt")) + b"model.pkl"
    fake_end = b"PK\5\6" + b"\0" * 18
    return [
        ("M01", "tar-gz", gzipped(tarred(("model.pkl", EVIL))), CRITICAL, RAN, "tar.gz"), ("M01", "zip", zipped(Member("model.pkl", EVIL, method=8)), CRITICAL, RAN, "zip"),
        ("M01", "zip-tar-zip-gzip", deep, CRITICAL, RAN, "gz"), ("M01", "twenty-times-gzip", deepest, MEDIUM, "", "gz"),
        ("M02", "climbing-name", zipped(Member("a/../../x", b""), clean), HIGH, "a/../../x", "zip"), ("M02", "absolute-name", tarred(("/etc/modelscand_none", b"")), HIGH, "/etc/modelscand_none", "tar"),
        ("M02", "nul-in-name", zipped(Member("a.pkl\0.txt", HARMLESS)), HIGH, "", "zip"), ("M02", "drive-letter", zipped(Member("C:\\x", b"")), HIGH, "", "zip"),
        ("M03", "link-out", tarred(("x", "../../etc/passwd")), HIGH, "passwd", "tar"), ("M03", "zip-link-out", zipped(Member("x", b"../../etc/passwd", mode=0o120777)), HIGH, "passwd", "zip"),
        ("M03", "setuid", zipped(Member("x", b"", mode=0o104755)), MEDIUM, "", "zip"),
        ("M04", "pickle-then-zip", EVIL + zipped(clean), CRITICAL, RAN, "pt"), ("M04", "zip-then-pickle", zipped(clean) + EVIL, CRITICAL, RAN, "pt"),
        ("M06", "comment", zipped(clean, comment=EVIL), MEDIUM, "", "zip"), ("M06", "gap", zipped(clean, clean, gap=EVIL), MEDIUM, "", "zip"),
        ("M06", "extra-field", zipped(Member("model.pkl", HARMLESS, extra=struct.pack("<HH", 0x7777, len(EVIL)) + EVIL)), LOW, "", "zip"),
        ("M07", "second-gzip-member", gzipped(HARMLESS) + gzipped(EVIL), CRITICAL, RAN, "gz"), ("M07", "second-xz-stream", xz(HARMLESS) + xz(EVIL), CRITICAL, RAN, "xz"),
        ("M07", "second-bzip2-stream", bzipped(HARMLESS) + bzipped(EVIL), CRITICAL, RAN, "bz2"), ("M07", "second-zstd-frame", zstd(HARMLESS) + zstd(EVIL), CRITICAL, RAN, "zst"),
        ("M07", "second-lz4-frame", lz4(HARMLESS) + lz4(EVIL), CRITICAL, RAN, "lz4"),
        ("M09", "descriptor-without-sizes", zipped(Member("model.pkl", EVIL, method=8, descriptor=True)), CRITICAL, RAN, "zip"),
        ("M11", "unicode-path", zipped(Member("a.txt", EVIL, extra=unicode_path)), CRITICAL, RAN, "zip"),
        ("M12", "local-header-only", zipped(clean, Member("evil.pkl", EVIL, listed=False)), CRITICAL, RAN, "zip"),
        ("M12", "fake-end-in-comment", zipped(member, comment=fake_end), CRITICAL, RAN, "zip"),
        ("M12", "two-archives", zipped(member) + zipped(clean), CRITICAL, RAN, "zip"), ("M12", "two-archives-evil-last", zipped(clean) + zipped(member), CRITICAL, RAN, "zip"),
        ("M12", "duplicate-name-first", zipped(member, clean), CRITICAL, RAN, "zip"), ("M12", "duplicate-name-last", zipped(clean, member), CRITICAL, RAN, "zip"),
        ("M12", "names-differ", zipped(Member("readme.txt", EVIL, local_name="data.pkl  ")), CRITICAL, RAN, "zip"),
        ("M12", "evil-after-many", many_members, CRITICAL, RAN, "zip"),
        ("M14", "gzip-of-zip", gzipped(torch_zip(EVIL)), CRITICAL, RAN, "gz"), ("M14", "zlib-of-npy", zlib.compress(npy(EVIL)), CRITICAL, RAN, "z"),
        ("M14", "xz-of-tar", xz(tarred(("pickle", EVIL))), CRITICAL, RAN, "xz"),
        ("D16", "encrypted", zipped(Member("model.pkl", b"\x17" * 40, flags=1)), MEDIUM, "", "zip"),
        ("M01", "tar-named-like-a-pickle", tarred(("cos\nsystem\n(S'true'\ntR.", b"")), CRITICAL, RAN, "tar"),
    ]


def attacks():
    return pytorch() + arrays() + safe_and_not() + archives()
