"""Objects of scipy that people keep in models: sparse matrices, distributions, interpolators, trees."""
import numpy as np
import scipy.interpolate
import scipy.optimize
import scipy.signal
import scipy.sparse
import scipy.spatial
import scipy.stats

from makers.standard_library import pickle_each

FRAMEWORK = "scipy"


def sparse_matrices():
    dense = np.array([[0, 1.0], [2.0, 0]])
    matrices = {kind: getattr(scipy.sparse, kind + "_matrix")(dense) for kind in ("csr", "csc", "coo", "lil", "dok", "dia", "bsr")}
    if hasattr(scipy.sparse, "csr_array"):
        matrices.update({kind + "-array": getattr(scipy.sparse, kind + "_array")(dense) for kind in ("csr", "csc", "coo")})
    return matrices


def distributions():
    return {
        "frozen-distributions": [scipy.stats.norm(0, 1), scipy.stats.uniform(0, 2), scipy.stats.randint(1, 5), scipy.stats.expon(scale=2)],
        "kernel-density": scipy.stats.gaussian_kde(np.arange(6.0)),
        "rotation": scipy.spatial.transform.Rotation.from_euler("z", 90, degrees=True) if hasattr(scipy.spatial, "transform") else None,
        "regression-result": scipy.stats.linregress([1, 2, 3], [1, 2, 4]),
        "test-result": scipy.stats.ttest_ind([1, 2, 3, 4], [2, 3, 4, 6]),
    }


def interpolators():
    x, y = np.arange(6.0), np.arange(6.0) ** 2
    return {
        "interp1d": scipy.interpolate.interp1d(x, y),
        "splines": [scipy.interpolate.CubicSpline(x, y), scipy.interpolate.UnivariateSpline(x, y), scipy.interpolate.PchipInterpolator(x, y)],
        "grid": scipy.interpolate.RegularGridInterpolator((x, x), np.outer(y, y)),
        "tree": scipy.spatial.cKDTree(np.arange(8.0).reshape(4, 2)),
        "optimum": scipy.optimize.minimize(np.cosh, 0.5, method="Nelder-Mead", options={"maxiter": 3}),
        "filter": scipy.signal.butter(2, 0.1),
    }


def pickled(corpus):
    for group in (sparse_matrices, distributions, interpolators):
        for name, value in sorted(group().items()):
            if value is not None:
                pickle_each(corpus, FRAMEWORK, name, value, protocols=[None])


def npz(corpus):
    matrix = scipy.sparse.csr_matrix(np.eye(3))
    corpus.save(FRAMEWORK, "sparse.npz", lambda path: scipy.sparse.save_npz(path, matrix), "scipy.sparse.save_npz")


MAKERS = [(FRAMEWORK, pickled), (FRAMEWORK, npz)]
