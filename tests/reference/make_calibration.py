#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Temperatures by SciPy and metrics by scikit-learn and NumPy, committed as calibration.json beside
this script; and the 200 rows of random logits with random labels, as lesson.csv.

    python3 -m pip install numpy scipy scikit-learn
    python3 tests/reference/make_calibration.py

Rows of the random problems are not stored: tests/calibration_problems.hpp makes the same ones, bit
for bit but for the last place of exp, from the splitmix64 generator below.
"""
import json
import pathlib

import numpy as np
import scipy
import scipy.stats
import sklearn
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import accuracy_score, log_loss

HERE = pathlib.Path(__file__).parent
BINS = 15


def uniform(seed, count):
    """splitmix64 (Steele, Lea, Flood 2014), 53 bits."""
    with np.errstate(over="ignore"):
        x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.arange(
            1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53


def problem(seed, rows, classes, temperature):
    """Scores of deviation near 2 times T, and labels drawn from softmax(z / T)."""
    u = uniform(seed, rows * classes * 4).reshape(rows, classes, 4)
    scores = (u[..., 0] + u[..., 1] + u[..., 2] + u[..., 3] - 2.0) * 3.5
    draw = uniform(seed + 1000000, rows)
    power = np.exp(scores - scores.max(axis=1, keepdims=True))
    cumulated = np.cumsum(power, axis=1)
    labels = (cumulated <= (draw * cumulated[:, -1])[:, None]).sum(axis=1)
    return scores * temperature, np.minimum(labels, classes - 1)


def solve(z, y):
    """T: the bounded minimiser of the NLL in log T, and the root of its derivative."""
    rows = np.arange(len(y))

    def nll(log_t):
        return -log_softmax(z * np.exp(-log_t), axis=1)[rows, y].mean()

    gap = z.max(axis=1, keepdims=True) - z

    def slope(log_t):
        p = softmax(-gap * np.exp(-log_t), axis=1)
        return (p * gap).sum(axis=1).mean() - gap[rows, y].mean()

    found = minimize_scalar(nll, bounds=(-7.0, 7.0), method="bounded", options={"xatol": 1e-10})
    root = brentq(slope, found.x - 0.1, found.x + 0.1, xtol=1e-14, rtol=1e-14)
    assert abs(root - found.x) < 1e-6, (root, found.x)
    return float(np.exp(root)), float(nll(root))


def binned(confidence, right, edges):
    """Mean |accuracy - confidence|, and the largest, over bins (lower, upper]."""
    index = np.searchsorted(edges[1:-1], confidence, side="left")
    ece, mce = 0.0, 0.0
    for b in range(BINS):
        inside = index == b
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            ece += inside.mean() * gap
            mce = max(mce, gap)
    return ece, mce


def quantiles_of(values):
    """numpy.percentile's linear method, with positions that are whole numbers kept so."""
    ordered = np.sort(values)
    edges = []
    for k in range(BINS + 1):
        below, rest = divmod((len(values) - 1) * k, BINS)
        above = min(below + 1, len(values) - 1)
        edges.append(ordered[below] + rest / BINS * (ordered[above] - ordered[below]))
    assert np.allclose(edges, np.percentile(values, np.linspace(0.0, 100.0, BINS + 1)), rtol=1e-12)
    return np.array(edges)


def metrics(z, y, temperature):
    p = softmax(z / temperature, axis=1)
    confidence = p.max(axis=1)
    right = (z.argmax(axis=1) == y).astype(float)
    ece, mce = binned(confidence, right, np.linspace(0.0, 1.0, BINS + 1))
    quantiles = quantiles_of(confidence)
    truth = np.zeros_like(p)
    truth[np.arange(len(y)), y] = 1.0
    nll = -log_softmax(z / temperature, axis=1)[np.arange(len(y)), y].mean()
    if p[np.arange(len(y)), y].min() > 1e-15:  # scikit-learn clips what is smaller
        assert abs(log_loss(y, p, labels=np.arange(z.shape[1])) - nll) < 1e-12 * nll
    return {"nll": nll,
            "accuracy": accuracy_score(y, z.argmax(axis=1)), "ece": ece, "mce": mce,
            "ece_equal_mass": binned(confidence, right, quantiles)[0],
            "brier": ((p - truth) ** 2).sum(axis=1).mean(),
            "entropy": float(scipy.stats.entropy(p, axis=1).mean())}


def main():
    classes = [2, 3, 5, 7, 10, 16, 31, 32, 33, 64, 100, 200, 500, 1000, 2000, 5000]
    temperatures = np.round(np.geomspace(0.05, 20.0, 50), 4)
    problems = []
    for i, temperature in enumerate(temperatures):
        k = classes[(7 * i) % len(classes)]
        n = int(np.clip(200000 // k, 100, 1500))
        z, y = problem(i, n, k, temperature)
        found, nll = solve(z, y)
        problems.append({"seed": i, "rows": n, "classes": k, "scale": float(temperature),
                         "temperature": found, "nll": nll, "before": metrics(z, y, 1.0),
                         "after": metrics(z, y, found)})
    random = np.random.RandomState(0)
    z = 3 * random.randn(200, 5)
    y = random.randint(0, 5, 200)
    text = "z0,z1,z2,z3,z4,label\n"
    for row, label in zip(z, y):
        text += ",".join(repr(float(value)) for value in row) + f",{label}\n"
    (HERE / "lesson.csv").write_text(text)
    found, nll = solve(z, y)
    lesson = {"temperature": found, "nll": nll, "uniform": float(np.log(5)),
              "before": metrics(z, y, 1.0), "after": metrics(z, y, found)}
    (HERE / "calibration.json").write_text(json.dumps(
        {"made_by": f"SciPy {scipy.__version__}, scikit-learn {sklearn.__version__}, "
                    f"NumPy {np.__version__}", "lesson": lesson, "problems": problems},
        indent=1) + "\n")


if __name__ == "__main__":
    main()
