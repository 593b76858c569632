#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Metrics of calibration by libraries that share no code with each other or with steepest, committed
as calibration_metrics.json beside this script: scikit-learn (NLL, Brier score, accuracy), torchmetrics
(ECE, MCE and RMSCE) and netcal (ECE, MCE), in 15 bins.

    python3 -m pip install numpy scipy scikit-learn torch torchmetrics netcal
    python3 tests/reference/make_calibration_metrics.py

The problems are make_calibration.py's, at T = 1.
"""
import importlib.metadata
import json
import pathlib

import torch
from netcal.metrics import ECE, MCE
from scipy.special import softmax
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from make_calibration import BINS, problem

HERE = pathlib.Path(__file__).parent
SHAPES = [(601, 400, 2, 0.3), (602, 2000, 3, 1.0), (603, 3000, 10, 2.5), (604, 1000, 31, 0.7),
          (605, 1500, 100, 4.0), (606, 300, 1000, 1.5)]


def metrics(z, y):
    p = softmax(z, axis=1)
    found = {"nll": log_loss(y, p, labels=range(p.shape[1])),
             "brier": brier_score_loss(y, p, labels=range(p.shape[1]), scale_by_half=False),
             "accuracy": accuracy_score(y, p.argmax(axis=1))}
    for name, norm in [("ece", "l1"), ("mce", "max"), ("rmsce", "l2")]:
        found[name] = multiclass_calibration_error(
            torch.from_numpy(p), torch.from_numpy(y), p.shape[1], n_bins=BINS, norm=norm).item()
    # netcal takes the probability of class 1 where there are two, and bins that.
    if p.shape[1] > 2:
        found["netcal_ece"] = float(ECE(BINS).measure(p, y))
        found["netcal_mce"] = float(MCE(BINS).measure(p, y))
    return found


def main():
    problems = []
    for seed, rows, classes, temperature in SHAPES:
        z, y = problem(seed, rows, classes, temperature)
        problems.append({"seed": seed, "rows": rows, "classes": classes, "scale": temperature,
                         "metrics": {name: float(value) for name, value in metrics(z, y).items()}})
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}"
                         for name in ["scikit-learn", "torchmetrics", "netcal"])
    (HERE / "calibration_metrics.json").write_text(
        json.dumps({"made_by": versions, "problems": problems}, indent=1) + "\n")


if __name__ == "__main__":
    main()
