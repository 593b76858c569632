#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Portfolios from SciPy's SLSQP, committed as portfolio.json beside this script.

    python3 -m pip install numpy scipy
    python3 tests/reference/portfolio_scipy.py
"""
import json
import pathlib

import numpy as np
import scipy
from scipy.optimize import minimize

HERE = pathlib.Path(__file__).parent


def problem(seed, n, factors):
    """A covariance of a factor model, and expected returns; rounded, so that both sides read the same."""
    random = np.random.default_rng(seed)
    loadings = random.normal(0.0, 0.2, (factors, n))
    covariance = loadings.T @ loadings + np.diag(random.uniform(0.005, 0.05, n))
    covariance = np.round(covariance, 6)
    return (covariance + covariance.T) / 2, np.round(random.normal(0.06, 0.03, n), 6)


def slsqp(covariance, returns, low, high, tau, target):
    n = len(returns)
    constraints = [{"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(n)}]
    if target is not None:
        constraints.append({"type": "ineq", "fun": lambda w: returns @ w - target,
                            "jac": lambda w: returns})
    best = None
    for seed in range(3):
        start = np.random.default_rng(seed).dirichlet(np.ones(n))
        solved = minimize(lambda w: 0.5 * w @ covariance @ w - tau * returns @ w, start,
                          jac=lambda w: covariance @ w - tau * returns, method="SLSQP",
                          bounds=[(low, high)] * n, constraints=constraints,
                          options={"maxiter": 5000, "ftol": 1e-16})
        if abs(solved.x.sum() - 1) < 1e-9 and (best is None or solved.fun < best.fun):
            best = solved
    return best


def main():
    cases = []
    for seed, n, factors, low, high in [(1, 2, 1, 0.0, 1.0), (2, 3, 1, 0.0, 1.0),
                                        (3, 5, 2, 0.0, 1.0), (4, 8, 3, 0.0, 0.3),
                                        (5, 8, 3, -0.5, 0.8), (6, 12, 3, 0.0, 1.0),
                                        (7, 20, 4, 0.0, 0.15), (8, 30, 5, -0.1, 1.0)]:
        covariance, returns = problem(seed, n, factors)
        least = slsqp(covariance, returns, low, high, 0.0, None)
        utility = slsqp(covariance, returns, low, high, 1.0 / 4.0, None)
        target = round(0.5 * (returns @ least.x + returns @ utility.x), 6)
        targeted = slsqp(covariance, returns, low, high, 0.0, target)
        cases.append({
            "covariance": covariance.ravel().tolist(), "expected_returns": returns.tolist(),
            "low": low, "high": high, "risk_aversion": 4.0, "target_return": target,
            "minimum_variance": {"weights": least.x.tolist(), "objective": least.fun},
            "best_utility": {"weights": utility.x.tolist(), "objective": utility.fun},
            "with_target_return": {"weights": targeted.x.tolist(), "objective": targeted.fun}})
    document = {"made_by": f"SciPy {scipy.__version__}, SLSQP; objectives w'Sw/2 - tau m'w",
                "cases": cases}
    text = json.dumps(document).replace('{"covariance"', '\n{"covariance"')  # a case a line
    (HERE / "portfolio.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
