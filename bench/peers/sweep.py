#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The runs of a full-batch squared-loss sweep again in PyTorch, one after another.

    steepest convert rows.csv --target y -o rows
    steepest sweep rows --batch-size full --epochs 20 --schedules constant,cosine,... --json \\
        --curves curves.csv > results.json
    python3 bench/peers/sweep.py rows curves.csv results.json [THREADS [RUNS]]

Every run takes the rates of its curve (so epochs must be at most 199, that curves keep every step)
and must end at the same objective. RUNS > 0 takes only so many runs, evenly spread, and scales the
time to all of them.
"""
import csv
import json
import sys
import time

import numpy as np
import torch


def read_runs(curves, results):
    rates = {}
    with open(curves, newline="") as file:
        for row in csv.DictReader(file):
            rates.setdefault(int(row["run"]), []).append(float(row["learning_rate_now"]))
    runs = json.load(open(results))["runs"]
    return [(rates[i][:run["steps"]], run["final_objective"])
            for i, run in enumerate(runs) if run["status"] == "done"]


def descend(x, y, rates):
    weights = torch.zeros(x.shape[1], dtype=x.dtype)
    intercept = torch.zeros((), dtype=x.dtype)
    n = len(y)
    for rate in rates:
        residual = torch.addmv(intercept - y, x, weights)
        weights -= rate / n * (x.T @ residual)
        intercept -= rate / n * residual.sum()
    residual = torch.addmv(intercept - y, x, weights)
    return 0.5 * float(residual.double().square().mean())


def main():
    folder, curves, results = sys.argv[1:4]
    torch.set_num_threads(int(sys.argv[4]) if len(sys.argv) > 4 else 2)
    features = np.load(f"{folder}/features.npy")
    targets = np.load(f"{folder}/targets.npy").astype(np.float64).ravel()
    mean, scale = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
    x = torch.from_numpy(((features - mean) / scale).astype(np.float32))
    unit = targets.std()
    y = torch.from_numpy(((targets - targets.mean()) / unit).astype(np.float32))
    runs = read_runs(curves, results)
    few = int(sys.argv[5]) if len(sys.argv) > 5 else 0
    chosen = runs[::max(1, len(runs) // few)][:few] if few > 0 else runs
    descend(x, y, [0.0])  # warm
    start = time.perf_counter()
    gaps = [abs(descend(x, y, rates) * unit**2 / objective - 1) for rates, objective in chosen]
    seconds = time.perf_counter() - start
    print(json.dumps({"runs": len(runs), "run": len(chosen), "seconds": seconds,
                      "seconds_of_all": seconds * len(runs) / len(chosen),
                      "largest_relative_gap": max(gaps), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
