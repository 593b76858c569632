#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Paths of schedules that find their rate, committed as found_rates.json beside this script.

    python3 -m pip install numpy torch prodigyopt dadaptation dog-optimizer
    python3 tests/reference/found_rates.py

dog, d_adaptation and prodigy are the implementations of the papers' authors. The others are written
out here a second time from their formulas. Every path is 30 points, the start 0 left out, on
f(w) = sum_i a_i (w_i - c_i)^2 / 2 in float64. A search's refused trials are points of its path,
which ends where f is 0 but for rounding.
"""
import importlib.metadata
import json
import pathlib

import numpy as np
import torch
from dadaptation import DAdaptSGD
from dog import DoG
from prodigyopt import Prodigy

CURVATURES = np.array([1.0, 10.0, 0.1])
CENTRES = np.array([1.0, -2.0, 3.0])
STEPS = 30


def f(w):
    return float((CURVATURES * (w - CENTRES) ** 2 / 2).sum())


def gradient(w):
    return CURVATURES * (w - CENTRES)


def of_package(make):
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = make([w])
    points = []
    for _ in range(STEPS):
        w.grad = torch.tensor(gradient(w.detach().numpy()))
        optimizer.step()
        points.append(w.detach().tolist())
    return points


def descend(next_rate):
    """next_rate(w, g, w before, g before, rates so far), the middle two None at first."""
    w, before, slope, rates, points = np.zeros(3), None, None, [], []
    for _ in range(STEPS):
        g = gradient(w)
        rates.append(next_rate(w, g, before, slope, rates))
        before, slope = w, g
        w = w - rates[-1] * g
        points.append(w.tolist())
    return points


def malitsky_mishchenko(first):
    def rate(w, g, before, slope, rates):
        if before is None:
            return first
        by_curvature = np.linalg.norm(w - before) / (2 * np.linalg.norm(g - slope))
        if len(rates) == 1:
            return by_curvature
        return min(np.sqrt(1 + rates[-1] / rates[-2]) * rates[-1], by_curvature)

    return descend(rate)


def hypergradient(first, beta, factor):
    def rate(w, g, before, slope, rates):
        if before is None:
            return first
        product = float(g @ slope)
        if factor:
            return rates[-1] * (1 + beta * product / np.linalg.norm(g) / np.linalg.norm(slope))
        return max(0.0, rates[-1] + beta * product)

    return descend(rate)


def search(first, next_rate, memory, c, shrink):
    """Points evaluated: those accepted and those refused."""
    base, g, rate, known, points, accepted = np.zeros(3), gradient(np.zeros(3)), first, [], [], 0
    known.append(f(base))
    trial = base - rate * g
    while len(points) < STEPS and f(base) > 1e-12:
        points.append(trial.tolist())
        if f(trial) <= max(known[-memory:]) - c * rate * float(g @ g):
            accepted += 1
            s, y = trial - base, gradient(trial) - g
            base, g = trial, gradient(trial)
            known.append(f(base))
            rate = next_rate(s, y, rate, accepted)
        else:
            rate *= shrink
        trial = base - rate * g
    return points


def barzilai_borwein(quotient, first, memory):
    def rate(s, y, last, accepted):
        is_long = quotient == "long" or (quotient == "alternating" and accepted % 2 == 1)
        return float(s @ s / (s @ y)) if is_long else float(s @ y / (y @ y))

    return search(first, rate, memory, 1e-4, 0.5)


def by_passes(first, every, share, smoothed):
    """SGD-BB, arXiv 1605.04131, Algorithm 2, every gradient being that of f."""
    w, mean, rate, smooth = np.zeros(3), np.zeros(3), first, 1.0
    beta = min(1.0, 1.0 / (share * every))
    start = mean_at_start = None
    points = []
    for k in range(STEPS // every):
        if k > 1:
            s, y = w - start, mean - mean_at_start
            rate = float(s @ s / abs(s @ y)) / every
            if smoothed:
                smooth = smooth ** ((k - 2) / (k - 1)) * (rate * k) ** (1 / (k - 1))
                rate = smooth / k
        start, mean_at_start = w, mean
        for _ in range(every):
            g = gradient(w)
            w = w - rate * g
            mean = beta * g + (1 - beta) * mean
            points.append(w.tolist())
    return points


def main():
    schedules = [
        ("dog:start=0.001", "gradient", 1.0,
         of_package(lambda p: DoG(p, reps_rel=1e-3, lr=1.0, eps=0.0))),
        ("dog:start=1e-06", "gradient", 2.0,
         of_package(lambda p: DoG(p, reps_rel=1e-6, lr=2.0, eps=0.0))),
        ("d_adaptation:norm=first,scale=2,start=0.01", "gradient", 0.5,
         of_package(lambda p: DAdaptSGD(p, lr=0.5, d0=0.01))),
        ("prodigy:start=0.001", "adam", 1.0,
         of_package(lambda p: Prodigy(p, lr=1.0, d0=1e-3, use_bias_correction=True))),
        ("prodigy:start=1e-06", "adam:0.8:0.99", 0.5,
         of_package(lambda p: Prodigy(p, lr=0.5, betas=(0.8, 0.99), use_bias_correction=True))),
        ("polyak:target=0", "gradient", 1.0,
         descend(lambda w, g, *_: f(w) / float(g @ g))),
        ("polyak:target=0.5", "gradient", 0.7,
         descend(lambda w, g, *_: 0.7 * max(0.0, f(w) - 0.5) / float(g @ g))),
        ("sps:c=0.5", "gradient", 0.15,
         descend(lambda w, g, *_: min(f(w) / (0.5 * float(g @ g)), 0.15))),
        ("adgd", "gradient", 0.01, malitsky_mishchenko(0.01)),
        ("hypergradient:beta=0.0001", "gradient", 0.01, hypergradient(0.01, 1e-4, False)),
        ("hypergradient:beta=0.1,form=factor", "gradient", 0.01, hypergradient(0.01, 0.1, True)),
        ("barzilai_borwein", "gradient", 0.05, barzilai_borwein("long", 0.05, 10)),
        ("barzilai_borwein:memory=1", "gradient", 0.05, barzilai_borwein("long", 0.05, 1)),
        ("barzilai_borwein:quotient=short", "gradient", 0.05, barzilai_borwein("short", 0.05, 10)),
        ("barzilai_borwein:quotient=alternating", "gradient", 0.05,
         barzilai_borwein("alternating", 0.05, 10)),
        ("sgd_bb:every=5,share=0.4", "gradient", 0.05, by_passes(0.05, 5, 0.4, True)),
        ("sgd_bb:every=6,smoothing=none", "gradient", 0.02, by_passes(0.02, 6, 0.1, False)),
        ("sgd_bb:every=10,share=0.1", "gradient", 0.01, by_passes(0.01, 10, 0.1, True)),
        ("armijo", "gradient", 1.0, search(1.0, lambda s, y, last, k: 2.0 * last, 1, 0.5, 0.5)),
        ("armijo:c=0.1,gamma=0.8,growth=1.1", "gradient", 0.3,
         search(0.3, lambda s, y, last, k: 1.1 * last, 1, 0.1, 0.8)),
    ]
    version = importlib.metadata.version
    found = {
        "made_by": ", ".join(f"{name} {version(name)}"
                             for name in ("prodigyopt", "dadaptation", "dog-optimizer")),
        "curvatures": CURVATURES.tolist(),
        "centres": CENTRES.tolist(),
        "paths": [{"schedule": schedule, "rule": rule, "rate": rate, "points": points}
                  for schedule, rule, rate, points in schedules],
    }
    target = pathlib.Path(__file__).parent / "found_rates.json"
    target.write_text(json.dumps(found, indent=1) + "\n")


main()
