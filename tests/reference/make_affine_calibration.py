#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Vector and matrix scaling by SciPy, committed as affine_calibration.json beside this script.

    python3 -m pip install numpy scipy scikit-learn
    python3 tests/reference/make_affine_calibration.py

The problems are make_calibration.py's, rounded to float32 and skewed: class k's logits are
multiplied by 1 + k / K and shifted by k / 10, so that one temperature is not the best that can be
done. The objective is mean NLL + penalty / (K (K - 1)) sum of squares off the diagonal + penalty / K
sum of squared intercepts, minimised by trust-exact Newton steps with the exact Hessian.
"""
import json
import pathlib

import numpy as np
import scipy
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from make_calibration import problem

HERE = pathlib.Path(__file__).parent


def skewed(seed, rows, classes, temperature):
    z, y = problem(seed, rows, classes, temperature)
    z = z * (1.0 + np.arange(classes) / classes) + np.arange(classes) / 10.0
    return z.astype(np.float32).astype(np.float64), y


def solve(z, y, method, penalty):
    """Parameters are a linear map A of theta to (K, K + 1) factors and intercepts."""
    n, k = z.shape
    x = np.hstack([z, np.ones((n, 1))])
    full = k * (k + 1)
    weight = np.zeros((k, k + 1))
    weight[:, :k] = penalty / (k * (k - 1)) * (1.0 - np.eye(k))
    weight[:, k] = penalty / k
    if method == "matrix":
        free = np.arange(full)
    else:
        free = np.array([i * (k + 1) + i for i in range(k)] + [i * (k + 1) + k for i in range(k)])
    weight = weight.ravel()[free]

    def scores(theta):
        w = np.zeros(full)
        w[free] = theta
        return x @ w.reshape(k, k + 1).T

    def value(theta):
        s = scores(theta)
        return (logsumexp(s, axis=1) - s[np.arange(n), y]).mean() + (weight * theta**2).sum()

    def gradient(theta):
        p = softmax(scores(theta), axis=1)
        p[np.arange(n), y] -= 1.0
        return ((p.T @ x) / n).ravel()[free] + 2.0 * weight * theta

    def hessian(theta):
        p = softmax(scores(theta), axis=1)
        h = np.zeros((k, k + 1, k, k + 1))
        for a in range(k):
            for b in range(k):
                s = p[:, a] * ((a == b) - p[:, b])
                h[a, :, b, :] = (x * s[:, None]).T @ x / n
        return h.reshape(full, full)[np.ix_(free, free)] + np.diag(2.0 * weight)

    start = np.zeros((k, k + 1))
    start[:, :k] = np.eye(k)
    found = minimize(value, start.ravel()[free], jac=gradient, hess=hessian, method="trust-exact",
                     options={"gtol": 1e-11, "maxiter": 500})
    assert np.abs(gradient(found.x)).max() < 1e-9, found
    w = np.zeros(full)
    w[free] = found.x
    w = w.reshape(k, k + 1)
    factors = w[:, :k].tolist() if method == "matrix" else np.diag(w[:, :k]).tolist()
    s = scores(found.x)
    return {"objective": float(found.fun), "factors": factors, "intercept": w[:, k].tolist(),
            "nll": float((logsumexp(s, axis=1) - s[np.arange(n), y]).mean())}


def main():
    problems = []
    for seed, rows, classes, temperature in [(501, 800, 3, 2.0), (502, 1500, 6, 0.6)]:
        z, y = skewed(seed, rows, classes, temperature)
        for method in ["vector", "matrix"]:
            for penalty in [0.01, 1.0]:
                problems.append({"seed": seed, "rows": rows, "classes": classes,
                                 "scale": temperature, "method": method, "penalty": penalty,
                                 **solve(z, y, method, penalty)})
    (HERE / "affine_calibration.json").write_text(json.dumps(
        {"made_by": f"SciPy {scipy.__version__}, NumPy {np.__version__}", "problems": problems},
        indent=1) + "\n")


if __name__ == "__main__":
    main()
