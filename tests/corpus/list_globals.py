"""Lists every import that the corpus makes, and how it is used: honest/globals.txt.

`python list_globals.py FOLDER [--calls]` follows each pickle with a small symbolic machine over `pickletools.genops` and builds
nothing. It looks into zip, tar, gzip, bz2, xz, zlib, lz4 and zstd, through joblib's raw arrays and object arrays of npy,
and into the byte strings of `_load_from_bytes`. One line of its output is `module name how files frameworks`, where how is
`called` (REDUCE, OBJ, INST), `constructed` (NEWOBJ, or passed to `copyreg._reconstructor`) or `referenced`. With `--calls` it
prints examples of the arguments instead. The names are those that a loader of Python 3 looks up.
"""
import bz2
import codecs
import collections
import gzip
import io
import lzma
import os
import pickletools
import re
import sys
import tarfile
import zipfile
import zlib
import _compat_pickle

Global = collections.namedtuple("Global", "module name")
Call = collections.namedtuple("Call", "callable args state")
MARK = object()
CONSTRUCTORS = {("copyreg", "_reconstructor"), ("copyreg", "__newobj__"), ("copyreg", "__newobj_ex__")}
JOBLIB_ARRAYS = {("joblib.numpy_pickle", "NumpyArrayWrapper")}
TORCH_MAGIC = 0x1950A86A20F9469CFC6C


class Opaque:
    """A value that is not followed."""

    def __repr__(self):
        return "..."


class Uses:
    """What was seen of each import."""

    def __init__(self):
        self.how = collections.defaultdict(set)
        self.calls = collections.defaultdict(set)

    def note(self, value, how, detail=""):
        if isinstance(value, Global):
            self.how[value].add(how)
            if detail:
                self.calls[value].add(detail)
        elif isinstance(value, Call):
            self.how[Global("(result of)", show(value.callable))].add(how)
            self.calls[Global("(result of)", show(value.callable))].add(detail)


def show(value, depth=0):
    if isinstance(value, Global):
        return "%s.%s" % value
    if isinstance(value, Call):
        return "%s(%s)" % (show(value.callable, depth + 1), "" if depth > 2 else show(value.args, depth + 1)[1:-1])
    if isinstance(value, (list, tuple)):
        if depth > 3:
            return "(...)"
        return "(%s)" % ", ".join(show(v, depth + 1) for v in value[:8])
    if isinstance(value, dict):
        return "{%s}" % ", ".join(map(str, list(value)[:6]))
    return repr(value)[:60]


