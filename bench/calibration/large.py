# SPDX-License-Identifier: Apache-2.0
"""A .npy file of logits too large to load, calibrated in one read.

    python -m pip install numpy
    python bench/calibration/large.py --steepest PATH/steepest --rows 10e6 --classes 100 --memory 256M

Writes logits, float32 or with --half float16, of which the labels are drawn at temperature 1.5,
calibrates them as they stream by, and reports time, bytes read, the most memory resident, and the share of what a plain read
of the same file reaches right after (both from the cache of files, or both not: --cold asks the
system to drop it, where it may). With --folder the files stay there, to be measured again: first
with --write, which only makes them, then without.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

TEMPERATURE = 1.5
BLOCK_BYTES = 64 << 20


def write(folder, rows, classes, half):
    """Logits in blocks, and labels by inverting the cumulated probabilities."""
    element = "<f2" if half else "<f4"
    random = np.random.default_rng(0)
    labels = np.empty(rows, np.int32)
    step = max(BLOCK_BYTES // (4 * classes), 1)
    with open(folder / "logits.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": element, "fortran_order": False, "shape": (rows, classes)})
        for first in range(0, rows, step):
            count = min(step, rows - first)
            scores = random.standard_normal((count, classes), np.float32) * np.float32(2)
            logits = (scores * np.float32(TEMPERATURE)).astype(element)
            cumulated = np.exp(logits.astype(np.float32) / np.float32(TEMPERATURE))
            np.cumsum(cumulated, axis=1, out=cumulated)
            draws = random.random((count, 1), np.float32) * cumulated[:, -1:]
            labels[first:first + count] = np.minimum((cumulated <= draws).sum(axis=1), classes - 1)
            file.write(logits.tobytes())
    np.save(folder / "labels.npy", labels)


def plain_read(path):
    begin = time.perf_counter()
    buffer = bytearray(1 << 20)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - begin


def run(command):
    """Seconds, what it printed, and the most memory it had resident, as the system saw it itself:
    getrusage() would count what this process had when it started the other."""
    begin = time.perf_counter()
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        status = pathlib.Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            for line in status.read_text().splitlines():
                if line.startswith("VmHWM"):
                    peak = int(line.split()[1]) * 1024
            time.sleep(0.02)
        seconds = time.perf_counter() - begin
        printed = process.stdout.read()
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed")
    return seconds, json.loads(printed), peak


def drop_cache():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steepest", required=True, help="the command to measure")
    parser.add_argument("--rows", type=float, default=10e6)
    parser.add_argument("--classes", type=float, default=100)
    parser.add_argument("--memory", default="256M")
    parser.add_argument("--half", action="store_true", help="float16 instead of float32")
    parser.add_argument("--folder", help="where the files are and stay; default: a temporary one")
    parser.add_argument("--write", action="store_true", help="make the files in --folder, no more")
    parser.add_argument("--cold", action="store_true", help="drop the cache of files first")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.folder or temporary)
        folder.mkdir(exist_ok=True)
        path = folder / "logits.npy"
        if not path.exists():
            write(folder, int(options.rows), int(options.classes), options.half)
        if options.write:
            return
        if options.cold:
            drop_cache()
        seconds, found, peak = run(
            [options.steepest, "calibrate", path, "--labels", folder / "labels.npy", "--memory",
             options.memory, "--json", "--quiet"])
        if options.cold:
            drop_cache()
        read_seconds = plain_read(path)
        size = path.stat().st_size
    print(f"{found['rows']:,} x {found['classes']:,} {size / 1e9:.2f} GB: "
          f"T {found['temperature']:.6f} +- {found['log_temperature_standard_error']:.1e} "
          f"in {seconds:.2f} s, {found['reads']} read, {found['bytes_read'] / 1e9:.2f} GB, "
          f"peak {peak / 1e6:.0f} MB")
    print(f"plain read {read_seconds:.2f} s: {read_seconds / seconds:.0%} of the read limit")
    if found["bytes_read"] > size * 1.001 or found["reads"] != 1:
        sys.exit("that was more than one read")


if __name__ == "__main__":
    main()
