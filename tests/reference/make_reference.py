#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reference answers from scikit-learn and NumPy, committed as reference.json beside this script.

    python3 -m pip install numpy scikit-learn
    python3 tests/reference/make_reference.py

Objectives are those of the command: mean loss + l2/2 |B|^2 over coefficients of standardized features,
intercept free. Every optimum is polished by Newton's method in float64 until its gradient is below
1e-12, so scikit-learn only has to come near.
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error, r2_score

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent.parent / "data"


def read_iris():
    lines = (DATA / "iris.csv").read_text().splitlines()[1:]
    rows = [line.split(",") for line in lines]
    features = np.array([[float(x) for x in row[:4]] for row in rows])
    names = sorted({row[4] for row in rows})
    return features, np.array([names.index(row[4]) for row in rows]), names


def polish_softmax(z, labels, classes, l2, weights, start):
    """Newton on the softmax objective; z is (n, d) standardized, start (C, d + 1)."""
    n = len(z)
    design = np.hstack([z, np.ones((n, 1))])
    width = design.shape[1]
    share = weights / weights.sum()
    ridge = np.append(np.full(width - 1, l2), 0.0)
    onehot = np.eye(classes)[labels]
    theta = start.copy()

    def evaluate(theta):
        scores = design @ theta.T
        scores = scores - scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        p = np.exp(logs)
        loss = -(share * logs[np.arange(n), labels]).sum()
        gradient = ((p - onehot) * share[:, None]).T @ design + ridge * theta
        return loss, loss + 0.5 * (ridge * theta**2).sum(), gradient, p

    for _ in range(50):
        _, _, gradient, p = evaluate(theta)
        hessian = np.zeros((classes * width, classes * width))
        for a in range(classes):
            for b in range(classes):
                curve = share * p[:, a] * ((a == b) - p[:, b])
                hessian[a * width:(a + 1) * width, b * width:(b + 1) * width] = \
                    design.T @ (design * curve[:, None])
        hessian += np.diag(np.tile(ridge, classes))
        theta = theta - (np.linalg.pinv(hessian, rcond=1e-13) @ gradient.ravel()).reshape(theta.shape)
        if np.abs(gradient).max() < 1e-13:
            break
    loss, objective, gradient, p = evaluate(theta)
    assert np.abs(gradient).max() < 1e-12, np.abs(gradient).max()
    return theta, loss, objective, p


def softmax_case(features, labels, names, l2, weights=None):
    weights = np.ones(len(labels)) if weights is None else weights
    mean = np.average(features, axis=0, weights=weights)
    scale = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
    z = (features - mean) / scale
    solver = LogisticRegression(C=1.0 / (l2 * weights.sum()), tol=1e-10, max_iter=10000)
    solver.fit(z, labels, sample_weight=weights)
    classes = len(names)
    start = np.hstack([solver.coef_, solver.intercept_[:, None]])
    if classes == 2:
        start = np.vstack([-start / 2, start / 2])
    theta, loss, objective, p = polish_softmax(z, labels, classes, l2, weights, start)
    coefficients = theta[:, :-1] / scale
    intercept = theta[:, -1] - coefficients @ mean
    top = p.max(axis=1)
    right = (p.argmax(axis=1) == labels).astype(float)
    bins = np.clip(np.ceil(top * 15).astype(int) - 1, 0, 14)
    share = weights / weights.sum()
    ece = sum(abs((share * (right - top))[bins == b].sum()) for b in range(15))
    return {
        "l2": l2, "classes": names, "objective": objective, "mean_loss": loss,
        "coefficients": coefficients.tolist(), "intercept": (intercept - intercept.mean()).tolist(),
        "log_loss": log_loss(labels, p, sample_weight=weights),
        "accuracy": float((share * right).sum()), "ece": float(ece),
        "brier": float((share * ((p - np.eye(classes)[labels]) ** 2).sum(axis=1)).sum()),
    }


def logistic_case(features, labels, l2):
    """One score: log(1 + exp(-y z)) + l2/2 |b|^2, by Newton."""
    mean, scale = features.mean(axis=0), features.std(axis=0)
    design = np.hstack([(features - mean) / scale, np.ones((len(labels), 1))])
    n, width = design.shape
    ridge = np.append(np.full(width - 1, l2), 0.0)
    theta = np.zeros(width)
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-design @ theta))
        gradient = design.T @ (p - labels) / n + ridge * theta
        hessian = design.T @ (design * (p * (1 - p))[:, None]) / n + np.diag(ridge)
        theta -= np.linalg.solve(hessian, gradient)
    assert np.abs(gradient).max() < 1e-13
    loss = np.logaddexp(0.0, -(2 * labels - 1) * (design @ theta)).mean()
    coefficients = theta[:-1] / scale
    return {"l2": l2, "mean_loss": loss, "objective": loss + 0.5 * (ridge * theta**2).sum(),
            "coefficients": coefficients.tolist(), "intercept": theta[-1] - coefficients @ mean}


def linear_case(features, target):
    solver = LinearRegression().fit(features, target)
    predicted = solver.predict(features)
    return {"coefficients": solver.coef_.tolist(), "intercept": float(solver.intercept_),
            "mse": mean_squared_error(target, predicted),
            "mae": mean_absolute_error(target, predicted), "r2": r2_score(target, predicted)}


def main():
    features, labels, names = read_iris()
    versicolor = labels > 0
    weights = 1.0 + np.arange(len(labels)) % 3
    reference = {
        "made_by": f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}",
        "iris_softmax": softmax_case(features, labels, names, 1.0 / len(labels)),
        "iris_softmax_weighted": softmax_case(features, labels, names, 0.01, weights),
        "iris_logistic": logistic_case(features[versicolor], labels[versicolor] - 1, 0.01),
        "iris_linear": linear_case(features[:, :3], features[:, 3]),
    }
    (HERE / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
