# SPDX-License-Identifier: Apache-2.0
"""From a CSV of numbers to a fitted linear model: `steepest fit` beside readers with trainers.

    python csv_to_model.py --steepest PATH/steepest --data big.csv --target y

The file has only numbers and one header line. Ours is timed as a whole process; the others from the
open file to the fitted model, imports not counted. All sides use the same number of threads and a
warm file cache and take turns. A line says how good each model is: its mean squared error on all
rows over ours. scikit-learn comes twice: LinearRegression, its least squares, and Ridge(alpha=0,
solver="cholesky"), normal equations in float32, its fastest. Vowpal Wabbit makes one pass.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time


def names_of(path):
    with open(path, encoding="utf-8") as file:
        return file.readline().rstrip("\r\n").split(",")


def by_polars(path, target, model):
    import polars
    begin = time.perf_counter()
    names = names_of(path)
    table = polars.read_csv(path, schema={name: polars.Float32 for name in names})
    features = table.select([name for name in names if name != target]).to_numpy()
    model.fit(features, table[target].to_numpy())
    return time.perf_counter() - begin, model.coef_.ravel(), float(model.intercept_)


def by_linear_regression(path, target):
    from sklearn.linear_model import LinearRegression
    return by_polars(path, target, LinearRegression())


def by_ridge(path, target):
    from sklearn.linear_model import Ridge
    return by_polars(path, target, Ridge(alpha=0, solver="cholesky"))


def by_vowpal_wabbit(path, target):
    import numpy
    import vowpalwabbit
    names = names_of(path)
    with tempfile.TemporaryDirectory() as folder:
        header = ",".join("_label" if name == target else name for name in names)
        source = os.path.join(folder, "d.csv")  # its target column has to be called _label
        with open(path, "rb") as given, open(source, "wb") as made:
            given.readline()
            made.write(header.encode() + b"\n")
            while block := given.read(1 << 24):
                made.write(block)
        begin = time.perf_counter()
        space = vowpalwabbit.Workspace(f"--csv -d {source} --loss_function squared --quiet")
        space.run_parser()
        space.finish()
        seconds = time.perf_counter() - begin
    return seconds, numpy.zeros(0), 0.0


PEERS = {"polars+LinearRegression": by_linear_regression, "polars+Ridge": by_ridge,
         "vowpal-wabbit": by_vowpal_wabbit}


def mean_squared_error(path, target, coefficients, intercept):
    import numpy
    import polars
    names = names_of(path)
    table = polars.read_csv(path, schema={name: polars.Float64 for name in names})
    found = intercept + sum(c * table[name].to_numpy() for c, name in
                            zip(coefficients, (n for n in names if n != target)))
    return float(numpy.mean((found - table[target].to_numpy()) ** 2))


def own(options):
    begin = time.perf_counter()
    done = subprocess.run([options.steepest, "fit", options.data, "--target", options.target,
                           "--model", "linear", "--device", "cpu", "--quiet", "--threads",
                           str(options.threads), "--json"], stdout=subprocess.PIPE, check=True)
    seconds = time.perf_counter() - begin
    said = json.loads(done.stdout)["model"]
    return {"seconds": seconds, "coefficients": said["coefficients"][0],
            "intercept": said["intercept"][0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steepest", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--target", default="y")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--as-peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    if options.as_peer:
        seconds, coefficients, intercept = PEERS[options.as_peer](options.data, options.target)
        print(json.dumps({"seconds": seconds, "coefficients": [float(c) for c in coefficients],
                          "intercept": intercept}))
        return
    own(options)  # untimed: warms the file cache
    sides = {"steepest": []}
    for turn in range(options.turns):
        sides["steepest"].append(own(options))
        for name in options.peers.split(","):
            done = subprocess.run([sys.executable, "-W", "ignore", *sys.argv, "--as-peer", name],
                                  stdout=subprocess.PIPE, check=True)
            sides.setdefault(name, []).append(json.loads(done.stdout))
        print(f"turn {turn + 1}:", ", ".join(f"{name} {runs[-1]['seconds']:.2f} s"
                                             for name, runs in sides.items()))
    error = {name: mean_squared_error(options.data, options.target, runs[-1]["coefficients"],
                                      runs[-1]["intercept"])
             for name, runs in sides.items() if runs[-1]["coefficients"]}
    for name, runs in sides.items():
        ratio = statistics.median(p["seconds"] / o["seconds"]
                                  for o, p in zip(sides["steepest"], runs))
        quality = (f"mean squared error {error[name] / error['steepest'] - 1:+.1e} of ours"
                   if name in error else "model not looked at")
        print(f"{name}: {statistics.median(r['seconds'] for r in runs):.2f} s, "
              f"{ratio:.1f} times ours; {quality}")


if __name__ == "__main__":
    main()
