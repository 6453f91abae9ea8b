"""Functions and a class of a user's script, of the kind that only cloudpickle and dill can save."""
import functools

import numpy as np

# What a function reads as a global.
SCALE = 3


def functions():
    """Lambdas, closures, a generator, a recursive function."""
    offset = 2

    def scale(x, by=SCALE):
        """Closes over a local and reads a global."""
        return np.log1p(x) * by + offset + SCALE

    def recursive(n):
        return 1 if n < 2 else n * recursive(n - 1)

    def generator(n):
        for i in range(n):
            try:
                yield i ** 2
            except GeneratorExit:
                return

    return {
        "lambda": lambda x: x + 1,
        "closure": scale,
        "recursive": recursive,
        "generator": generator,
        "partial": functools.partial(scale, by=4),
        "comprehension": lambda xs: {x: [y for y in xs] for x in xs if x},
    }


def classes():
    """A class without a name to import it by, and an instance of it."""
    class Model(object):
        """A class that is pickled by value."""

        threshold = 0.5

        def __init__(self):
            self.weights = np.ones(3)

        @property
        def size(self):
            return len(self.weights)

        @staticmethod
        def clip(x):
            return max(0, min(1, x))

        def predict(self, x):
            return x.dot(self.weights) > self.threshold

    return {"class": Model, "instance": Model()}
