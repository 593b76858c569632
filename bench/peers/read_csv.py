# SPDX-License-Identifier: Apache-2.0
"""A CSV of numbers into a float32 matrix: the reader of `steepest fit` beside Polars, pyarrow, pandas.

    python read_csv.py --steepest PATH/steepest --data big.csv --target y

The file has only numbers and one header line. All sides use the same number of threads and a warm
file cache, and are timed in turn from the open file to the matrix: ours by `seconds.read` of a fit of
one epoch, the others inside their process. The numbers of rows must agree; that the values do is
shown by the tests, against fast_float.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time


def names_of(path):
    with open(path, encoding="utf-8") as file:
        return file.readline().rstrip("\r\n").split(",")


def by_polars(path, names):
    import polars
    return polars.read_csv(path, schema={name: polars.Float32 for name in names}).to_numpy()


def by_pyarrow(path, names):
    import numpy
    import pyarrow
    from pyarrow import csv
    pyarrow.set_cpu_count(int(os.environ["POLARS_MAX_THREADS"]))
    kinds = {name: pyarrow.float32() for name in names}
    table = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=kinds))
    matrix = numpy.empty((table.num_rows, table.num_columns), numpy.float32)
    for j in range(table.num_columns):
        matrix[:, j] = table.column(j).to_numpy()
    return matrix


def by_pandas(path, names):
    import pandas
    return pandas.read_csv(path, dtype={name: "float32" for name in names}).to_numpy()


PEERS = {"polars": by_polars, "pyarrow": by_pyarrow, "pandas": by_pandas}


def memory_copy(threads):
    """Bytes per second of a copy of 1 GB by that many threads: numpy lets go of the lock."""
    import concurrent.futures
    import numpy
    source = numpy.ones(1 << 28, numpy.float32)
    target = numpy.empty_like(source)
    part = source.size // threads
    slices = [slice(k * part, (k + 1) * part) for k in range(threads)]
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            list(pool.map(lambda s: numpy.copyto(target[s], source[s]), slices))
            times.append(time.perf_counter() - begin)
    return source.nbytes / statistics.median(times)


def peer_process(name, path):
    begin = time.perf_counter()
    matrix = PEERS[name](path, names_of(path))
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "rows": matrix.shape[0], "type": str(matrix.dtype)}))


def own(options):
    done = subprocess.run([options.steepest, "fit", options.data, "--target", options.target,
                           "--model", "linear", "--epochs", "1", "--device", "cpu", "--quiet",
                           "--threads", str(options.threads), "--json"],
                          stdout=subprocess.PIPE, check=True)
    said = json.loads(done.stdout)
    return {"seconds": said["seconds"]["read"], "rows": said["data"]["rows"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steepest", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--target", default="y")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--peers", default="polars,pyarrow,pandas")
    parser.add_argument("--as-peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = str(options.threads)
    if options.as_peer:
        peer_process(options.as_peer, options.data)
        return
    own(options)  # untimed: warms the file cache
    size = os.path.getsize(options.data)
    seconds = {"steepest": []}
    for turn in range(options.turns):
        sides = {"steepest": own(options)}
        for name in options.peers.split(","):
            done = subprocess.run([sys.executable, *sys.argv, "--as-peer", name],
                                  stdout=subprocess.PIPE, check=True)
            sides[name] = json.loads(done.stdout)
            if sides[name]["rows"] != sides["steepest"]["rows"]:
                sys.exit(f"{name} read other rows: the times mean nothing")
        for name, said in sides.items():
            seconds.setdefault(name, []).append(said["seconds"])
        print(f"turn {turn + 1}:", ", ".join(f"{name} {said['seconds']:.2f} s"
                                             for name, said in sides.items()))
    copy = memory_copy(options.threads)
    mine = seconds["steepest"]
    print(f"steepest: {size / statistics.median(mine) / 1e9:.2f} GB of text per second, "
          f"{size / statistics.median(mine) / copy:.2f} of a memory copy ({copy / 1e9:.1f} GB/s)")
    for name in options.peers.split(","):
        ratio = statistics.median(p / o for o, p in zip(mine, seconds[name]))
        print(f"{name}: {size / statistics.median(seconds[name]) / 1e9:.2f} GB/s; "
              f"steepest is {ratio:.1f} times as fast (median over turns)")


if __name__ == "__main__":
    main()
