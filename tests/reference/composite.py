#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Optima with an l1 penalty or a constraint, from scikit-learn and SciPy: composite.json beside this script.

    python3 -m pip install numpy scipy scikit-learn
    python3 tests/reference/composite.py

Objectives are those of the command. Penalties are on coefficients of standardized features, constraints on
coefficients in the units of the input; intercepts are free. Features are rounded to float32 first, as the
command holds them.
"""
import json
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy.optimize import lsq_linear, minimize, nnls
from sklearn.linear_model import ElasticNet, LogisticRegression

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent.parent / "data"
warnings.filterwarnings("ignore", category=FutureWarning)


def read(name):
    rows = [line.split(",") for line in (DATA / name).read_text().splitlines()]
    return rows[0], rows[1:]


def rounded(values):
    return np.array(values, dtype=np.float64).astype(np.float32).astype(np.float64)


def iris():
    _, rows = read("iris.csv")
    values = np.array([[float(x) for x in row[:4]] for row in rows])
    names = sorted({row[4] for row in rows})
    return values, np.array([names.index(row[4]) for row in rows])


def standardized(x):
    return (x - x.mean(0)) / x.std(0)


def elastic_net(x, y, l1, l2):
    z = standardized(x)
    model = ElasticNet(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2), tol=1e-15, max_iter=10**7).fit(z, y)
    residual = y - model.predict(z)
    b = model.coef_
    objective = residual @ residual / (2 * len(y)) + l2 / 2 * b @ b + l1 * np.abs(b).sum()
    coefficients = b / x.std(0)
    return {"l1": l1, "l2": l2, "coefficients": coefficients.tolist(), "objective": objective,
            "intercept": float(y.mean() - x.mean(0) @ coefficients)}


def softmax_l1(x, labels, l1, classes):
    z = standardized(x)
    model = LogisticRegression(penalty="l1", solver="saga", C=1 / (len(labels) * l1), tol=1e-13,
                               max_iter=10**6).fit(z, labels)
    scores = model.decision_function(z)
    if classes == 2:
        scores = np.c_[np.zeros(len(z)), scores]
    loss = np.log(np.exp(scores).sum(1)) - scores[np.arange(len(z)), labels]
    b = model.coef_
    return {"l1": l1, "coefficients": (b / x.std(0)).tolist(),
            "objective": float(loss.mean() + l1 * np.abs(b).sum())}


def constrained(x, y, kind, low=None, high=None):
    a, target = x - x.mean(0), y - y.mean()
    if kind == "nonnegative":
        b, _ = nnls(a, target, maxiter=10**5)
    elif kind == "box":
        b = lsq_linear(a, target, (low, high), tol=1e-15, method="bvls").x
    else:
        scale = len(y)
        d = x.shape[1]
        found = minimize(lambda b: (target - a @ b) @ (target - a @ b) / (2 * scale), np.full(d, 1 / d),
                         jac=lambda b: -a.T @ (target - a @ b) / scale, method="SLSQP",
                         bounds=[(0, None)] * d, options={"ftol": 1e-16, "maxiter": 10000},
                         constraints={"type": "eq", "fun": lambda b: b.sum() - 1,
                                      "jac": lambda b: np.ones(d)})
        b = found.x
    residual = target - a @ b
    name = kind if kind != "box" else f"box:{low:g}:{high:g}"
    return {"constraint": name, "coefficients": b.tolist(),
            "intercept": float(y.mean() - x.mean(0) @ b),
            "objective": float(residual @ residual / (2 * len(y)))}


def main():
    values, labels = iris()
    x, y = rounded(values[:, :3]), values[:, 3]
    two = labels > 0
    found = {
        "made_by": f"scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}",
        "elastic_net": [elastic_net(x, y, l1, l2)
                        for l1, l2 in ((0.05, 0.0), (0.3, 0.0), (0.02, 0.1), (0.9, 0.0))],
        "softmax_l1": [softmax_l1(rounded(values), labels, l1, 3) for l1 in (0.02, 0.1)],
        "logistic_l1": [softmax_l1(rounded(values[two]), labels[two] - 1, l1, 2)
                        for l1 in (0.02, 0.1)],
        "constrained": [constrained(x, y, "nonnegative"), constrained(x, y, "box", -0.1, 0.3),
                        constrained(x, y, "simplex")],
    }
    (HERE / "composite.json").write_text(json.dumps(found, indent=1) + "\n")


main()
