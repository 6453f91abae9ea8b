"""Logs a scikit-learn model and an artifact with the real MLflow, as a training script would, and prints the run's id.

usage: log_run.py FOLDER ARTIFACT
"""

import os
import sys

import mlflow
import mlflow.sklearn
from sklearn.linear_model import LogisticRegression

folder, artifact = sys.argv[1:]
os.chdir(folder)
mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
mlflow.set_experiment("demo")
model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
with mlflow.start_run() as run:
    mlflow.log_artifact(artifact)
    mlflow.sklearn.log_model(model, name="model", serialization_format="pickle")
print(run.info.run_id)
