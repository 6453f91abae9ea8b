"""Loads honest models with the tools that made them: what the guard leaves alone must still work.

usage: load.py FILE...
"""

import sys
from pathlib import Path

import joblib

for path in map(Path, sys.argv[1:]):
    if path.suffix == ".safetensors":
        data = path.read_bytes()
        assert int.from_bytes(data[:8], "little") + 8 + 8 == len(data)
    else:
        joblib.load(path).predict
    print(f"{path.name} loads")
