#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Optima of Huber, quantile and Poisson regressions, and smoothed cross-entropies, from SciPy,
scikit-learn and PyTorch: losses.json beside this script.

    python3 -m pip install numpy scipy scikit-learn torch
    python3 tests/reference/losses.py

Objectives are those of the command: mean loss + l2/2 |B|^2 over coefficients of standardized features,
intercept free. Smooth ones are polished by Newton's method, so that their gradient is below 1e-10.
"""
import csv
import json
import pathlib

import numpy as np
import scipy
import sklearn
import torch
from scipy.optimize import minimize
from sklearn.linear_model import PoissonRegressor, QuantileRegressor
from sklearn.metrics import mean_pinball_loss, mean_poisson_deviance

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent.parent / "data"
FEATURES = ["carat", "depth", "table"]


def diamonds():
    with open(DATA / "diamonds.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    features = np.array([[np.float32(row[name]) for name in FEATURES] for row in rows], dtype=float)
    return features, np.array([float(row["price"]) for row in rows])


def standardized(features):
    mean, scale = features.mean(axis=0), features.std(axis=0)
    return np.hstack([(features - mean) / scale, np.ones((len(features), 1))]), mean, scale


def in_input_units(theta, mean, scale):
    coefficients = theta[:-1] / scale
    return {"coefficients": coefficients.tolist(), "intercept": float(theta[-1] - coefficients @ mean)}


def huber(features, target, delta, l2):
    """SciPy's minimiser, then Newton on the piecewise quadratic, which ends exactly."""
    design, mean, scale = standardized(features)
    n = len(target)
    ridge = np.append(np.full(design.shape[1] - 1, l2), 0.0)

    def value(theta):
        cut = np.clip(design @ theta - target, -delta, delta)
        error = design @ theta - target
        loss = (cut * (error - cut / 2)).mean() + 0.5 * (ridge * theta**2).sum()
        return loss, design.T @ cut / n + ridge * theta

    start = np.linalg.lstsq(design, target, rcond=None)[0]
    theta = minimize(value, start, jac=True, method="L-BFGS-B",
                     options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-8}).x
    for _ in range(50):
        gradient = value(theta)[1]
        inside = np.abs(design @ theta - target) <= delta
        hessian = design[inside].T @ design[inside] / n + np.diag(ridge)
        theta = theta - np.linalg.solve(hessian, gradient)
    assert np.abs(value(theta)[1]).max() < 1e-9 * delta, np.abs(value(theta)[1]).max()
    return {"delta": delta, "l2": l2, "objective": float(value(theta)[0]), **in_input_units(theta, mean, scale)}


def quantile(features, target, level):
    design, mean, scale = standardized(features)
    solver = QuantileRegressor(quantile=level, alpha=0, solver="highs").fit(design[:, :-1], target)
    theta = np.append(solver.coef_, solver.intercept_)
    loss = mean_pinball_loss(target, design @ theta, alpha=level)
    return {"level": level, "objective": float(loss), **in_input_units(theta, mean, scale)}


def poisson(features, target, l2):
    """PoissonRegressor minimises half the mean deviance + alpha/2 |B|^2."""
    design, mean, scale = standardized(features)
    n = len(target)
    solver = PoissonRegressor(alpha=l2, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    solver.fit(design[:, :-1], target)
    theta = np.append(solver.coef_, solver.intercept_)
    ridge = np.append(np.full(design.shape[1] - 1, l2), 0.0)
    for _ in range(20):
        mu = np.exp(design @ theta)
        gradient = design.T @ (mu - target) / n + ridge * theta
        theta = theta - np.linalg.solve(design.T @ (design * mu[:, None]) / n + np.diag(ridge), gradient)
    assert np.abs(gradient).max() < 1e-9 * target.mean(), np.abs(gradient).max()
    deviance = mean_poisson_deviance(target, np.exp(design @ theta))
    return {"l2": l2, "poisson_deviance": float(deviance),
            "objective": float(deviance / 2 + 0.5 * (ridge * theta**2).sum()),
            **in_input_units(theta, mean, scale)}


def cross_entropies():
    scores = [[0.5, -1.25, 2.0, 0.0], [30.0, -2.0, 1.0, 4.0], [-7.5, 0.25, 0.25, 3.0]]
    labels = [2, 1, 0]
    cases = []
    for smoothing in (0.0, 0.1, 0.75):
        logits = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
        losses = torch.nn.functional.cross_entropy(
            logits, torch.tensor(labels), label_smoothing=smoothing, reduction="none")
        losses.sum().backward()
        cases.append({"smoothing": smoothing, "losses": losses.tolist(), "gradients": logits.grad.tolist()})
    return {"scores": scores, "labels": labels, "cases": cases}


def main():
    features, price = diamonds()
    iris = [row.split(",") for row in (DATA / "iris.csv").read_text().splitlines()[1:]]
    measures = np.array([[np.float32(x) for x in row[:3]] for row in iris], dtype=float)
    width = np.array([float(row[3]) for row in iris])
    reference = {
        "made_by": f"SciPy {scipy.__version__}, scikit-learn {sklearn.__version__}, "
                   f"PyTorch {torch.__version__.split('+')[0]}",
        "features": FEATURES,
        "diamonds_huber": [huber(features, price, delta, l2)
                           for delta, l2 in ((500.0, 0.0), (50.0, 0.0), (500.0, 0.05))],
        # Every tenth row: HiGHS takes minutes for all of them.
        "diamonds_quantile": [quantile(features[::10], price[::10], level) for level in (0.1, 0.5, 0.95)],
        "diamonds_poisson": [poisson(features, price, l2) for l2 in (0.0, 10.0)],
        "iris_quantile": [quantile(measures, width, level) for level in (0.05, 0.5, 0.8)],
        "cross_entropy": cross_entropies(),
    }
    (HERE / "losses.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
