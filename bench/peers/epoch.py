# SPDX-License-Identifier: Apache-2.0
"""Seconds an epoch of mini-batch gradient descent takes: steepest, PyTorch, scikit-learn.

    steepest generate linear --rows 500000 --features 50 --condition 100 -o linear.csv
    steepest convert linear.csv --target y -o linear
    python epoch.py --steepest PATH/steepest --data linear --batch-sizes 1024,4096

    scripts/fashion_mnist_csv FOLDER
    steepest convert FOLDER/train.csv --target label --model softmax -o fashion
    python epoch.py --steepest PATH/steepest --data fashion --rate 0.001

DATA is a folder written by `steepest convert`. All sides hold the same standardized float32 rows in
memory and take the same number of steps of the same size at a constant rate, in a new random order
every epoch. An epoch of steepest is the difference of two runs of different length, so it holds
the evaluation on all rows at its end (by second moments where those pay, and then a share of what
they cost), which the others do not do. PyTorch: eager, torch.optim.SGD,
a batch gathered by an index tensor (no DataLoader, which is slower). scikit-learn: SGDRegressor, or
SGDClassifier(loss="log_loss"), one row a step, whatever the batch size.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import time
import warnings

import numpy


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steepest", required=True, help="the command to measure")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="a converted folder")
    parser.add_argument("--batch-sizes", default="32,256,1024,4096")
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--skip-scikit", action="store_true")
    return parser.parse_args()


class Problem:
    def __init__(self, folder):
        schema = json.loads((folder / "schema.json").read_text())
        self.rows = numpy.load(folder / "features.npy")
        targets = numpy.load(folder / "targets.npy")
        self.classes = len(schema["classes"]) if schema.get("classes") else 0
        self.targets = (targets.ravel().astype(numpy.int64) if self.classes
                        else targets.ravel().astype(numpy.float64))
        scale = self.rows.std(axis=0, dtype=numpy.float64)
        scale[scale == 0] = 1
        self.rows = ((self.rows - self.rows.mean(axis=0, dtype=numpy.float64)) / scale).astype(
            numpy.float32)
        if not self.classes:
            self.targets = ((self.targets - self.targets.mean()) / self.targets.std()).astype(
                numpy.float32)


def steepest_epoch(options, batch, seconds_wanted=2.0):
    def run(epochs):
        command = [options.steepest, "fit", str(options.data), "--device", "cpu", "--quiet",
                   "--json", "--threads", str(options.threads), "--batch-size", str(batch),
                   "--learning-rate", str(options.rate), "--schedule", "constant", "--rule",
                   "gradient", "--l2", "0", "--constant", "drop", "--tolerance-gradient", "0",
                   "--epochs", str(epochs)]
        answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        assert answer["epochs"] == epochs, answer["termination"]
        return answer["seconds"]["train"], answer["objective"]["mean_loss"]
    short, _ = run(1)
    guess = max(run(3)[0] - short, 1e-3) / 2
    more = max(2, int(seconds_wanted / guess))
    long, loss = run(1 + more)
    return (long - run(1)[0]) / more, loss


def torch_epoch(problem, options, batch):
    import torch
    torch.set_num_threads(options.threads)
    x, y = torch.from_numpy(problem.rows), torch.from_numpy(problem.targets)
    n, d = x.shape
    model = torch.nn.Linear(d, problem.classes or 1)
    loss_of = torch.nn.CrossEntropyLoss() if problem.classes else torch.nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=options.rate)
    target = y if problem.classes else y[:, None]

    def epoch(steps):
        order = torch.randperm(n)
        for begin in range(0, steps * batch, batch):
            chosen = order[begin:begin + batch]
            optimizer.zero_grad()
            loss_of(model(x[chosen]), target[chosen]).backward()
            optimizer.step()
    steps = (n + batch - 1) // batch
    measured = min(steps, 1000)  # a thousand steps tell what an epoch takes
    epoch(min(steps, 50))
    begin = time.perf_counter()
    epoch(measured)
    return (time.perf_counter() - begin) * steps / measured


def scikit_epoch(problem, options):
    from sklearn.linear_model import SGDClassifier, SGDRegressor
    warnings.simplefilter("ignore")
    kind = SGDClassifier if problem.classes else SGDRegressor
    extra = {"loss": "log_loss", "n_jobs": options.threads} if problem.classes else {}
    seconds = []
    for epochs in (1, 3):
        model = kind(alpha=0.0, learning_rate="constant", eta0=options.rate / 100, max_iter=epochs,
                     tol=None, **extra)
        begin = time.perf_counter()
        model.fit(problem.rows, problem.targets)
        seconds.append(time.perf_counter() - begin)
    return (seconds[1] - seconds[0]) / 2


def main():
    options = arguments()
    problem = Problem(options.data)
    n, d = problem.rows.shape
    print(f"{n} x {d}, {problem.classes or 'no'} classes, {options.threads} threads, "
          f"medians of {options.turns}; seconds an epoch")
    batches = [int(text) for text in options.batch_sizes.split(",")]
    own = {batch: [] for batch in batches}
    torch_seconds = {batch: [] for batch in batches}
    scikit_seconds = []
    for _ in range(options.turns):
        for batch in batches:
            own[batch].append(steepest_epoch(options, batch)[0])
            torch_seconds[batch].append(torch_epoch(problem, options, batch))
        if not options.skip_scikit:
            scikit_seconds.append(scikit_epoch(problem, options))
    print("| batch | steepest | PyTorch | ratio | scikit-learn | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    middle = statistics.median
    for batch in batches:
        mine, theirs = middle(own[batch]), middle(torch_seconds[batch])
        scikit = middle(scikit_seconds) if scikit_seconds else float("nan")
        print(f"| {batch} | {mine:.4f} | {theirs:.3f} | {theirs / mine:.1f} | {scikit:.3f} | "
              f"{scikit / mine:.1f} |")


if __name__ == "__main__":
    main()
