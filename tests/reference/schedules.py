#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learning rates of PyTorch's schedulers, committed as schedules.json beside this script.

    python3 -m pip install torch
    python3 tests/reference/schedules.py

Each case names the schedule as Steepest writes it, the base rate, the horizon and the rate of every
step. PyTorch's chained recurrences are within rounding of the closed forms.
"""
import json
import pathlib
import warnings

import torch
from torch.optim import lr_scheduler as schedulers

HERE = pathlib.Path(__file__).parent
RATE = 0.8
STEPS = 40


def rates(make, steps=STEPS, metrics=None, rate=RATE):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate, momentum=0.0)
    scheduler = make(optimizer)
    found = []
    for step in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if metrics is None:
            scheduler.step()
        else:
            scheduler.step(metrics[step])
    return found


def cyclic(mode, gamma=1.0):
    return lambda o: schedulers.CyclicLR(o, base_lr=RATE / 5, max_lr=RATE, step_size_up=6, mode=mode,
                                         gamma=gamma, cycle_momentum=False)


def one_cycle(**settings):
    return lambda o: schedulers.OneCycleLR(o, max_lr=RATE, total_steps=STEPS, cycle_momentum=False,
                                           **settings)


CASES = {
    "constant": lambda o: schedulers.ConstantLR(o, factor=1.0),
    "step:every=7,gamma=0.5": lambda o: schedulers.StepLR(o, 7, 0.5),
    "multistep:milestones=5+11+30,gamma=0.3":
        lambda o: schedulers.MultiStepLR(o, [5, 11, 30], 0.3),
    "exponential:gamma=0.93": lambda o: schedulers.ExponentialLR(o, 0.93),
    "polynomial:power=2.5": lambda o: schedulers.PolynomialLR(o, STEPS, 2.5),
    "cosine:minimum=0.05": lambda o: schedulers.CosineAnnealingLR(o, STEPS, 0.05),
    "linear:minimum=0.2":
        lambda o: schedulers.LinearLR(o, start_factor=1.0, end_factor=0.25, total_iters=STEPS),
    "cosine_restarts:period=9": lambda o: schedulers.CosineAnnealingWarmRestarts(o, 9),
    "cosine_restarts:period=5,multiplier=2,minimum=0.01":
        lambda o: schedulers.CosineAnnealingWarmRestarts(o, 5, 2, 0.01),
    "triangular:period=12,div_factor=5": cyclic("triangular"),
    "triangular2:period=12,div_factor=5": cyclic("triangular2"),
    "exp_range:period=12,gamma=0.97,div_factor=5": cyclic("exp_range", 0.97),
    "one_cycle": one_cycle(),
    "one_cycle:pct_start=0.45,div_factor=10,final_div_factor=50,anneal=linear":
        one_cycle(pct_start=0.45, div_factor=10, final_div_factor=50, anneal_strategy="linear"),
    "constant:until=10/exponential:gamma=0.9,until=25/cosine:minimum=0.1":
        lambda o: schedulers.SequentialLR(
            o, [schedulers.ConstantLR(o, factor=1.0), schedulers.ExponentialLR(o, 0.9),
                schedulers.CosineAnnealingLR(o, STEPS - 25, 0.1)], [10, 25]),
}
PLATEAU = [5.0, 4.0, 3.9999, 3.9998, 3.99, 3.99, 3.99, 3.9899, 3.98, 4.5, 4.4, 4.3, 4.2, 3.0, 3.0, 3.0,
           3.0, 3.0, 3.0, 2.0]


def main():
    warnings.simplefilter("ignore")
    cases = [{"schedule": text, "learning_rate": RATE, "horizon": STEPS, "rates": rates(make)}
             for text, make in CASES.items()]
    plateau = {
        "schedule": "plateau:gamma=0.5,patience=2,threshold=0.001,minimum=0.15",
        "learning_rate": RATE, "horizon": len(PLATEAU), "objectives": PLATEAU,
        "rates": rates(lambda o: schedulers.ReduceLROnPlateau(
            o, factor=0.5, patience=2, threshold=0.001, min_lr=0.15), len(PLATEAU), PLATEAU)}
    (HERE / "schedules.json").write_text(
        json.dumps({"torch": torch.__version__, "cases": cases, "plateau": plateau}, indent=1) + "\n")


if __name__ == "__main__":
    main()
