"""Gradient boosting: XGBoost, LightGBM and CatBoost, as pickles, joblib files and in their own formats."""
import joblib
import numpy as np

from makers.standard_library import pickle_each


def rows():
    random = np.random.RandomState(7)
    features = random.rand(30, 3)
    return features, (features[:, 0] > 0.5).astype(int), features[:, 1]


def saved(corpus, framework, models):
    for name, model in sorted(models.items()):
        pickle_each(corpus, framework, name, model, protocols=[None])
        corpus.save(framework, name + ".joblib", lambda path, v=model: joblib.dump(v, path), "joblib.dump")


def xgboost(corpus):
    import xgboost as xgb
    features, classes, target = rows()
    small = {"n_estimators": 2, "max_depth": 2, "n_jobs": 1}
    booster = xgb.train({"max_depth": 2, "nthread": 1}, xgb.DMatrix(features, label=target), 2)
    saved(corpus, "xgboost", {
        "classifier": xgb.XGBClassifier(**small).fit(features, classes),
        "regressor": xgb.XGBRegressor(**small).fit(features, target),
        "ranker": xgb.XGBRanker(**small).fit(features, classes, group=[15, 15]),
        "forest": xgb.XGBRFClassifier(**small).fit(features, classes),
        "booster": booster,
    })
    for suffix in ("json", "ubj", "deprecated", "model"):
        corpus.save("xgboost", "booster." + suffix, lambda path: booster.save_model(path), "Booster.save_model")


def lightgbm(corpus):
    import lightgbm as lgb
    features, classes, target = rows()
    small = {"n_estimators": 2, "num_leaves": 3, "min_child_samples": 2, "n_jobs": 1, "verbose": -1}
    classifier = lgb.LGBMClassifier(**small).fit(features, classes)
    saved(corpus, "lightgbm", {
        "classifier": classifier,
        "regressor": lgb.LGBMRegressor(**small).fit(features, target),
        "ranker": lgb.LGBMRanker(**small).fit(features, classes, group=[15, 15]),
        "booster": classifier.booster_,
    })
    corpus.save("lightgbm", "booster.txt", lambda path: classifier.booster_.save_model(path), "Booster.save_model")


def catboost(corpus):
    import catboost as cat
    features, classes, target = rows()
    small = {"iterations": 2, "depth": 2, "thread_count": 1, "verbose": False, "allow_writing_files": False, "random_seed": 7}
    classifier = cat.CatBoostClassifier(**small).fit(features, classes)
    saved(corpus, "catboost", {
        "classifier": classifier,
        "regressor": cat.CatBoostRegressor(**small).fit(features, target),
        "plain": cat.CatBoost(small).fit(features, target),
    })
    corpus.save("catboost", "classifier.cbm", lambda path: classifier.save_model(path), "save_model")
    corpus.save("catboost", "classifier.json", lambda path: classifier.save_model(path, format="json"), "save_model(format='json')")


MAKERS = [("xgboost", xgboost), ("lightgbm", lightgbm), ("catboost", catboost)]
