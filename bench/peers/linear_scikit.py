# SPDX-License-Identifier: Apache-2.0
"""Linear regression from a CSV: `steepest fit` beside pandas.read_csv and LinearRegression.

    steepest generate linear --rows 500000 --features 50 --condition 100 -o linear.csv
    python linear_scikit.py --steepest PATH/steepest --data linear.csv

Both sides run as whole processes; the coefficients must agree.
"""
import json
import sys
import time

from alternate import arguments, report

TOLERANCE = 1e-5  # of a coefficient, relative to the largest


def fit_by_scikit(path):
    import pandas
    from sklearn.linear_model import LinearRegression
    begin = time.perf_counter()
    frame = pandas.read_csv(path)
    read = time.perf_counter()
    model = LinearRegression().fit(frame.drop(columns="y").to_numpy(), frame["y"].to_numpy())
    print(json.dumps({"coefficients": model.coef_.tolist(), "intercept": model.intercept_,
                      "read_seconds": read - begin, "fit_seconds": time.perf_counter() - read}))


def difference(own, peer):
    mine = own["model"]["coefficients"][0] + own["model"]["intercept"]
    theirs = peer["coefficients"] + [peer["intercept"]]
    return max(abs(a - b) for a, b in zip(mine, theirs)) / max(abs(b) for b in theirs)


def main():
    options = arguments(__doc__)
    if options.peer is not None:
        fit_by_scikit(options.data)
        return
    own = [options.steepest, "fit", options.data, "--target", "y", "--model", "linear",
           "--device", "cpu", "--quiet", "--json"]
    report(options.turns, own, lambda _: [sys.executable, *sys.argv, "--peer", "0"], difference,
           TOLERANCE)


if __name__ == "__main__":
    main()