class Machine:
    """Follows one pickle from where the stream stands to its STOP."""

    def __init__(self, stream, uses, read_bytes):
        self.stream, self.uses, self.read_bytes = stream, uses, read_bytes
        self.stack, self.memo, self.proto = [], {}, 0

    def run(self):
        for opcode, arg, _ in pickletools.genops(self.stream):
            handler = getattr(self, "op_" + opcode.name, None)
            if handler:
                handler(arg)
            else:
                self.generic(opcode, arg)
            if opcode.name == "STOP":
                return self.stack[-1] if self.stack else None

    def find(self, module, name):
        if self.proto < 3:
            if (module, name) in _compat_pickle.NAME_MAPPING:
                module, name = _compat_pickle.NAME_MAPPING[(module, name)]
            elif module in _compat_pickle.IMPORT_MAPPING:
                module = _compat_pickle.IMPORT_MAPPING[module]
        found = Global(module, name)
        self.uses.how[found]
        self.stack.append(found)

    def to_mark(self):
        items = []
        while self.stack and self.stack[-1] is not MARK:
            items.append(self.stack.pop())
        if self.stack:
            self.stack.pop()
        return items[::-1]

    def call(self, callable_, args, how="called"):
        args = tuple(args) if isinstance(args, (list, tuple)) else (args,)
        self.uses.note(callable_, how, show(args))
        if isinstance(callable_, Global) and callable_ in CONSTRUCTORS and args:
            self.uses.note(args[0], "constructed", "")
        self.read_nested(callable_, args)
        self.stack.append(Call(callable_, args, []))

    def read_nested(self, callable_, args):
        if isinstance(callable_, Global) and callable_.name in ("_load_from_bytes", "loads") and args and isinstance(args[0], bytes):
            self.read_bytes(args[0])

    def op_PROTO(self, arg):
        self.proto = arg

    def op_GLOBAL(self, arg):
        self.find(*arg.split(" ", 1))

    def op_STACK_GLOBAL(self, arg):
        name, module = self.stack.pop(), self.stack.pop()
        self.find(module, name)

    def op_INST(self, arg):
        args = self.to_mark()
        self.find(*arg.split(" ", 1))
        self.call(self.stack.pop(), args)

    def op_OBJ(self, arg):
        args = self.to_mark()
        self.call(args[0], args[1:])

    def op_REDUCE(self, arg):
        args, callable_ = self.stack.pop(), self.stack.pop()
        self.call(callable_, args)

    def op_NEWOBJ(self, arg):
        args, callable_ = self.stack.pop(), self.stack.pop()
        self.call(callable_, args, "constructed")

    def op_NEWOBJ_EX(self, arg):
        self.stack.pop()
        self.op_NEWOBJ(arg)

    def op_BUILD(self, arg):
        state = self.stack.pop()
        built = self.stack[-1]
        if isinstance(built, Call):
            built.state.append(state)
            if isinstance(built.callable, Global) and built.callable in JOBLIB_ARRAYS and isinstance(state, dict):
                self.skip_array(state)

    def skip_array(self, wrapper):
        """The array of a joblib file stands between two opcodes."""
        dtype = wrapper["dtype"]
        kind = dtype.args[0]
        if kind in ("O8", "O") or dtype_holds_objects(dtype):
            Machine(self.stream, self.uses, self.read_bytes).run()
            return
        count = 1
        for extent in wrapper["shape"]:
            count *= extent if isinstance(extent, int) else integer_of(extent)
        if wrapper.get("numpy_array_alignment_bytes"):
            self.stream.seek(self.stream.read(1)[0], io.SEEK_CUR)
        self.stream.seek(count * item_bytes(str(kind)), io.SEEK_CUR)

    def op_PUT(self, arg):
        self.memo[arg] = self.stack[-1]

    op_BINPUT = op_LONG_BINPUT = op_PUT

    def op_MEMOIZE(self, arg):
        self.memo[len(self.memo)] = self.stack[-1]

    def op_GET(self, arg):
        self.stack.append(self.memo[arg])

    op_BINGET = op_LONG_BINGET = op_GET

    def op_DUP(self, arg):
        self.stack.append(self.stack[-1])

    def op_MARK(self, arg):
        self.stack.append(MARK)

    def op_POP(self, arg):
        self.stack.pop()

    def op_POP_MARK(self, arg):
        self.to_mark()

    def op_TUPLE(self, arg):
        self.stack.append(tuple(self.to_mark()))

    def op_TUPLE1(self, arg):
        self.stack[-1:] = [tuple(self.stack[-1:])]

    def op_TUPLE2(self, arg):
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def op_TUPLE3(self, arg):
        self.stack[-3:] = [tuple(self.stack[-3:])]

    def op_LIST(self, arg):
        self.stack.append(self.to_mark())

    def op_DICT(self, arg):
        items = self.to_mark()
        self.stack.append({})
        self.set_items(items)

    def op_FROZENSET(self, arg):
        self.stack.append(self.to_mark())

    def op_APPEND(self, arg):
        value = self.stack.pop()
        self.add_items([value])

    def op_APPENDS(self, arg):
        self.add_items(self.to_mark())

    op_ADDITEMS = op_APPENDS

    def add_items(self, items):
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def op_SETITEM(self, arg):
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def op_SETITEMS(self, arg):
        self.set_items(self.to_mark())

    def set_items(self, items):
        if isinstance(self.stack[-1], dict):
            for key, value in zip(items[::2], items[1::2]):
                try:
                    self.stack[-1][key] = value
                except TypeError:
                    pass

    def op_EMPTY_DICT(self, arg):
        self.stack.append({})

    def op_EMPTY_LIST(self, arg):
        self.stack.append([])

    op_EMPTY_SET = op_EMPTY_LIST

    def op_EMPTY_TUPLE(self, arg):
        self.stack.append(())

    def op_NONE(self, arg):
        self.stack.append(None)

    def op_NEWTRUE(self, arg):
        self.stack.append(True)

    def op_NEWFALSE(self, arg):
        self.stack.append(False)

    def op_BINPERSID(self, arg):
        self.stack[-1] = Opaque()

    def op_PERSID(self, arg):
        self.stack.append(Opaque())

    def op_STOP(self, arg):
        pass

    op_FRAME = op_READONLY_BUFFER = op_STOP

    def generic(self, opcode, arg):
        """Constants, and what is not followed."""
        if opcode.stack_before:
            raise ValueError("opcode %s is not known here" % opcode.name)
        self.stack.append(arg if opcode.arg is not None else Opaque())


def item_bytes(kind):
    """The size of one item of a dtype as pickles name it: `f8`, `U5` (four bytes a character), `V16`."""
    size = int(re.search(r"\d+", kind).group())
    return size * 4 if kind.startswith("U") else size


