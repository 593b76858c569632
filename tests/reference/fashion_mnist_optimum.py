#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Optimal objective of softmax regression on Fashion-MNIST, by damped Newton.

Independent of Steepest: NumPy and SciPy only. Writes fashion_mnist.json beside this script: for each
penalty the optimal objective (mean loss + l2/2 |B|^2 over standardized coefficients, intercepts free)
and how exact it is: half the last Newton decrement is what a step could still gain. Reads the IDX
files of Debian's dataset-fashion-mnist.

    fashion_mnist_optimum.py L2[:MODEL.json] ...

The objective is convex, so a start changes nothing but the time: from zero a small penalty takes
half an hour on 2 cores; from a model file near the optimum, minutes.
"""
import gzip
import json
import pathlib
import sys
import time

import numpy as np
import scipy.linalg

FOLDER = "/usr/share/datasets/fashion-mnist/"
CLASSES = 10


def read_idx(name, header):
    with gzip.open(FOLDER + name) as stream:
        return np.frombuffer(stream.read()[header:], np.uint8)


def load(prefix):
    labels = read_idx(f"{prefix}-labels-idx1-ubyte.gz", 8).astype(int)
    pixels = read_idx(f"{prefix}-images-idx3-ubyte.gz", 16).reshape(len(labels), -1)
    return pixels.astype(np.float64), labels


def probabilities(design, weights):
    scores = design @ weights.T
    scores -= scores.max(axis=1, keepdims=True)
    exponentials = np.exp(scores)
    total = exponentials.sum(axis=1, keepdims=True)
    return exponentials / total, scores - np.log(total)


def read_start(path, mean, scale):
    """Parameters of a model file, in standardized units."""
    model = json.loads(pathlib.Path(path).read_text())
    coefficients = np.array(model["coefficients"])
    intercept = np.array(model["intercept"]) + coefficients @ mean
    return np.hstack([coefficients * scale, intercept[:, None]])


def newton(design, labels, l2, weights, damping):
    """design is (n, d + 1) with a last column of ones; weights (C, d + 1) is where to start."""
    n, width = design.shape
    ridge = np.full(width, l2)
    ridge[-1] = 0.0
    onehot = np.eye(CLASSES)[labels]
    started = time.time()

    def objective(candidate):
        _, logs = probabilities(design, candidate)
        return -logs[np.arange(n), labels].mean() + 0.5 * (ridge * candidate**2).sum()

    value = objective(weights)
    design32 = design.astype(np.float32)
    for iteration in range(60):
        p, _ = probabilities(design, weights)
        gradient = (p - onehot).T @ design / n + ridge * weights
        size = CLASSES * width
        hessian = np.empty((size, size))
        for a in range(CLASSES):
            for b in range(a, CLASSES):
                curvature = p[:, a] * ((a == b) - p[:, b])
                block = (design32 * curvature[:, None].astype(np.float32)).T @ design32 / n
                hessian[a * width:(a + 1) * width, b * width:(b + 1) * width] = block
                hessian[b * width:(b + 1) * width, a * width:(a + 1) * width] = block.T
        index = np.arange(size)
        hessian[index, index] += np.tile(ridge, CLASSES)
        factor = None
        while factor is None:  # damped until positive definite: blocks are rounded to float32
            hessian[index, index] += damping
            try:
                factor = scipy.linalg.cho_factor(hessian, lower=True, check_finite=False)
            except scipy.linalg.LinAlgError:
                damping *= 4
        step = scipy.linalg.cho_solve(factor, gradient.ravel()).reshape(weights.shape)
        decrement = float((gradient * step).sum())
        rate = 1.0
        while rate > 1e-4 and objective(weights - rate * step) > value - 0.25 * rate * decrement:
            rate *= 0.5
        weights -= rate * step
        damping = max(damping / 4, 2e-6) if rate == 1.0 else damping * 4  # Levenberg and Marquardt
        value = objective(weights)
        print(f"iteration {iteration}: objective {value:.9f}, decrement {decrement:.2e}, rate {rate}, "
              f"{time.time() - started:.0f} s", file=sys.stderr, flush=True)
        if decrement < 1e-7:
            break
    return weights, value, decrement, float(np.abs(gradient).max())


def main():
    pixels, labels = load("train")
    test_pixels, test_labels = load("t10k")
    mean, scale = pixels.mean(axis=0), pixels.std(axis=0)
    design = np.hstack([(pixels - mean) / scale, np.ones((len(pixels), 1))])
    test = np.hstack([(test_pixels - mean) / scale, np.ones((len(test_pixels), 1))])
    results = []
    for argument in sys.argv[1:]:
        penalty, _, start = argument.partition(":")
        weights = read_start(start, mean, scale) if start else np.zeros((CLASSES, design.shape[1]))
        weights, value, decrement, gradient = newton(design, labels, float(penalty), weights,
                                                     1e-5 if start else 1e-3)
        accuracy = float(((test @ weights.T).argmax(axis=1) == test_labels).mean())
        results.append({"l2": float(penalty), "objective": value, "newton_decrement": decrement,
                        "gradient_max_norm": gradient, "test_accuracy": accuracy,
                        "coefficients_l2_norm": float(np.linalg.norm(weights[:, :-1]))})
    text = json.dumps(results, indent=1)
    (pathlib.Path(__file__).parent / "fashion_mnist.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
