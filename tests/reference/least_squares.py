#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Least squares on Filippelli's data in 60 digits: least_squares.json beside this script.

    python3 -m pip install mpmath numpy
    python3 tests/reference/least_squares.py

Filip of NIST's Statistical Reference Datasets (https://www.itl.nist.gov/div898/strd/lls/data/Filip.shtml; a work of
the US government, public domain): a polynomial of degree 10 through 82 points. The powers are rounded to float32
first, as features are held, so the answers are those of the rounded powers; NIST's own, of exact ones, differ from
them, because the condition number of the powers is 2e15. Without that rounding this script finds NIST's coefficients:
it checks so before it writes.
"""
import json
import pathlib

import mpmath
import numpy as np

HERE = pathlib.Path(__file__).parent
DEGREE = 10
Y = [0.8116, 0.9072, 0.9052, 0.9039, 0.8053, 0.8377, 0.8667, 0.8809, 0.7975, 0.8162, 0.8515, 0.8766, 0.8885,
     0.8859, 0.8959, 0.8913, 0.8959, 0.8971, 0.9021, 0.909, 0.9139, 0.9199, 0.8692, 0.8872, 0.89, 0.891, 0.8977,
     0.9035, 0.9078, 0.7675, 0.7705, 0.7713, 0.7736, 0.7775, 0.7841, 0.7971, 0.8329, 0.8641, 0.8804, 0.7668,
     0.7633, 0.7678, 0.7697, 0.77, 0.7749, 0.7796, 0.7897, 0.8131, 0.8498, 0.8741, 0.8061, 0.846, 0.8751, 0.8856,
     0.8919, 0.8934, 0.894, 0.8957, 0.9047, 0.9129, 0.9209, 0.9219, 0.7739, 0.7681, 0.7665, 0.7703, 0.7702, 0.7761,
     0.7809, 0.7961, 0.8253, 0.8602, 0.8809, 0.8301, 0.8664, 0.8834, 0.8898, 0.8964, 0.8963, 0.9074, 0.9119, 0.9228]
X = [-6.860120914, -4.324130045, -4.358625055, -4.358426747, -6.955852379, -6.661145254, -6.355462942,
     -6.118102026, -7.115148017, -6.815308569, -6.519993057, -6.204119983, -5.853871964, -6.109523091, -5.79832982,
     -5.482672118, -5.171791386, -4.851705903, -4.517126416, -4.143573228, -3.709075441, -3.499489089,
     -6.300769497, -5.953504836, -5.642065153, -5.031376979, -4.680685696, -4.329846955, -3.928486195, -8.56735134,
     -8.363211311, -8.107682739, -7.823908741, -7.522878745, -7.218819279, -6.920818754, -6.628932138,
     -6.323946875, -5.991399828, -8.781464495, -8.663140179, -8.473531488, -8.247337057, -7.971428747,
     -7.676129393, -7.352812702, -7.072065318, -6.774174009, -6.478861916, -6.159517513, -6.835647144, -6.53165267,
     -6.224098421, -5.910094889, -5.598599459, -5.290645224, -4.974284616, -4.64454848, -4.290560426, -3.885055584,
     -3.408378962, -3.13200249, -8.726767166, -8.66695597, -8.511026475, -8.165388579, -7.886056648, -7.588043762,
     -7.283412422, -6.995678626, -6.691862621, -6.392544977, -6.067374056, -6.684029655, -6.378719832,
     -6.065855188, -5.752272167, -5.132414673, -4.811352704, -4.098269308, -3.66174277, -3.2644011]
CERTIFIED = [-1467.48961422980, -2772.17959193342, -2316.37108160893, -1127.97394098372, -354.478233703349,
             -75.1242017393757, -10.8753180355343, -1.06221498588947, -0.670191154593408e-1, -0.246781078275479e-2,
             -0.402962525080404e-4]


def powers(x, rounded):
    row, power = [mpmath.mpf(1)], 1.0
    for degree in range(1, DEGREE + 1):
        power *= x
        row.append(mpmath.mpf(float(np.float32(power))) if rounded else mpmath.mpf(repr(x)) ** degree)
    return row


def solve(rounded):
    matrix = mpmath.matrix([powers(x, rounded) for x in X])
    targets = mpmath.matrix([mpmath.mpf(repr(y)) for y in Y])
    solution, _ = mpmath.qr_solve(matrix, targets)
    residual = targets - matrix * solution
    return [float(v) for v in solution], float(sum(r * r for r in residual))


if __name__ == "__main__":
    mpmath.mp.dps = 60
    exact, _ = solve(False)
    assert all(abs(a - b) <= 1e-12 * abs(b) for a, b in zip(exact, CERTIFIED)), exact
    coefficients, squares = solve(True)
    (HERE / "least_squares.json").write_text(json.dumps(
        {"filip": {"x": X, "y": Y, "coefficients": coefficients, "residual_squares": squares}}, indent=1) + "\n")
