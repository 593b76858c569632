# SPDX-License-Identifier: Apache-2.0
"""Seconds of training until softmax regression is within 1e-4 of the optimum's objective.

    scripts/fashion_mnist_csv FOLDER
    steepest convert FOLDER/train.csv --target label --model softmax -o fashion
    python time_to_optimum.py --steepest PATH/steepest --data fashion

All sides minimise mean log-loss + l2/2 |B|^2 over standardized float32 rows in memory, l2 = 1/n,
the intercept free; the optimum is the lowest objective any of them ever reached. steepest: the
seconds of its history, preparation and all. PyTorch: torch.optim.LBFGS with strong-Wolfe line
search, the whole data a step, the seconds at which an evaluation was first low enough, for several
lengths of memory. scikit-learn: LogisticRegression(lbfgs), run anew with twice the iterations until
it is low enough. A side that is not there within the limit is shown with how far it came.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import tempfile
import time
import warnings

import numpy

SHARE = 1e-4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steepest", required=True, help="the command to measure")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="a converted folder")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds a side may take")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memories", default="10,50", help="pairs that PyTorch remembers")
    return parser.parse_args()


class Problem:
    def __init__(self, folder):
        self.rows = numpy.load(folder / "features.npy")
        self.labels = numpy.load(folder / "targets.npy").ravel().astype(numpy.int64)
        self.classes = len(json.loads((folder / "schema.json").read_text())["classes"])
        scale = self.rows.std(axis=0, dtype=numpy.float64)
        scale[scale == 0] = 1
        self.rows = ((self.rows - self.rows.mean(axis=0, dtype=numpy.float64)) / scale).astype(
            numpy.float32)
        self.l2 = 1.0 / len(self.rows)


def steepest_path(options, rule):
    """[(seconds, objective)], a point a step."""
    with tempfile.TemporaryDirectory() as folder:
        history = pathlib.Path(folder) / "history.csv"
        command = [options.steepest, "fit", str(options.data), "--device", "cpu", "--quiet",
                   "--json", "--threads", str(options.threads), "--constant", "drop",
                   "--history", str(history), "--max-seconds", str(options.limit), *rule]
        answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        points = [(float(line["seconds"]), float(line["objective"]))
                  for line in csv.DictReader(history.open())]
    # What was done before the first step: statistics, second moments, the metric; and metrics after
    # the last one, which nobody else takes, so this errs on their side.
    before = answer["seconds"]["train"] - points[-1][0]
    return [(seconds + before, objective) for seconds, objective in points]


def torch_path(problem, options, memory):
    import torch
    torch.set_num_threads(options.threads)
    x, y = torch.from_numpy(problem.rows), torch.from_numpy(problem.labels)
    layer = torch.nn.Linear(x.shape[1], problem.classes)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    solver = torch.optim.LBFGS(layer.parameters(), history_size=memory, max_iter=10,
                               tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe")
    points = []
    start = time.perf_counter()

    def closure():
        solver.zero_grad()
        loss = (torch.nn.functional.cross_entropy(layer(x), y)
                + problem.l2 / 2 * layer.weight.square().sum())
        loss.backward()
        points.append((time.perf_counter() - start, loss.item()))
        return loss

    while time.perf_counter() - start < options.limit:
        solver.step(closure)
    return points


def scikit_path(problem, options):
    from sklearn.linear_model import LogisticRegression
    points = []
    iterations, spent = 50, 0.0
    while spent < options.limit:
        model = LogisticRegression(C=1.0, max_iter=iterations, tol=1e-12)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(problem.rows, problem.labels)
        spent = time.perf_counter() - start
        scores = (problem.rows @ model.coef_.T.astype(numpy.float32)
                  + model.intercept_.astype(numpy.float32)).astype(numpy.float64)
        scores -= scores.max(axis=1, keepdims=True)
        losses = numpy.log(numpy.exp(scores).sum(axis=1)) - scores[range(len(scores)),
                                                                   problem.labels]
        points.append((spent, losses.mean() + problem.l2 / 2 * (model.coef_ ** 2).sum()))
        iterations *= 2
    return points


def main():
    options = arguments()
    problem = Problem(options.data)
    paths = {"steepest": steepest_path(options, []),
             "steepest --rule accelerated --preconditioner second-moment": steepest_path(
                 options, ["--rule", "accelerated", "--preconditioner", "second-moment"])}
    for memory in options.memories.split(","):
        paths[f"PyTorch LBFGS, {memory} pairs"] = torch_path(problem, options, int(memory))
    paths["scikit-learn LogisticRegression(lbfgs)"] = scikit_path(problem, options)
    optimum = min(objective for points in paths.values() for _, objective in points)
    ours = None
    print(f"optimum {optimum:.8f}; seconds to within {SHARE:g} of it, relative\n")
    for name, points in paths.items():
        reached = [seconds for seconds, objective in points
                   if objective <= optimum * (1 + SHARE)]
        last = min(objective for _, objective in points)
        if reached:
            ours = ours or reached[0]
            print(f"{name:62} {reached[0]:8.2f}   {reached[0] / ours:6.1f} times")
        else:
            spent = points[-1][0]
            print(f"{name:62} > {spent:6.1f}   > {spent / ours:4.1f} times; "
                  f"stood at {last / optimum - 1:.1e}")


if __name__ == "__main__":
    main()
