"""Makes the repository that the local hub serves: one harmless attack and two honest models, by the real tools.

usage: make_repository.py FOLDER
"""

import os
import pickle
import sys
from pathlib import Path

import joblib
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = Path(sys.argv[1])


class Attack:
    """Runs `true` when it is loaded: a real call of a real shell, and harmless."""

    def __reduce__(self):
        return os.system, ("true",)


def safetensors(path):
    """One tensor of two zeros, by the format's own definition (the library would need a framework)."""
    header = b'{"weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))


FOLDER.mkdir(parents=True, exist_ok=True)
(FOLDER / "pytorch_model.bin").write_bytes(pickle.dumps(Attack()))
safetensors(FOLDER / "model.safetensors")
x, y = make_classification(n_samples=60, random_state=0)
joblib.dump(make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=3, random_state=0)).fit(x, y), FOLDER / "model.joblib")
(FOLDER / "README.md").write_text("# demo\n")
