"""Every estimator of scikit-learn, fitted on a handful of rows, and the ways in which people save them."""
import pickle
import warnings

import joblib
import numpy as np
import sklearn.base
import sklearn.ensemble
import sklearn.feature_extraction.text
import sklearn.linear_model
import sklearn.model_selection
import sklearn.neighbors
import sklearn.pipeline
import sklearn.preprocessing
import sklearn.svm
import sklearn.tree

from makers.standard_library import pickle_each

try:
    import sklearn.compose
except ImportError:  # before 0.20
    pass

FRAMEWORK = "scikit-learn"
# Small models: one tree, one component, one iteration, wherever a class has such a parameter.
SMALL = {"n_estimators": 2, "max_depth": 2, "n_components": 2, "max_iter": 20, "n_clusters": 2, "random_state": 7, "hidden_layer_sizes": (3,),
         "max_iter_predict": 2, "n_init": 1, "cv": 2, "n_jobs": None, "n_quantiles": 4, "min_samples": 2, "n_iter_no_change": 2, "n_neighbors": 2,
         "n_subsamples": 8, "max_subpopulation": 8, "n_nonzero_coefs": 1, "degree": 2}


def rows():
    random = np.random.RandomState(7)
    features = np.abs(random.rand(24, 3)) + 0.1
    return features, (features[:, 0] > features[:, 0].mean()).astype(int), features[:, 1] * 2


def all_estimators():
    try:
        from sklearn.utils import all_estimators as listed
        return listed()
    except ImportError:
        from sklearn.utils.testing import all_estimators as listed
        return listed(include_meta_estimators=True, include_other=True) if "include_other" in listed.__code__.co_varnames else listed()


def built(cls):
    """An instance with small parameters; a meta-estimator gets a simple one inside."""
    tree = sklearn.tree.DecisionTreeClassifier(max_depth=2)
    linear = sklearn.linear_model.LogisticRegression()
    inside = sklearn.linear_model.Ridge() if sklearn.base.is_regressor(cls) or "Regress" in cls.__name__ else linear
    given = {"estimator": inside, "base_estimator": inside, "estimators": [("one", inside), ("two", tree if inside is linear else sklearn.linear_model.Lasso())],
             "steps": [("scale", sklearn.preprocessing.StandardScaler()), ("model", linear)], "param_grid": {"C": [1, 2]}, "param_distributions": {"C": [1, 2]},
             "transformers": [("scale", sklearn.preprocessing.StandardScaler(), [0, 1])], "transformer_list": [("scale", sklearn.preprocessing.StandardScaler())],
             "regressor": sklearn.linear_model.Ridge(), "dictionary": np.eye(3)}
    names = required(cls)
    # Optional parameters keep their defaults, which are what most files hold, except where the model would be large.
    return cls(**{name: given[name] for name in names if name in given})


def required(cls):
    import inspect
    if not hasattr(inspect, "signature"):
        spec = inspect.getargspec(cls.__init__)
        return spec.args[1:len(spec.args) - len(spec.defaults or ())]
    return [name for name, parameter in inspect.signature(cls.__init__).parameters.items() if parameter.default is parameter.empty and name != "self"]


def made_small(estimator):
    names = estimator.get_params(deep=False)
    current = {name: value for name, value in SMALL.items() if name in names}
    for name, value in current.items():
        try:
            estimator.set_params(**{name: value})
        except ValueError:
            pass
    return estimator


def fitted(cls):
    """The estimator fitted on the first data that it takes, or as it was built."""
    features, classes, target = rows()
    texts, records = ["a model", "an honest model"] * 12, [{"a": 1}, {"b": 2}] * 12
    attempts = [(features, classes), (features, target), (features, np.column_stack([classes, 1 - classes])), (features, None), (texts, None),
                (records, None), (classes, None), (target, classes), (features > 0.5, classes), ([("a",), ("b",)], None)]
    for small in (True, False):
        for data, labels in attempts:
            estimator = made_small(built(cls)) if small else built(cls)
            try:
                estimator.fit(data) if labels is None else estimator.fit(data, labels)
                return estimator
            except Exception:
                continue
    return built(cls)


def by_package():
    """Fitted estimators by the package of scikit-learn that they belong to."""
    packages = {}
    for name, cls in all_estimators():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                packages.setdefault(cls.__module__.split(".")[1], {})[name] = fitted(cls)
        except Exception:
            continue  # abstract, or in need of something that is not here
    return packages


