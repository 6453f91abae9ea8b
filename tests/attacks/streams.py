"""Attacks of the sections C, D and N: opcodes, streams and routing. N is what was tried against this scanner itself, and went through once."""

import base64
import struct

from gadgets import CRITICAL, HIGH, LOW, MEDIUM
from parts import (EMPTY_DICT, EVIL, FALSE, HARMLESS, MARK, NONE, POP, call, dtype, fields, fill, get, listed, many, name, namespace, new,
                   number, old_name, pairs, pickle, put, raw, system, text, torch_legacy)

OS_SYSTEM = name("os", "system")
LOAD = name("torch.storage", "_load_from_bytes")
GETATTR = name("builtins", "getattr")
PARTIAL = name("functools", "partial")
ORDERED_DICT = name("collections", "OrderedDict")
RAN = "os.system(\"true\")"


def opcodes():
    concatenated = call(call(GETATTR, text(""), text("join")), listed(text("sys"), text("tem")))
    decoded = call(name("codecs", "decode"), text("flfgrz"), text("rot13"))
    return [
        ("C01", "inst", b"(S'true'\nios\nsystem\n.", CRITICAL, RAN),
        ("C02", "obj", pickle(MARK + OS_SYSTEM + text("true") + b"o"), CRITICAL, RAN),
        ("C03", "popped", pickle(system() + POP + NONE), CRITICAL, RAN),
        ("C03", "pop-mark", pickle(MARK + system() + b"1" + NONE), CRITICAL, RAN),
        ("C04", "two-builds", pickle(fill(fill(call(name("types", "SimpleNamespace")), fields(__setstate__=OS_SYSTEM)), text("true"))), CRITICAL, "os.system"),
        ("C04", "unlisted-two-builds", pickle(fill(fill(new(name("modelscand_no_such_module", "X")), fields(__setstate__=OS_SYSTEM)), text("true"))), CRITICAL, "os.system"),
        ("C06", "newobj", pickle(new(name("subprocess", "Popen"), text("true"))), HIGH, "subprocess.Popen"),
        ("C06", "newobj-ex", pickle(name("subprocess", "Popen") + many(text("true")) + EMPTY_DICT + b"\x92"), HIGH, "subprocess.Popen"),
        ("C06", "copyreg-newobj-ex", pickle(call(name("copyreg", "__newobj_ex__"), name("subprocess", "Popen"), many(text("true")), EMPTY_DICT)), HIGH, "subprocess.Popen"),
        ("C07", "ext1", pickle(call(b"\x82\x01", text("true"))), HIGH, ""),
        ("C07", "ext4", pickle(call(b"\x84\1\0\0\0", text("true"))), HIGH, ""),
        ("C10", "torch-os-system", pickle(call(name("torch.serialization", "os.system"), text("true"))), CRITICAL, "os.system"),
        ("C10", "numpy-os-system", pickle(call(name("numpy", "core.multiarray.os.system"), text("true"))), CRITICAL, "os.system"),
        ("C10", "torch-ops", pickle(call(name("torch", "ops.load_library"), text("true"))), CRITICAL, "load_library"),
        ("C11", "string-operands", b"\x80\x04S'os'\nS'system'\n\x93(S'true'\ntR.", CRITICAL, RAN),
        ("C11", "binstring-operands", b"\x80\x04U\x02osU\x06system\x93(U\x04truetR.", CRITICAL, RAN),
        ("C11", "unicode-operands", b"\x80\x04Vos\nVsyste\\u006d\n\x93(Vtrue\ntR.", CRITICAL, RAN),
        ("C12", "operand-first", b"\x8c\x02os\x8c\x06system\x93(\x8c\x04truetR.", CRITICAL, RAN),
        ("C14", "memoize-after-get", pickle(text("math") + put(0) + POP + text("os") + put(1) + POP + get(1) + b"\x94" + POP + get(2) + text("system") + b"\x93" + many(text("true")) + b"R"), CRITICAL, RAN),
        ("C14", "put-over-put", pickle(text("math") + put(0) + POP + text("os") + put(0) + POP + get(0) + text("system") + b"\x93" + many(text("true")) + b"R"), CRITICAL, RAN),
        ("C16", "missing-memo-key", pickle(system() + POP + get(77)), CRITICAL, RAN),
        ("C16", "type-confusion", pickle(system() + POP + number(1) + number(2) + b"\x93"), CRITICAL, RAN),
        ("C17", "joined-name", pickle(text("os") + concatenated + b"\x93" + many(text("true")) + b"R"), CRITICAL, RAN),
        ("C17", "rot13-name", pickle(text("os") + decoded + b"\x93" + many(text("true")) + b"R"), CRITICAL, RAN),
        ("C18", "dup", pickle(text("os") + b"2" + POP + text("system") + b"\x93" + many(text("true")) + b"R"), CRITICAL, RAN),
        ("C20", "octal-int", b"I010\n0" + b"cos\nsystem\n(S'true'\ntR.", CRITICAL, RAN),
        ("C20", "hexadecimal-int", b"I0x10\n0L0x10L\n0" + b"cos\nsystem\n(S'true'\ntR.", CRITICAL, RAN),
        ("C22", "string-not-ascii", b"\x80\x02S'\xff\xfe'\n0" + b"cos\nsystem\n(S'true'\ntR.", CRITICAL, RAN),
        ("C23", "float-underscore", b"F1_0\n0" + b"cos\nsystem\n(S'true'\ntR.", CRITICAL, RAN),
        ("C27", "broken-after-call", pickle(system())[:-1] + b"\xff\xff", CRITICAL, RAN),
        ("C27", "cut-off", pickle(system())[:-1], CRITICAL, RAN),
        ("C28", "second-pickle", HARMLESS + EVIL, CRITICAL, RAN),
        ("C29", "padding-between", HARMLESS + b"\0" * 4096 + EVIL, CRITICAL, RAN),
        ("C29", "junk-between", HARMLESS + b"\xff\xfe junk " * 100 + EVIL, CRITICAL, RAN),
        ("C30", "pickle-loads", pickle(call(name("pickle", "loads"), raw(EVIL))), CRITICAL, RAN),
        ("C30", "torch-load-from-bytes", pickle(call(LOAD, raw(EVIL))), CRITICAL, RAN),
        ("C31", "base64", pickle(call(name("pickle", "loads"), call(name("base64", "b64decode"), text(base64.b64encode(EVIL).decode())))), CRITICAL, RAN),
        ("C31", "hexadecimal", pickle(call(name("pickle", "loads"), call(name("binascii", "unhexlify"), text(EVIL.hex())))), CRITICAL, RAN),
        ("C32", "many-opcodes-first", pickle((NONE + POP) * 40_000 + system()), CRITICAL, RAN),
        ("C32", "long-literal-first", pickle(raw(b"\0" * 70_000) + POP + system()), CRITICAL, RAN),
        ("C34", "memo-bomb", pickle(NONE + b"r\xf0\xff\xff\xff" + POP + system()), CRITICAL, RAN),
        ("C35", "deep-tuples", pickle(MARK * 3000 + system() + b"t" * 3000), CRITICAL, RAN),
        ("C37", "next-buffer", pickle(b"\x97\x98" + POP + system(), protocol=5), CRITICAL, RAN),
        ("C38", "main", pickle(fill(new(name("__main__", "X")), EMPTY_DICT)), LOW, "__main__.X"),
        ("C39", "setitems-on-object", pickle(fill(call(name("types", "SimpleNamespace")), fields(__setitem__=OS_SYSTEM)) + text("true") + NONE + b"s"), HIGH, "os.system"),
        ("C41", "rebuild-from-type", pickle(call(name("torch._tensor", "_rebuild_from_type_v2"), OS_SYSTEM, name("torch", "Tensor"), many(text("true")), EMPTY_DICT)), CRITICAL, RAN),
        ("C41", "reconstructor", pickle(call(name("copyreg", "_reconstructor"), name("subprocess", "Popen"), name("builtins", "object"), NONE)), HIGH, "subprocess.Popen"),
        ("C43", "bit-generator", pickle(call(name("numpy.random._pickle", "__bit_generator_ctor"), text("os"))), MEDIUM, ""),
        ("C17", "unknown-operand", pickle(text("os") + call(name("builtins", "str"), call(name("builtins", "object"))) + b"\x93"), HIGH, ""),
    ]


