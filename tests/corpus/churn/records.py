"""Plain classes of a user's project."""
import collections

Customer = collections.namedtuple("Customer", "name age")


class Settings(object):
    """Filled attribute by attribute."""

    def __init__(self):
        self.threshold = 0.5
        self.columns = ["age", "plan"]


class Window(object):
    """Keeps its state in slots, and restores it itself."""

    __slots__ = ("start", "end")

    def __getstate__(self):
        return (self.start, self.end)

    def __setstate__(self, state):
        self.start, self.end = state


class Vocabulary(dict):
    """A dictionary with a name."""


class Log(list):
    """A list with a name."""


class TrainingError(Exception):
    """Pickled as a call of its class."""


try:
    import enum

    class Plan(enum.Enum):
        """Pickled as a call of its class."""

        FREE = 1
        PAID = 2
except ImportError:  # Python 2.7
    Plan = None

try:
    import dataclasses

    # Not written as a class: its annotations would be a syntax error in Python 2.7.
    Split = dataclasses.make_dataclass("Split", [("train", float, 0.8), ("test", float, 0.2)])
    Split.__module__ = __name__
except ImportError:  # before Python 3.7
    Split = None


def clip(value):
    """Pickles name a function; they do not carry it."""
    return max(0, min(1, value))
