#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Paths of PyTorch's optimizers, committed as update_rules.json beside this script.

    python3 -m pip install numpy torch
    python3 tests/reference/update_rules.py

Every path is 25 steps from w = 0 on f(w) = sum_i a_i (w_i - c_i)^2 / 2 in float64. schedule_free is not in
PyTorch: it is Algorithm 1 of arXiv 2405.15682 (weights eta^2) written out, at a rate that changes.
"""
import json
import pathlib

import numpy as np
import torch

CURVATURES = [1.0, 10.0, 0.1]
CENTRES = [1.0, -2.0, 3.0]
STEPS = 25


def path(make):
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    a = torch.tensor(CURVATURES, dtype=torch.float64)
    c = torch.tensor(CENTRES, dtype=torch.float64)
    optimizer = make([w])
    points = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        (a * (w - c) ** 2 / 2).sum().backward()
        optimizer.step()
        points.append(w.detach().tolist())
    return points


def means(points):
    return (np.cumsum(points, axis=0) / np.arange(1, STEPS + 1)[:, None]).tolist()


def clipped(limit):
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    a = torch.tensor(CURVATURES, dtype=torch.float64)
    c = torch.tensor(CENTRES, dtype=torch.float64)
    optimizer = torch.optim.SGD([w], lr=0.05)
    points = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        (a * (w - c) ** 2 / 2).sum().backward()
        norm = float(w.grad.norm())
        if norm > limit:  # clip_grad_norm_ adds 1e-6 to the norm
            w.grad.mul_(limit / norm)
        optimizer.step()
        points.append(w.detach().tolist())
    return points


def schedule_free(beta):
    a, c = np.array(CURVATURES), np.array(CENTRES)
    z = x = np.zeros(3)
    total = 0.0
    points = []
    for t in range(STEPS):
        rate = 0.05 / (1.0 + 0.1 * t)
        y = (1 - beta) * z + beta * x
        z = z - rate * a * (y - c)
        total += rate**2
        x = (1 - rate**2 / total) * x + rate**2 / total * z
        points.append(x.tolist())
    return points


def main():
    o = torch.optim
    cases = [
        ("gradient", 0.05, path(lambda p: o.SGD(p, lr=0.05))),
        ("momentum:0.8", 0.05, path(lambda p: o.SGD(p, lr=0.05, momentum=0.8))),
        ("adagrad", 0.1, path(lambda p: o.Adagrad(p, lr=0.1))),
        ("rmsprop", 0.1, path(lambda p: o.RMSprop(p, lr=0.1))),
        ("rmsprop:0.9", 0.1, path(lambda p: o.RMSprop(p, lr=0.1, alpha=0.9))),
        ("adam", 0.1, path(lambda p: o.Adam(p, lr=0.1))),
        ("adam:0.5:0.9", 0.1, path(lambda p: o.Adam(p, lr=0.1, betas=(0.5, 0.9)))),
        ("adamw", 0.1, path(lambda p: o.AdamW(p, lr=0.1))),
        ("adamw:0.3", 0.1, path(lambda p: o.AdamW(p, lr=0.1, weight_decay=0.3))),
        # Not torch.optim.ASGD, which keeps rates and shares in float32.
        ("averaged", 0.05, means(path(lambda p: o.SGD(p, lr=0.05)))),
    ]
    found = {
        "made_by": f"torch {torch.__version__.split('+')[0]}",
        "curvatures": CURVATURES,
        "centres": CENTRES,
        "paths": [{"rule": rule, "rate": rate, "points": points} for rule, rate, points in cases],
        "clipped": {"rate": 0.05, "norm": 2.0, "points": clipped(2.0)},
        "schedule_free": [{"rule": f"schedule_free:{beta:g}", "rate": 0.05, "decay": 0.1,
                           "points": schedule_free(beta)} for beta in (0.0, 0.9)],
    }
    target = pathlib.Path(__file__).parent / "update_rules.json"
    target.write_text(json.dumps(found, indent=1) + "\n")


main()
