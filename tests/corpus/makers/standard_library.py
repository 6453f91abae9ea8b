"""Pickles of Python's own types, by every protocol, and of a user's own classes."""
import collections
import datetime
import decimal
import fractions
import pickle
import re
import sys
import uuid

from churn import records

OWN = "instances of classes of the user's project"
OWN_CALLED = "a class of the user's project is called with arguments: how Python pickles enum members and exceptions"


# All protocols where Python 2 and Python 3 are shown in full; elsewhere what `pickle.dump` takes when not told.
EVERY_PROTOCOL = ("py27", "py311-current")
# The least that new-style classes are pickled well with, and the newest.
LEAST_AND_MOST = sorted(set([2, pickle.HIGHEST_PROTOCOL]))
# One environment a version of Python: a framework changes nothing about Python's own types.
OF_PYTHON = ("py27", "py36", "py38-sk022", "py311-current", "py313-current")


def usual_protocols(corpus, framework):
    if corpus.environment not in EVERY_PROTOCOL:
        return [None]
    return range(pickle.HIGHEST_PROTOCOL + 1) if framework == "python" else [0] + LEAST_AND_MOST


def pickle_each(corpus, framework, name, value, worst="none", reason="", protocols=None):
    """Saves `value` once a protocol."""
    for protocol in protocols or usual_protocols(corpus, framework):
        protocol = getattr(pickle, "DEFAULT_PROTOCOL", 2) if protocol is None else protocol
        try:
            data = pickle.dumps(value, protocol=protocol)
        except Exception as error:
            corpus.skip("%s %s protocol %d" % (framework, name, protocol), error)
            continue
        how = "pickle.dump(protocol=%d)" % protocol
        corpus.save(framework, "%s.p%d.pkl" % (name, protocol), data, how, worst, reason)


def containers():
    shared = [1, 2, 3]
    recursive = {"self": None}
    recursive["self"] = recursive
    defaults = collections.defaultdict(list)
    defaults["a"].append(1)
    bounded = collections.deque([1, 2, 3], maxlen=5)
    return {
        "dict": {"a": 1, 2: "b", (1, 2): None, "shared": [shared, shared]},
        "recursive": recursive,
        "list": list(range(20)) + [1.5, True, None, -1, 2 ** 70, float("inf")],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "sets": [set([1, 2, 3]), frozenset(["a"])],
        "ordered": collections.OrderedDict([("weight", 1.0), ("bias", 0.0)]),
        "defaultdicts": [defaults, collections.defaultdict(int, x=1), collections.defaultdict(dict)],
        "counter": collections.Counter("a honest word"),
        "deques": [bounded, collections.deque("abc")],
    }


def scalars():
    return {
        "bytes": [b"", b"\x00\xff" * 40, bytearray(b"changed in place"), b"x" * 300],
        "text": ["", u"na\u00efve \u2603", "line\nbreak", "x" * 300, "\\backslash 'quote'"],
        "numbers": [0, 1, 255, 256, 65535, 2 ** 31, -2 ** 31, 2 ** 63, 1.5, 1e300, complex(1, -2), True, False],
        "exact": [decimal.Decimal("1.10"), fractions.Fraction(1, 3)],
        "uuid": uuid.UUID(int=7),
        "singletons": [None, Ellipsis, NotImplemented],
        "ranges": [range(3), slice(1, 10, 2)],
        "patterns": [re.compile("a+b"), re.compile(r"\w+", re.IGNORECASE)],
        "types": [int, str, dict, object, len, sorted, collections.OrderedDict],
        "exceptions": [ValueError("bad shape"), KeyError("name"), FileNotFoundError(2, "gone") if sys.version_info[0] > 2 else IOError(2, "gone")],
    }


def times():
    values = {
        "datetimes": [datetime.datetime(2024, 2, 29, 12, 30, 1, 5), datetime.date(2024, 2, 29), datetime.time(1, 2)],
        "timedeltas": [datetime.timedelta(days=1, seconds=2)],
    }
    if sys.version_info[0] > 2:
        two_hours = datetime.timezone(datetime.timedelta(hours=2), "EET")
        values["timezones"] = [datetime.timezone.utc, datetime.datetime(2024, 1, 1, tzinfo=two_hours)]
    return values


