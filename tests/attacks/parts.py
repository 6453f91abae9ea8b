"""Bytes of pickles, archives and compressed streams, put together by hand so that they can also be put together wrongly.

Standard library only, Python 3.8 or later. Whatever is given the same arguments gives the same bytes, on every machine.
"""

import bz2
import lzma
import struct
import zlib

NONE, TRUE, FALSE, EMPTY_DICT, EMPTY_LIST, MARK, POP = b"N", b"\x88", b"\x89", b"}", b"]", b"(", b"0"


# Pickles

def text(value):
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def raw(value):
    return b"B" + struct.pack("<I", len(value)) + value


def number(value):
    return b"J" + struct.pack("<i", value)


def name(module, attribute):
    """STACK_GLOBAL."""
    return text(module) + text(attribute) + b"\x93"


def old_name(module, attribute):
    """GLOBAL."""
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


def many(*items):
    return b"(" + b"".join(items) + b"t"


def listed(*items):
    return b"](" + b"".join(items) + b"e"


def pairs(*items):
    return b"}(" + b"".join(key + value for key, value in items) + b"u"


def fields(**items):
    return pairs(*((text(key), value) for key, value in items.items()))


def call(callee, *arguments):
    return callee + many(*arguments) + b"R"


def new(callee, *arguments):
    return callee + many(*arguments) + b"\x81"


def fill(target, state):
    return target + state + b"b"


def put(index):
    return b"q" + bytes([index])


def get(index):
    return b"h" + bytes([index])


def pickle(*parts, protocol=4):
    return b"\x80" + bytes([protocol]) + b"".join(parts) + b"."


def system(module="os"):
    """What most attacks do in the end."""
    return call(old_name(module, "system"), text("true"))


def namespace(**attributes):
    return fill(call(name("types", "SimpleNamespace")), fields(**attributes))


EVIL = pickle(system(), protocol=2)
HARMLESS = pickle(b"}", protocol=2)


# Zip, by hand

class Member:
    """A member; what is `None` is as it should be, what is given is what the archive says."""

    def __init__(self, name, data, method=0, local_name=None, crc=None, flags=0, central_flags=None, listed=True,
                 extra=b"", local_size=None, mode=0o100644, is_there=True, descriptor=False):
        self.name = name if isinstance(name, bytes) else name.encode()
        self.local_name = self.name if local_name is None else local_name.encode()
        self.data, self.method, self.flags, self.extra, self.mode = data, method, flags, extra, mode
        self.central_flags = flags if central_flags is None else central_flags
        self.listed, self.is_there, self.descriptor = listed, is_there, descriptor
        self.crc = zlib.crc32(data) if crc is None else crc
        self.packed = data
        if method == 8:
            squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
            self.packed = squeeze.compress(data) + squeeze.flush()
        self.local_size = len(self.packed) if local_size is None else local_size


def zipped(*members, prefix=b"", gap=b"", suffix=b"", comment=b"", count=None):
    body, directory, total = b"", b"", 0
    for member in members:
        offset = len(body)
        flags = member.flags | (8 if member.descriptor else 0)
        crc, packed_size, size = member.crc, member.local_size, len(member.data)
        if member.descriptor:
            crc = packed_size = size = 0
        if member.is_there:
            body += struct.pack("<4s5H3I2H", b"PK\3\4", 20, flags, member.method, 0, 0x21, crc, packed_size, size,
                                len(member.local_name), len(member.extra)) + member.local_name + member.extra + member.packed
        if member.descriptor:
            body += struct.pack("<4s3I", b"PK\7\x08", member.crc, len(member.packed), len(member.data))
        body += gap
        if member.listed:
            total += 1
            central = member.central_flags | (8 if member.descriptor else 0)
            directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 0x314, 20, central, member.method, 0, 0x21, member.crc,
                                     len(member.packed), len(member.data), len(member.name), len(member.extra), 0, 0, 0,
                                     member.mode << 16, offset) + member.name + member.extra
    total = total if count is None else count
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, total & 0xffff, total & 0xffff, len(directory), len(body), len(comment))
    return prefix + body + directory + end + comment + suffix


