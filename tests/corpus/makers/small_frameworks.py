"""Smaller frameworks around scikit-learn: imbalanced-learn, category_encoders, umap, hdbscan, mlxtend, surprise, pyod, ..."""
import numpy as np

from makers.statistics import run


def rows():
    random = np.random.RandomState(7)
    features = random.rand(40, 3)
    return features, (np.arange(40) % 4 == 0).astype(int)


def imbalanced_learn(corpus):
    import imblearn.combine
    import imblearn.ensemble
    import imblearn.over_sampling
    import imblearn.pipeline
    import imblearn.under_sampling
    from sklearn.tree import DecisionTreeClassifier
    features, classes = rows()
    samplers = {name: getattr(imblearn.over_sampling, name) for name in ("SMOTE", "ADASYN", "RandomOverSampler", "BorderlineSMOTE")}
    samplers.update({name: getattr(imblearn.under_sampling, name) for name in ("RandomUnderSampler", "NearMiss", "TomekLinks")})
    samplers["SMOTEENN"] = imblearn.combine.SMOTEENN
    makers = {name.lower(): lambda c=cls: c().fit(features, classes) for name, cls in samplers.items()}
    makers["pipeline"] = lambda: imblearn.pipeline.make_pipeline(imblearn.over_sampling.SMOTE(random_state=7), DecisionTreeClassifier(max_depth=2)).fit(features, classes)
    makers["forest"] = lambda: imblearn.ensemble.BalancedRandomForestClassifier(n_estimators=2, max_depth=2, random_state=7).fit(features, classes)
    makers["bagging"] = lambda: imblearn.ensemble.BalancedBaggingClassifier(n_estimators=2, random_state=7).fit(features, classes)
    run(corpus, "imbalanced-learn", makers)


def category_encoders(corpus):
    import category_encoders as ce
    import pandas as pd
    frame = pd.DataFrame({"plan": ["free", "paid", "none"] * 6, "age": range(18)})
    target = np.arange(18) % 2
    names = [name for name in ce.__all__ if name.endswith("Encoder")]
    run(corpus, "category-encoders", {name.lower(): lambda n=name: getattr(ce, n)(cols=["plan"]).fit(frame, target) for name in names})


def umap_learn(corpus):
    import umap
    features, _ = rows()
    run(corpus, "umap-learn", {"umap": lambda: umap.UMAP(n_neighbors=3, n_epochs=2, random_state=7, n_jobs=1).fit(features)},
        "medium", "pynndescent's compiled search functions are pickled by numba with their bytecode")


def hdbscan(corpus):
    import hdbscan as hd
    features, _ = rows()
    run(corpus, "hdbscan", {"hdbscan": lambda: hd.HDBSCAN(min_cluster_size=3).fit(features),
                            "hdbscan-prediction": lambda: hd.HDBSCAN(min_cluster_size=3, prediction_data=True).fit(features)})


def mlxtend(corpus):
    import mlxtend.classifier
    import mlxtend.feature_selection
    import mlxtend.frequent_patterns
    import mlxtend.preprocessing
    from sklearn.linear_model import LogisticRegression
    features, classes = rows()
    run(corpus, "mlxtend", {
        "stacking": lambda: mlxtend.classifier.StackingClassifier([LogisticRegression()], LogisticRegression()).fit(features, classes),
        "vote": lambda: mlxtend.classifier.EnsembleVoteClassifier([LogisticRegression()]).fit(features, classes),
        "perceptron": lambda: mlxtend.classifier.Perceptron(epochs=2, random_seed=7).fit(features, classes),
        "selector": lambda: mlxtend.feature_selection.SequentialFeatureSelector(LogisticRegression(), k_features=1, cv=2).fit(features, classes),
        "transactions": lambda: mlxtend.preprocessing.TransactionEncoder().fit([["a", "b"], ["b"]]),
    })


def scikit_surprise(corpus):
    import pandas as pd
    import surprise
    frame = pd.DataFrame({"u": [1, 1, 2, 3], "i": [1, 2, 1, 2], "r": [3, 4, 5, 1]})
    data = surprise.Dataset.load_from_df(frame, surprise.Reader(rating_scale=(1, 5))).build_full_trainset()
    run(corpus, "scikit-surprise", {name.lower(): lambda n=name: getattr(surprise, n)().fit(data) for name in ("SVD", "KNNBasic", "BaselineOnly", "NMF", "SlopeOne", "CoClustering", "NormalPredictor")})


def implicit(corpus):
    import implicit as im
    import scipy.sparse
    ratings = scipy.sparse.csr_matrix(np.eye(4, dtype="f4"))
    run(corpus, "implicit", {
        "als": lambda: fit(im.als.AlternatingLeastSquares(factors=2, iterations=1, random_state=7, num_threads=1), ratings),
        "bpr": lambda: fit(im.bpr.BayesianPersonalizedRanking(factors=2, iterations=1, random_state=7, num_threads=1), ratings),
        "nearest": lambda: fit(im.nearest_neighbours.CosineRecommender(), ratings),
    })


def fit(model, *arguments):
    model.fit(*arguments)
    return model


def lightfm(corpus):
    import lightfm as lf
    import scipy.sparse
    run(corpus, "lightfm", {"lightfm": lambda: lf.LightFM(no_components=2, random_state=7).fit(scipy.sparse.coo_matrix(np.eye(4, dtype="f4")), num_threads=1)})


def pyod(corpus):
    from pyod.models.abod import ABOD
    from pyod.models.hbos import HBOS
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN
    from pyod.models.pca import PCA
    features, _ = rows()
    run(corpus, "pyod", {cls.__name__.lower(): lambda c=cls: fit(c(n_estimators=2) if c is IForest else c(), features) for cls in (ABOD, HBOS, IForest, KNN, PCA)})


MAKERS = [("imbalanced-learn", imbalanced_learn), ("category-encoders", category_encoders), ("umap-learn", umap_learn), ("hdbscan", hdbscan),
          ("mlxtend", mlxtend), ("scikit-surprise", scikit_surprise), ("implicit", implicit), ("lightfm", lightfm), ("pyod", pyod)]
