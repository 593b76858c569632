# SPDX-License-Identifier: Apache-2.0
"""Temperature scaling of logits in memory: `steepest calibrate` beside Python's tools.

    python -m pip install numpy scipy "scikit-learn>=1.8" torch probmetrics
    python calibrate.py --steepest PATH/steepest

All sides have the same float32 logits in memory and two threads; reading them is not timed. Steepest
is a process of its own for every run, and its time is the `seconds.solve` it reports, which holds
the metrics before and after calibration that no peer computes. The peers take turns in this process
after a run each that is not timed. T is judged against the root of the NLL's derivative in float64.
With --metrics, the metrics are held against scikit-learn's, torchmetrics' and netcal's instead.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

THREADS = 2
for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]:
    os.environ[name] = str(THREADS)

import numpy as np  # noqa: E402: after the number of threads


def logits(rows, classes, seed=0):
    """Noisy products with class vectors of unit length, alike in groups of ten; overconfident."""
    random = np.random.default_rng(seed)
    groups = random.normal(size=(classes // 10 + 1, 128)).astype(np.float32)
    vectors = random.normal(size=(classes, 128)).astype(np.float32)
    vectors += groups[np.arange(classes) // 10]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = random.integers(0, classes, rows)
    noise = random.standard_t(6, size=(rows, 128)).astype(np.float32)
    difficulty = np.exp(0.25 * random.normal(size=(rows, 1))).astype(np.float32)
    return 25.0 * ((vectors[labels] + 0.18 * noise) * difficulty) @ vectors.T, labels


def exact(z, y):
    """The root of D(beta) = c, blocks of rows at a time in float64."""
    from scipy.optimize import brentq
    rows = np.arange(0, len(y), 1000)

    def slope(log_beta):
        total = 0.0
        for first in rows:
            block = z[first:first + 1000].astype(np.float64)
            gap = block.max(axis=1, keepdims=True) - block
            power = np.exp(-np.exp(log_beta) * gap)
            label = gap[np.arange(len(gap)), y[first:first + 1000]]
            total += ((power * gap).sum(axis=1) / power.sum(axis=1) - label).sum()
        return total

    return float(np.exp(-brentq(slope, -3.0, 3.0, xtol=1e-10)))


def by_torch(z, y):
    import torch
    scores, labels = torch.from_numpy(z), torch.from_numpy(y)
    beta = torch.ones(1, requires_grad=True)
    rule = torch.optim.LBFGS([beta], line_search_fn="strong_wolfe", max_iter=50)

    def loss():
        rule.zero_grad()
        value = torch.nn.functional.cross_entropy(beta * scores, labels)
        value.backward()
        return value

    rule.step(loss)
    return 1.0 / beta.item()


def by_scikit(z, y):
    from sklearn.calibration import _TemperatureScaling
    return 1.0 / float(_TemperatureScaling().fit(z, y).beta_)


def by_probmetrics(z, y):
    import torch
    from probmetrics.calibrators import TemperatureScalingCalibrator
    from probmetrics.distributions import CategoricalLogits
    calibrator = TemperatureScalingCalibrator()
    calibrator.fit_torch(CategoricalLogits(torch.from_numpy(z)), torch.from_numpy(y))
    return 1.0 / float(calibrator.invtemp_)


PEERS = {"torch LBFGS strong-Wolfe": by_torch, "probmetrics": by_probmetrics,
         "scikit-learn": by_scikit}


def plain_pass(z, y):
    """One log-sum-exp a row: what any evaluation of the NLL costs in PyTorch."""
    import torch
    scores, labels = torch.from_numpy(z), torch.from_numpy(y)
    torch.logsumexp(scores, 1).mean() - scores[torch.arange(len(labels)), labels].mean()


def timed(function, *arguments):
    begin = time.perf_counter()
    found = function(*arguments)
    return time.perf_counter() - begin, found


def run_steepest(command, folder):
    done = subprocess.run(
        [command, "calibrate", folder / "logits.npy", "--labels", folder / "labels.npy",
         "--threads", str(THREADS), "--json", "--quiet"], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def race(options, z, y, folder):
    truth = exact(z, y)
    print(f"{len(z):,} rows x {z.shape[1]:,} classes float32, {THREADS} threads; T {truth:.8f}")
    times = {name: [] for name in ["steepest", *PEERS]}
    found = {}
    plain = []
    for turn in range(options.turns + 1):  # the first is not timed
        own = run_steepest(options.steepest, folder)
        found["steepest"] = own["temperature"]
        seconds = {"steepest": own["seconds"]["solve"]}
        for name, peer in PEERS.items():
            seconds[name], found[name] = timed(peer, z, y)
            print(f"turn {turn}: {name} {seconds[name]:.3f} s, steepest "
                  f"{seconds['steepest']:.3f} s", file=sys.stderr, flush=True)
        one_pass = timed(plain_pass, z, y)[0]
        if turn > 0:
            plain.append(one_pass)
            for name, value in seconds.items():
                times[name].append(value)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        ratio = statistics.median(p / o for p, o in zip(times[name], times["steepest"]))
        print(f"{name:<26}{1e3 * median:10.1f} ms {ratio:8.1f} x   T {found[name]:.8f}   "
              f"error {abs(found[name] / truth - 1.0):.1e}")
    print(f"{'torch.logsumexp, one pass':<26}{1e3 * statistics.median(plain):10.1f} ms")
    if abs(found["steepest"] / truth - 1.0) > 1e-4:
        sys.exit("T is wrong: the times mean nothing")


def check_metrics(options, z, y, folder):
    """Steepest's metrics at T = 1 against others' in float64 or, where they insist, float32."""
    import torch
    from netcal.metrics import ECE
    from scipy.special import softmax
    from sklearn.metrics import accuracy_score, log_loss
    from torchmetrics.classification import MulticlassCalibrationError
    own = run_steepest(options.steepest, folder)["before"]
    p = softmax(z.astype(np.float64), axis=1)
    torch_ece = {norm: float(MulticlassCalibrationError(z.shape[1], 15, norm)(
        torch.from_numpy(p), torch.from_numpy(y))) for norm in ["l1", "max"]}
    truth = np.eye(z.shape[1])[y]
    others = [("nll", "scikit-learn", log_loss(y, p, labels=np.arange(z.shape[1]))),
              ("accuracy", "scikit-learn", accuracy_score(y, p.argmax(axis=1))),
              ("brier", "NumPy", ((p - truth) ** 2).sum(axis=1).mean()),
              ("ece", "torchmetrics", torch_ece["l1"]), ("mce", "torchmetrics", torch_ece["max"]),
              ("ece", "netcal", float(ECE(15).measure(p, y)))]
    apart = 0.0
    for metric, name, value in others:
        print(f"{metric:<10}{own[metric]:.9f}   {name:<14}{value:.9f}   "
              f"apart {abs(own[metric] - value):.1e}")
        apart = max(apart, abs(own[metric] - value))
    if apart > 1e-5:
        sys.exit("the metrics differ")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steepest", required=True, help="the command to measure")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=1_000)
    parser.add_argument("--turns", type=int, default=3, help="runs of each side")
    parser.add_argument("--metrics", action="store_true", help="compare metrics, not times")
    options = parser.parse_args()
    z, y = logits(options.rows, options.classes)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        np.save(folder / "logits.npy", z)
        np.save(folder / "labels.npy", y)
        (check_metrics if options.metrics else race)(options, z, y, folder)


if __name__ == "__main__":
    main()
