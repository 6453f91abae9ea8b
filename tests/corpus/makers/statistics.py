"""Statistical models: statsmodels, lifelines, hmmlearn, pmdarima, prophet."""
import numpy as np

from makers.standard_library import pickle_each


def series(count=40):
    random = np.random.RandomState(7)
    return np.cumsum(random.rand(count)) + random.rand(count)


def statsmodels(corpus):
    import pandas as pd
    import statsmodels.api as sm
    import statsmodels.formula.api as smf
    import statsmodels.tsa.api as tsa
    y, x = series(), np.column_stack([np.ones(40), np.arange(40.0)])
    frame = pd.DataFrame({"y": y, "x": x[:, 1], "group": ["a", "b"] * 20})
    count = np.arange(40) % 5
    makers = {
        "ols": lambda: sm.OLS(y, x).fit(),
        "ols-formula": lambda: smf.ols("y ~ x + C(group)", frame).fit(),
        "wls": lambda: sm.WLS(y, x).fit(),
        "glm-poisson": lambda: sm.GLM(count, x, family=sm.families.Poisson()).fit(),
        "glm-formula": lambda: smf.glm("y ~ np.log(x + 1)", frame).fit(),
        "logit": lambda: sm.Logit((y > y.mean()).astype(float), np.column_stack([np.ones(40), np.sin(np.arange(40.0))])).fit(disp=0),
        "quantreg": lambda: smf.quantreg("y ~ x", frame).fit(),
        "mixed": lambda: smf.mixedlm("y ~ x", frame, groups=frame["group"]).fit(),
        "rlm": lambda: sm.RLM(y, x).fit(),
        "arima": lambda: tsa.ARIMA(y, order=(1, 0, 0)).fit(),
        "sarimax": lambda: sm.tsa.SARIMAX(y, order=(1, 0, 0)).fit(disp=0),
        "exponential-smoothing": lambda: tsa.ExponentialSmoothing(y, trend="add").fit(),
        "var": lambda: tsa.VAR(np.column_stack([y, np.random.RandomState(1).rand(40)])).fit(1),
        "lowess-kde": lambda: sm.nonparametric.KDEUnivariate(y),
    }
    run(corpus, "statsmodels", makers)

    def with_save(path):
        makers["ols"]().save(path)

    corpus.save("statsmodels", "ols-save.pickle", with_save, "RegressionResults.save")
    corpus.save("statsmodels", "ols-save-small.pickle", lambda path: makers["ols"]().save(path, remove_data=True), "RegressionResults.save(remove_data=True)")


def run(corpus, framework, makers, worst="none", reason=""):
    for name, maker in sorted(makers.items()):
        try:
            value = maker()
        except Exception as error:
            corpus.skip("%s %s" % (framework, name), error)
            continue
        pickle_each(corpus, framework, name, value, worst, reason, [None])


def lifelines(corpus):
    import lifelines as ll
    import pandas as pd
    frame = pd.DataFrame({"T": np.arange(1.0, 21), "E": [1, 0] * 10, "x": np.random.RandomState(7).rand(20)})
    run(corpus, "lifelines", {
        "kaplan-meier": lambda: ll.KaplanMeierFitter().fit(frame["T"], frame["E"]),
        "nelson-aalen": lambda: ll.NelsonAalenFitter().fit(frame["T"], frame["E"]),
        "cox": lambda: ll.CoxPHFitter(penalizer=0.1).fit(frame, "T", "E"),
        "weibull": lambda: ll.WeibullFitter().fit(frame["T"], frame["E"]),
        "weibull-aft": lambda: ll.WeibullAFTFitter(penalizer=0.1).fit(frame, "T", "E"),
    })


def hmmlearn(corpus):
    from hmmlearn import hmm
    data = series().reshape(-1, 1)
    run(corpus, "hmmlearn", {
        "gaussian": lambda: hmm.GaussianHMM(2, n_iter=2, random_state=7).fit(data),
        "mixture": lambda: hmm.GMMHMM(2, n_iter=2, random_state=7).fit(data),
        "categorical": lambda: hmm.CategoricalHMM(2, n_iter=2, random_state=7).fit((data > data.mean()).astype(int)),
    })


def pmdarima(corpus):
    import pmdarima
    import pmdarima.pipeline
    import pmdarima.preprocessing
    run(corpus, "pmdarima", {
        "arima": lambda: pmdarima.ARIMA((1, 0, 0)).fit(series()),
        "pipeline": lambda: pmdarima.pipeline.Pipeline([("box-cox", pmdarima.preprocessing.BoxCoxEndogTransformer()), ("arima", pmdarima.ARIMA((1, 0, 0)))]).fit(series()),
    })


def prophet(corpus):
    import pandas as pd
    import prophet as ph
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=30), "y": series(30)})
    run(corpus, "prophet", {
        "fitted": lambda: ph.Prophet(n_changepoints=2, uncertainty_samples=2).fit(frame),
        "unfitted": lambda: ph.Prophet(),
    })


def sktime(corpus):
    import pandas as pd
    from sktime.forecasting.compose import make_reduction
    from sktime.forecasting.naive import NaiveForecaster
    from sktime.forecasting.theta import ThetaForecaster
    from sktime.transformations.series.detrend import Detrender
    from sklearn.linear_model import Ridge
    y = pd.Series(series(), index=pd.period_range("2020-01", periods=40, freq="M"))
    run(corpus, "sktime", {
        "naive": lambda: NaiveForecaster("last").fit(y, fh=[1, 2]),
        "theta": lambda: ThetaForecaster().fit(y),
        "reduction": lambda: make_reduction(Ridge(), window_length=3).fit(y, fh=[1]),
        "detrended": lambda: Detrender().fit(y),
    })


MAKERS = [("statsmodels", statsmodels), ("lifelines", lifelines), ("hmmlearn", hmmlearn), ("pmdarima", pmdarima), ("prophet", prophet), ("sktime", sktime)]