def every_estimator(corpus):
    for package, estimators in sorted(by_package().items()):
        saved = {}
        for name, estimator in sorted(estimators.items()):
            try:
                pickle.dumps(estimator, protocol=2)
                saved[name] = estimator
            except Exception as error:
                corpus.skip("%s %s" % (FRAMEWORK, name), error)
        for start in range(0, len(saved), 8):
            part = dict(sorted(saved.items())[start:start + 8])
            label = "%s-%d" % (package.strip("_"), start // 8 + 1)
            data = pickle.dumps(part, protocol=2)
            corpus.save(FRAMEWORK, label + ".p2.pkl", data, "pickle.dump(protocol=2) of fitted " + ", ".join(sorted(part)))
            if start == 0:
                corpus.save(FRAMEWORK, label + ".joblib", lambda path, v=part: joblib.dump(v, path), "joblib.dump of fitted " + ", ".join(sorted(part)))


def typical():
    features, classes, target = rows()
    scale = sklearn.preprocessing.StandardScaler()
    steps = [("log", sklearn.preprocessing.FunctionTransformer(np.log1p, validate=False)), ("scale", scale), ("model", sklearn.linear_model.LogisticRegression(solver="liblinear"))]
    pipeline = sklearn.pipeline.Pipeline(steps).fit(features, classes)
    search = sklearn.model_selection.GridSearchCV(sklearn.svm.SVC(gamma=0.5), {"C": [1, 2]}, cv=2).fit(features, classes)
    text = sklearn.pipeline.make_pipeline(sklearn.feature_extraction.text.TfidfVectorizer(), sklearn.linear_model.SGDClassifier(max_iter=5, tol=1e-3))
    columns = sklearn.compose.ColumnTransformer([("scale", scale, [0]), ("keep", "passthrough", [1])]) if hasattr(sklearn, "compose") else scale
    return {
        "pipeline": pipeline,
        "grid-search": search,
        "text-pipeline": text.fit(["good model", "bad exec malware"] * 4, [0, 1] * 4),
        "columns": columns.fit(features),
        "forest": sklearn.ensemble.RandomForestClassifier(n_estimators=2, max_depth=2, random_state=7).fit(features, classes),
        "neighbours": sklearn.neighbors.KNeighborsClassifier().fit(features, classes),
    }


def ways_to_save(corpus):
    for name, model in sorted(typical().items()):
        pickle_each(corpus, FRAMEWORK, name, model)
        corpus.save(FRAMEWORK, name + ".joblib", lambda path, v=model: joblib.dump(v, path), "joblib.dump")
    forest = typical()["forest"]
    for kind in ("zlib", "gzip", "bz2", "xz", "lzma", "lz4"):
        corpus.save(FRAMEWORK, "forest.joblib." + kind, lambda path, k=kind: joblib.dump(forest, path, compress=(k, 3)), "joblib.dump(compress=%r)" % kind)


def joblib_values(corpus):
    """joblib outside of models: raw arrays between opcodes, in all shapes."""
    from makers import numpy_arrays
    for name, value in sorted(numpy_arrays.arrays().items()):
        corpus.save("joblib", name + ".joblib", lambda path, v=value: joblib.dump(v, path), "joblib.dump")
    mixed = {"weights": np.ones((3, 4)), "labels": np.array(["a", None], dtype=object), "nested": [np.arange(5), {"x": np.zeros(0)}]}
    corpus.save("joblib", "mixed.joblib", lambda path: joblib.dump(mixed, path), "joblib.dump")
    corpus.save("joblib", "mixed.joblib.z", lambda path: joblib.dump(mixed, path, compress=9), "joblib.dump(compress=9)")
    for protocol in (0, 2, 3):
        corpus.save("joblib", "mixed.p%d.joblib" % protocol, lambda path, p=protocol: joblib.dump(mixed, path, protocol=p), "joblib.dump(protocol=%d)" % protocol)


def skops_files(corpus):
    import skops.io
    for name, model in sorted(typical().items()):
        corpus.save("skops", name + ".skops", lambda path, v=model: skops.io.dump(v, path), "skops.io.dump")


MAKERS = [(FRAMEWORK, every_estimator), (FRAMEWORK, ways_to_save), ("joblib", joblib_values), ("skops", skops_files)]
