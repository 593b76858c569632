# SPDX-License-Identifier: Apache-2.0
"""What 80 steps of gradient descent make of a temperature that they do not reach.

    python -m pip install numpy
    python bench/calibration/lesson.py

The rows are tests/reference/lesson.csv; the steps go along the derivative of the mean NLL by T, from
T = 1, at rate 0.1.
"""
import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
RATE = 0.1


def nll_and_slope(z, y, temperature):
    rows = np.arange(len(y))
    gap = z - z.max(axis=1, keepdims=True)
    power = np.exp(gap / temperature)
    total = power.sum(axis=1)
    nll = (np.log(total) - gap[rows, y] / temperature).mean()
    slope = (gap[rows, y] - (power * gap).sum(axis=1) / total).mean() / temperature**2
    return nll, slope


def main():
    table = np.loadtxt(ROOT / "tests/reference/lesson.csv", delimiter=",", skiprows=1)
    z, y = table[:, :-1], table[:, -1].astype(int)
    temperature = 1.0
    print(f"{'steps':>7}{'T':>12}{'NLL':>12}{'dNLL/dT':>12}")
    done = 0
    for steps in [0, 10, 20, 40, 80, 1000, 10000, 100000]:
        for _ in range(steps - done):
            temperature -= RATE * nll_and_slope(z, y, temperature)[1]
        done = steps
        nll, slope = nll_and_slope(z, y, temperature)
        print(f"{steps:>7}{temperature:>12.3f}{nll:>12.6f}{slope:>12.1e}")


if __name__ == "__main__":
    main()