def read_string(stream):
    """STRING as a loader with encoding="latin1" reads it; pickletools insists on ASCII."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise ValueError("STRING without an end")
    return codecs.escape_decode(line.strip()[1:-1])[0].decode("latin1")


pickletools.code2op["S"].arg.reader = read_string


def dtype_holds_objects(dtype):
    return any("O" in show(state) for state in dtype.state if isinstance(state, tuple) and state[3:4] != (None,) and "'O" in show(state))


def integer_of(value):
    """A numpy scalar: its bytes are the second argument of numpy's `scalar`."""
    data = value.args[1]
    data = data.args[0].encode("latin1") if isinstance(data, Call) else data
    return int.from_bytes(data, "little")


class File:
    """One file of the corpus, with everything inside it."""

    def __init__(self, name):
        self.name, self.uses, self.pickles = name, Uses(), 0

    def read(self, data, name):
        if data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for member in archive.namelist():
                    if not re.search(r"(^|/)(data|constants|tensors)/[^/]*$", member):  # the bytes of tensors
                        self.read(archive.read(member), member)
        elif data[:6] == b"\x93NUMPY":
            self.read_npy(data)
        elif data[257:262] == b"ustar":
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                for member in archive.getmembers():
                    if member.isfile():
                        self.read_pickles(archive.extractfile(member).read(), member.name)
        elif decompressed(data) is not None:
            self.read(decompressed(data), name)
        else:
            self.read_pickles(data, name)

    def read_npy(self, data):
        length = int.from_bytes(data[8:10], "little")
        if b"'descr': '|O'" in data[:10 + length] or b"'O'" in data[:10 + length]:
            self.read_pickles(data[10 + length:], "array.pkl")

    def read_pickles(self, data, name):
        """All pickles from the start on; what follows the last one is not a pickle."""
        stream = io.BytesIO(data)
        first = True
        legacy = 0
        while stream.tell() < len(data):
            uses = Uses()
            try:
                result = Machine(stream, uses, lambda nested: self.read(nested, "")).run()
            except Exception as error:
                if first and looks_like_pickle(data, name):
                    sys.stderr.write("%s: cannot follow: %s\n" % (self.name, repr(error)[:200]))
                return
            self.pickles += 1
            for found in uses.how:
                self.uses.how[found] |= uses.how[found]
                self.uses.calls[found] |= uses.calls[found]
            if first and result == TORCH_MAGIC:
                legacy = 5
            first = False
            legacy -= 1
            if legacy == 0:
                return


def looks_like_pickle(data, name):
    return data[:1] == b"\x80" or name.endswith((".pkl", ".pickle"))


def decompressed(data):
    readers = [(b"\x1f\x8b", gzip.decompress), (b"BZh", bz2.decompress), (b"\xfd7zXZ", lzma.decompress),
               (b"]\x00\x00", lzma.decompress), (b"\x04\x22\x4d\x18", lz4), (b"\x28\xb5\x2f\xfd", zstd)]
    readers += [(bytes([0x78, level]), zlib.decompress) for level in (0x01, 0x5E, 0x9C, 0xDA)]
    for magic, reader in readers:
        if data.startswith(magic):
            try:
                return reader(data)
            except Exception:
                return None
    return None


def lz4(data):
    import lz4.frame
    return lz4.frame.decompress(data)


def zstd(data):
    import zstandard
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def files_of(folder):
    for parent, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            relative = os.path.relpath(os.path.join(parent, name), folder)
            if relative.count(os.sep) >= 2:
                yield relative


def main(arguments):
    folder, show_calls = arguments[0], "--calls" in arguments
    files, frameworks = collections.Counter(), collections.defaultdict(set)
    calls = collections.defaultdict(set)
    for relative in files_of(folder):
        file = File(relative)
        with open(os.path.join(folder, relative), "rb") as opened:
            file.read(opened.read(), relative)
        for found, hows in file.uses.how.items():
            for how in hows or {"referenced"}:
                files[(found, how)] += 1
                frameworks[(found, how)].add(relative.split(os.sep)[1])
            calls[found] |= file.uses.calls[found]
    if show_calls:
        for found in sorted(calls):
            for example in sorted(calls[found], key=lambda text: (len(text), text))[:6]:
                print("%s.%s%s" % (found.module, found.name, example))
        return
    for (found, how), count in sorted(files.items()):
        print("%s %s %s %d %s" % (found.module.replace(" ", "-"), found.name, how, count, ",".join(sorted(frameworks[(found, how)]))))


if __name__ == "__main__":
    main(sys.argv[1:])
