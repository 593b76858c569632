# SPDX-License-Identifier: Apache-2.0
"""Softmax regression from a CSV: `steepest fit` beside pandas, StandardScaler, LogisticRegression.

    steepest generate softmax --rows 100000 --features 50 --classes 10 -o softmax.csv
    python softmax_scikit.py --steepest PATH/steepest --data softmax.csv

Both sides run as whole processes and minimise the same objective over standardized features, mean
loss + |B|^2 / (2 n) (C = 1 in scikit-learn), to the same gradient tolerance: the one steepest
reports. The objective of either answer, computed here, must agree.
"""
import json
import sys
import time

from alternate import arguments, report

TOLERANCE = 1e-6  # of the objective, relative


def fit_by_scikit(path, tolerance):
    import pandas
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    begin = time.perf_counter()
    frame = pandas.read_csv(path)
    read = time.perf_counter()
    scaler = StandardScaler()
    rows = scaler.fit_transform(frame.drop(columns="label").to_numpy())
    model = LogisticRegression(C=1.0, tol=tolerance, max_iter=10_000)
    model.fit(rows, frame["label"].to_numpy())
    coefficients = model.coef_ / scaler.scale_
    print(json.dumps({"coefficients": coefficients.tolist(),
                      "intercept": (model.intercept_ - coefficients @ scaler.mean_).tolist(),
                      "iterations": int(model.n_iter_[0]),
                      "read_seconds": read - begin, "fit_seconds": time.perf_counter() - read}))


def difference(path):
    import numpy
    import pandas
    frame = pandas.read_csv(path)
    rows, labels = frame.drop(columns="label").to_numpy(), frame["label"].to_numpy()

    def objective(model):
        weights = numpy.array(model["coefficients"])
        scores = rows @ weights.T + numpy.array(model["intercept"])
        scores -= scores.max(axis=1, keepdims=True)
        loss = numpy.log(numpy.exp(scores).sum(axis=1)) - scores[range(len(labels)), labels]
        return loss.mean() + ((weights * rows.std(axis=0)) ** 2).sum() / (2 * len(labels))

    def compare(own, peer):
        mine, theirs = objective(own["model"]), objective(peer)
        print(f"objective: steepest {mine:.12g}, scikit-learn {theirs:.12g}; "
              f"steps {own['steps']}, iterations {peer['iterations']}")
        return abs(mine - theirs) / theirs
    return compare


def main():
    options = arguments(__doc__)
    if options.peer is not None:
        fit_by_scikit(options.data, float(options.peer))
        return
    own = [options.steepest, "fit", options.data, "--target", "label", "--model", "softmax",
           "--device", "cpu", "--quiet", "--json"]
    report(options.turns, own,
           lambda answer: [sys.executable, *sys.argv, "--peer",
                           str(answer["method"]["tolerance_gradient"])],
           difference(options.data), TOLERANCE)


if __name__ == "__main__":
    main()
