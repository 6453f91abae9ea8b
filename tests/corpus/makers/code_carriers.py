"""Files that carry code honestly: cloudpickle and dill with lambdas, functions and classes of the user's own, mlflow."""
import os
import shutil
import tempfile

import numpy as np

from churn import steps

CARRIES_CODE = "carries harmless bytecode of the user's functions"


def in_script():
    """The user's functions as a script or a notebook has them: defined in `__main__`, which no other process can import."""
    import __main__
    with open(steps.__file__.replace(".pyc", ".py")) as file:
        exec(compile(file.read(), "script.py", "exec"), __main__.__dict__)
    found = dict(__main__.functions())
    found.update(__main__.classes())
    return {"script-" + name: value for name, value in found.items()}


def with_framework():
    found = {"module-function": os.path.basename, "array": np.arange(3)}
    try:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, StandardScaler
        found["sklearn-lambda"] = make_pipeline(FunctionTransformer(lambda x: x * 2), StandardScaler()).fit(np.ones((3, 2)))
    except ImportError:
        pass
    return found


def cloudpickle(corpus):
    import cloudpickle as cp
    for group in (steps.functions(), steps.classes(), in_script(), with_framework()):
        for name, value in sorted(group.items()):
            carries = name not in ("array", "module-function")
            corpus.save("cloudpickle", name + ".pkl", lambda path: write(path, cp.dumps(value)), "cloudpickle.dump", "medium" if carries else "none", CARRIES_CODE if carries else "")
    corpus.save("cloudpickle", "lambda.p4.pkl", lambda path: write(path, cp.dumps(steps.functions()["lambda"], protocol=4)), "cloudpickle.dump(protocol=4)", "medium", CARRIES_CODE)


def dill(corpus):
    import dill as dl
    for group in (steps.functions(), steps.classes(), in_script(), with_framework()):
        for name, value in sorted(group.items()):
            carries = name not in ("array", "module-function")
            corpus.save("dill", name + ".pkl", lambda path: write(path, dl.dumps(value)), "dill.dump", "medium" if carries else "none", CARRIES_CODE if carries else "")
    corpus.save("dill", "recurse.pkl", lambda path: write(path, dl.dumps(steps.functions()["closure"], recurse=True)), "dill.dump(recurse=True)", "medium", CARRIES_CODE)
    corpus.save("dill", "types.pkl", lambda path: write(path, dl.dumps([type(None), type(Ellipsis), int, property, slice(1, 2)])), "dill.dump")


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def mlflow(corpus):
    import mlflow.pyfunc
    import mlflow.sklearn
    from sklearn.linear_model import LogisticRegression

    class Doubles(mlflow.pyfunc.PythonModel):
        """A python model defined in a notebook: pickled by value."""

        def predict(self, context, model_input, params=None):
            return [2 * x for x in model_input]

    work = tempfile.mkdtemp()
    try:
        mlflow.pyfunc.save_model(os.path.join(work, "own"), python_model=Doubles(), pip_requirements=[])
        corpus.save("mlflow", "python_model.pkl", lambda path: shutil.copy(os.path.join(work, "own", "python_model.pkl"), path), "mlflow.pyfunc.save_model", "medium", CARRIES_CODE)
        model = LogisticRegression().fit(np.arange(6).reshape(3, 2), [0, 1, 1])
        for form in ("cloudpickle", "pickle"):
            mlflow.sklearn.save_model(model, os.path.join(work, form), serialization_format=form, pip_requirements=[])
            corpus.save("mlflow", "sklearn-%s.pkl" % form, lambda path: shutil.copy(os.path.join(work, form, "model.pkl"), path), "mlflow.sklearn.save_model(serialization_format=%r)" % form)
    finally:
        shutil.rmtree(work)


MAKERS = [("cloudpickle", cloudpickle), ("dill", dill), ("mlflow", mlflow)]
