#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Standard errors, tests and intervals from statsmodels, committed as inference.json beside this script.

    python3 -m pip install numpy statsmodels
    python3 tests/reference/inference_statsmodels.py

Lists hold the features in the order of the file, then the intercept. Newton's method is run until its
steps vanish, so that estimates are known to rounding.
"""
import csv
import json
import pathlib

import numpy as np
import statsmodels
import statsmodels.api as sm

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent.parent / "data"


def read(name):
    with open(DATA / name, newline="") as file:
        return list(csv.DictReader(file))


def numbers(rows, columns):
    return np.array([[float(row[column]) for column in columns] for row in rows])


def with_intercept(features):
    return np.hstack([features, np.ones((len(features), 1))])


def described(model, output=None):
    """Of a fitted model, or of one equation of it."""
    pick = (lambda a: np.asarray(a)) if output is None else (lambda a: np.asarray(a)[:, output])
    interval = np.asarray(model.conf_int())
    interval = interval if output is None else interval.reshape(len(model.params.T), -1, 2)[output]
    return {
        "coefficients": pick(model.params).tolist(),
        "standard_errors": pick(model.bse).tolist(),
        "statistics": pick(model.tvalues).tolist(),
        "p_values": pick(model.pvalues).tolist(),
        "lower": interval[:, 0].tolist(),
        "upper": interval[:, 1].tolist(),
    }


def linear(rows, features, target, weights=None, intercept=True):
    design = numbers(rows, features)
    design = with_intercept(design) if intercept else design
    y = numbers(rows, [target])[:, 0]
    if weights is not None:  # copies of rows
        design, y = np.repeat(design, weights, axis=0), np.repeat(y, weights)
    fitted = sm.OLS(y, design).fit()
    return {**described(fitted), "degrees_of_freedom": fitted.df_resid,
            "residual_variance": fitted.scale}


def logit(rows, features, target, one, weights=None):
    design = with_intercept(numbers(rows, features))
    y = np.array([float(row[target] == one) for row in rows])
    if weights is not None:
        design, y = np.repeat(design, weights, axis=0), np.repeat(y, weights)
    fitted = sm.Logit(y, design).fit(method="newton", maxiter=200, tol=1e-12, disp=False)
    return described(fitted)


def mnlogit(rows, features, target):
    design = with_intercept(numbers(rows, features))
    # Newton's method on columns of size 1; the way back is exact in the parameters' covariance.
    classes = sorted({row[target] for row in rows})
    y = np.array([classes.index(row[target]) for row in rows])
    scale = np.append(design[:, :-1].std(axis=0), 1.0)
    mean = np.append(design[:, :-1].mean(axis=0), 0.0)
    scaled = (design - mean) / scale
    fitted = sm.MNLogit(y, scaled).fit(method="newton", maxiter=200, tol=1e-12, disp=False)
    width = len(scale)
    back = np.diag(1.0 / scale)
    back[-1, :-1] = -mean[:-1] / scale[:-1]
    result = []
    covariance = np.asarray(fitted.cov_params())
    for c in range(len(classes) - 1):
        part = slice(c * width, (c + 1) * width)
        estimate = back @ np.asarray(fitted.params)[:, c]
        error = np.sqrt(np.diag(back @ covariance[part, part] @ back.T))
        result.append({"class": classes[c + 1], "coefficients": estimate.tolist(),
                       "standard_errors": error.tolist()})
    return {"reference": classes[0], "classes": result}


def main():
    longley, iris, diamonds = read("longley.csv"), read("iris.csv"), read("diamonds.csv")
    longley_features = ["deflator", "gnp", "unemployed", "armed_forces", "population", "year"]
    iris_features = ["sepal_length", "sepal_width", "petal_length"]
    weights = [i % 3 + 1 for i in range(len(iris))]
    two = [row for row in iris if row["species"] != "setosa"]
    reference = {
        "statsmodels": statsmodels.__version__,
        "longley": linear(longley, longley_features, "employed"),
        "iris": linear(iris, iris_features, "petal_width"),
        "iris_without_intercept": linear(iris, iris_features, "petal_width", intercept=False),
        "iris_weighted": linear(iris, iris_features, "petal_width", weights),
        "iris_two_classes": logit(two, iris_features + ["petal_width"], "species", "virginica"),
        "iris_two_classes_weighted": logit(two, iris_features + ["petal_width"], "species",
                                           "virginica", [i % 3 + 1 for i in range(len(two))]),
        "diamonds_cut": mnlogit(diamonds, ["carat", "depth", "table", "price"], "cut"),
    }
    (HERE / "inference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