def routes():
    plain = b"cos\nsystem\n(S'true'\ntR."
    found = [("D02", "named-%s" % suffix, plain, CRITICAL, RAN, suffix) for suffix in ("txt", "sav", "weights", "cbm", "onnx", "safetensors", "none")]
    return found + [
        ("D05", "unknown-opcode-later", pickle(system() + b"\xfe"), CRITICAL, RAN),
        ("D06", "submodule", pickle(call(name("asyncio.unix_events", "_UnixSubprocessTransport._start"), text("true"))), HIGH, "asyncio"),
        ("D07", "runsource", pickle(call(name("code", "InteractiveInterpreter.runsource"), text("true"))), CRITICAL, "runsource"),
        ("D08", "gif-magic", b"GIF89a\1\2\3" + POP + plain, CRITICAL, RAN),
        ("D10", "same-import-twice", pickle(name("math", "sqrt") + POP + name("math", "sqrt") + POP + system()), CRITICAL, RAN),
        ("D08", "bitmap-magic", b"BM\0\0\0" + b"\0" * 0x4d + POP + plain, CRITICAL, RAN),
    ]


def own():
    """Attacks on this scanner."""
    bound = call(PARTIAL, LOAD, raw(EVIL))
    rebuild = name("torch._utils", "_rebuild_parameter")
    state = many(LOAD, many(raw(EVIL)), EMPTY_DICT, NONE)
    factory = fill(call(name("collections", "defaultdict")), many(NONE, fields(default_factory=bound)))
    items = listed(raw(HARMLESS), raw(EVIL))
    mapped = call(name("builtins", "map"), LOAD, items)
    growing = listed(raw(HARMLESS)) + put(1) + POP + call(name("builtins", "map"), LOAD, get(1)) + put(2) + POP + get(1) + raw(EVIL) + b"a" + POP
    ufunc = name("numpy.core", "_ufunc_reconstruct")
    memmap = fields(filename=text("modelscand_no_such_folder/x"), mode=text("w+"), shape=number(8))
    holder = call(name("abc", "ABCMeta"), text("X"), many(), fields(a=call(name("builtins", "classmethod"), call(name("builtins", "property"), bound))))
    second_object = torch_legacy(EMPTY_DICT) + torch_legacy(system())
    graph = name("torch.fx.graph_module", "reduce_graph_module")
    evil = text("import os\ndef forward(self):\n    return os.system('true')\n")
    kind = text("import torch")
    harmless = call(graph, fields(_code=text("def forward(self, x):\n    return x\n")), kind) + POP
    computed = call(call(GETATTR, text(""), text("join")), call(name("builtins", "reversed"), listed(text("x"), text("y"))))
    filled = pairs(*([(text("k%d" % index), NONE) for index in range(300)] + [(text("_code"), evil)]))
    return [
        ("N19", "source-after-harmless-sources", pickle(harmless * 6 + call(graph, fields(_code=evil), kind)), CRITICAL, "os"),
        ("N20", "source-computed", pickle(call(graph, fields(_code=computed), kind)), HIGH, "reduce_graph_module"),
        ("N20", "source-behind-many-keys", pickle(call(graph, filled, kind)), CRITICAL, "os"),
        ("N20", "source-in-filled-object", pickle(call(graph, call(ORDERED_DICT) + text("_code") + evil + b"s", kind)), HIGH, "reduce_graph_module"),
        ("N17", "second-object-of-torch", second_object, CRITICAL, RAN, "pt"),
        ("N18", "name-of-no-identifier", pickle(call(old_name("my module", "x y"), text("true"))), HIGH, "my module.x y"),
        ("N01", "map-second-item", pickle(call(name("builtins", "list"), mapped)), CRITICAL, RAN),
        ("N01", "filter-second-item", pickle(call(name("builtins", "list"), call(name("builtins", "filter"), LOAD, items))), CRITICAL, RAN),
        ("N01", "map-list-grows-later", pickle(growing + call(name("builtins", "list"), get(2))), HIGH, "_load_from_bytes"),
        ("N02", "partial-function-by-state", pickle(fill(call(PARTIAL, name("builtins", "int")), state) + b")R"), CRITICAL, RAN),
        ("N03", "default-factory-by-slot-state", pickle(factory + put(1) + POP + call(call(GETATTR, text("{x}"), text("format_map")), get(1))), CRITICAL, RAN),
        ("N04", "attribute-called-as-detach", pickle(call(rebuild, namespace(detach=bound), FALSE, call(ORDERED_DICT))), CRITICAL, RAN),
        ("N05", "ufunc-reconstruct", pickle(call(rebuild, namespace(detach=call(PARTIAL, call(ufunc, text("os"), text("system")), text("true"))), FALSE, call(ORDERED_DICT))), CRITICAL, "os.system"),
        ("N05", "ufunc-reconstruct-import", pickle(call(ufunc, text("this"), text("s"))), HIGH, "this.s"),
        ("N06", "append-by-constructor", pickle(call(name("optparse", "Values"), fields(append=LOAD)) + raw(EVIL) + b"a"), HIGH, "_load_from_bytes"),
        ("N06", "append-by-item", pickle(new(name("sklearn.utils", "Bunch")) + text("append") + LOAD + b"s" + raw(EVIL) + b"a"), HIGH, "_load_from_bytes"),
        ("N06", "append-by-state", pickle(fill(call(name("argparse", "Namespace")), fields(append=LOAD)) + raw(EVIL) + b"a"), CRITICAL, RAN),
        ("N07", "memmap-by-new-index", pickle(call(name("pandas.core.indexes.base", "_new_Index"), name("numpy", "memmap"), memmap)), HIGH, "numpy.memmap"),
        ("N07", "memmap-by-newobj", pickle(call(name("sklearn.neighbors._kd_tree", "newObj"), name("numpy", "memmap"))), HIGH, "numpy.memmap"),
        ("N08", "format-reads-attributes", pickle(call(call(GETATTR, text("{0.__class__}"), text("format")), namespace(a=NONE))), HIGH, "format"),
        ("N08", "property-of-class-by-format", pickle(holder + put(1) + POP + call(call(GETATTR, text("{0.a}"), text("format")), get(1))), CRITICAL, RAN),
        ("N09", "class-attribute-by-rebuild", pickle(call(name("torch._tensor", "_rebuild_from_type_v2"), name("builtins", "type"), name("abc", "ABCMeta"), many(call(name("collections", "ChainMap"))), fields(__init__=LOAD))), HIGH, "_load_from_bytes"),
        ("N10", "block-class", pickle(call(name("pandas.core.internals.api", "make_block"), number(1), number(1), LOAD)), HIGH, "_load_from_bytes"),
        ("N11", "special-attribute-of-container", pickle(call(GETATTR, EMPTY_DICT, text("__class__"))), HIGH, "__class__"),
        ("N12", "storage-class-is-partial", pickle(many(text("storage"), bound, text("0"), text("cpu"), number(1)) + b"Q"), CRITICAL, RAN),
    ]


def attacks():
    return opcodes() + routes() + own()