def newer():
    """What Python 2.7 does not have."""
    if sys.version_info[0] == 2:
        return {}
    import http
    import ipaddress
    import pathlib
    import types
    values = {
        "paths": [pathlib.PurePosixPath("models/a.bin"), pathlib.PosixPath("x"), pathlib.PureWindowsPath("c:/x")],
        "addresses": [ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8")],
        "enum-members": [http.HTTPStatus.OK, re.IGNORECASE],
        "namespaces": types.SimpleNamespace(lr=0.1, layers=[1, 2]),
        "chain": collections.ChainMap({"a": 1}, {"b": 2}),
        "user-containers": [collections.UserDict(a=1), collections.UserList([1])],
    }
    if sys.version_info >= (3, 9):
        import zoneinfo
        values["zones"] = [zoneinfo.ZoneInfo("UTC"), datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))]
        values["generic-aliases"] = [list[int], dict[str, int]]
    return values


def functions():
    import functools
    import itertools
    import operator
    values = {
        "partial": functools.partial(int, base=2),
        "named-functions": [len, max, operator.add],
        "operators": [operator.itemgetter(1), operator.attrgetter("shape"), operator.methodcaller("strip")],
        "iterators": [iter([1, 2, 3]), reversed([1, 2]), itertools.count(3), enumerate(["a"])],
    }
    return values


def standard(corpus):
    for group in (containers(), scalars(), times(), newer()):
        for name, value in sorted(group.items()):
            pickle_each(corpus, "python", name, value)
    if sys.version_info[:2] >= (3, 8):
        for name, value in sorted(functions().items()):
            worst, reason = "none", ""
            if name == "operators":
                worst, reason = "medium", "operator.attrgetter and methodcaller reach into whatever they are given later"
            pickle_each(corpus, "python", name, value, worst, reason)


def out_of_band(corpus):
    """Protocol 5 with a buffer that stays in band, and concatenated pickles."""
    if sys.version_info < (3, 8):
        return
    data = pickle.dumps([pickle.PickleBuffer(b"readonly" * 20), pickle.PickleBuffer(bytearray(b"writable" * 20))], protocol=5)
    corpus.save("python", "pickle-buffers.p5.pkl", data, "pickle.dump(protocol=5)")
    many = b"".join(pickle.dumps({"step": step}) for step in range(3))
    corpus.save("python", "appended.pkl", many, "pickle.dump three times into one file")
    framed = pickle.dumps([str(i) * 10 for i in range(2500)], protocol=4)
    corpus.save("python", "many-frames.p4.pkl", framed, "pickle.dump(protocol=4), more than one frame")


def persistent(corpus):
    """A pickler with persistent ids, as torch and others have."""
    import io
    for protocol in [0] + LEAST_AND_MOST:
        buffer = io.BytesIO()

        class ById(pickle.Pickler):
            def persistent_id(self, value):
                return "blob-7" if value == "weights" else None

        ById(buffer, protocol).dump({"model": "weights"})
        corpus.save("python", "persistent-id.p%d.pkl" % protocol, buffer.getvalue(), "Pickler.persistent_id, protocol %d" % protocol)


def own_classes(corpus):
    window = records.Window()
    window.start, window.end = 1, 2
    constructed = {
        "own-settings": records.Settings(),
        "own-namedtuple": records.Customer("Ada", 36),
        "own-slots": window,
        "own-dict": records.Vocabulary(a=1),
        "own-list": records.Log([1, 2]),
        "own-dataclass": records.Split and records.Split(),
    }
    for name, value in sorted(constructed.items()):
        if value is not None:
            pickle_each(corpus, "python", name, value, "medium", OWN)
    pickle_each(corpus, "python", "own-function-named", records.clip, "medium", "names a function of the user's project")
    pickle_each(corpus, "python", "own-exception", records.TrainingError("diverged"), "high", OWN_CALLED, LEAST_AND_MOST)
    if records.Plan:
        pickle_each(corpus, "python", "own-enum", records.Plan.PAID, "high", OWN_CALLED, LEAST_AND_MOST)


def everything(corpus):
    if corpus.environment in OF_PYTHON:
        for maker in (standard, out_of_band, persistent, own_classes):
            maker(corpus)


MAKERS = [("python", everything)]