# Other containers

def tarred(*members):
    """Members are `(name, bytes)`, or `(name, target)` for symbolic links."""
    out = b""
    for path, content in members:
        target, data = (content, b"") if isinstance(content, str) else ("", content)
        kind = b"2" if target else b"0"
        header = struct.pack("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12s", path.encode(), b"0000644", b"0000000", b"0000000",
                             b"%011o" % len(data), b"00000000000", b" " * 8, kind, target.encode(), b"ustar\00000", b"", b"",
                             b"0000000", b"0000000", b"", b"")
        out += header[:148] + b"%06o\0 " % sum(header) + header[156:] + data + b"\0" * (-len(data) % 512)
    return out + b"\0" * 1024


def sevenz(path, data):
    """A 7z archive whose only member is stored."""
    def long(value):
        return bytes([value]) if value < 0x80 else bytes([0x80 | value >> 8, value & 0xff])
    label = path.encode("utf-16-le") + b"\0\0"
    header = (b"\1\4\6\0\1\x09" + long(len(data)) + b"\0\7\x0b\1\0\1\1\0\x0c" + long(len(data)) + b"\0\x08\0\0"
              b"\5\1\x11" + long(len(label) + 1) + b"\0" + label + b"\0\0")
    start = struct.pack("<QQI", len(data), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start + data + header


def gzipped(data):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = squeeze.compress(data) + squeeze.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\2\xff" + packed + struct.pack("<II", zlib.crc32(data), len(data) & 0xffffffff)


def xz(data):
    return lzma.compress(data, format=lzma.FORMAT_XZ)


def alone(data):
    return lzma.compress(data, format=lzma.FORMAT_ALONE)


def bzipped(data):
    return bz2.compress(data)


def zstd(data):
    """One raw block in a frame of a single segment."""
    assert len(data) < 256
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def lz4(data):
    """One stored block in a frame; the header's checksum is xxHash32 of two bytes."""
    flags = b"\x60\x40"
    block = struct.pack("<I", len(data) | 0x80000000) + data
    return struct.pack("<I", 0x184D2204) + flags + bytes([xxhash32(flags) >> 8 & 0xff]) + block + b"\0\0\0\0"


def xxhash32(data):
    """For less than four bytes."""
    mask, value = 0xffffffff, 374761393 + len(data)
    for byte in data:
        value = (value + byte * 374761393) & mask
        value = (value << 11 | value >> 21) & mask
        value = value * 2654435761 & mask
    value = (value ^ value >> 15) * 2246822519 & mask
    value = (value ^ value >> 13) * 3266489917 & mask
    return value ^ value >> 16


# Files of frameworks

def npy(content, descr="|O", shape="(1,)"):
    header = ("{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + content


def torch_zip(data, folder="archive", *more):
    return zipped(Member(folder + "/data.pkl", data), Member(folder + "/byteorder", b"little"),
                  Member(folder + "/version", b"3\n"), *more)


def torch_legacy(content, keys=b"]", behind=b""):
    magic = pickle(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", protocol=2)
    info = pickle(fields(protocol_version=number(1001), little_endian=TRUE), protocol=2)
    return magic + pickle(b"M\xe9\x03", protocol=2) + info + pickle(content, protocol=2) + pickle(keys, protocol=2) + behind


def dtype(code):
    return call(name("numpy", "dtype"), text(code), FALSE, TRUE)


def joblib_array(content, code, count=1):
    """An array of joblib between two opcodes."""
    state = fields(subclass=name("numpy", "ndarray"), shape=many(number(count)), order=text("C"), dtype=dtype(code), allow_mmap=FALSE)
    return fill(new(name("joblib.numpy_pickle", "NumpyArrayWrapper")), state) + content


def safetensors(header, content=b"\0" * 8):
    return struct.pack("<Q", len(header)) + header + content
