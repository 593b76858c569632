# SPDX-License-Identifier: Apache-2.0
"""Runs two commands in turn, as whole processes, and compares their times and their answers."""
import argparse
import json
import statistics
import subprocess
import sys
import time


def arguments(description):
    """The options both drivers share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--steepest", required=True, help="the command to measure")
    parser.add_argument("--data", required=True, help="CSV written by `steepest generate`")
    parser.add_argument("--turns", type=int, default=5, help="runs of each side")
    parser.add_argument("--peer", metavar="TOLERANCE", help=argparse.SUPPRESS)  # run scikit-learn
    return parser.parse_args()


def run(command):
    """Seconds of the whole process, and the JSON it printed."""
    begin = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - begin, json.loads(done.stdout)


def report(turns, own_command, peer_command, difference, tolerance):
    """Alternates, prints medians and their ratio; exits with 1 where the results differ.

    peer_command(own) is the other side's command, given the answer of ours; difference(own, peer)
    says how far apart two answers are, and must stay within `tolerance`.
    """
    own_seconds, peer_seconds, peer_parts = [], [], []
    _, own = run(own_command)  # untimed: warms the file cache
    run(peer_command(own))
    for turn in range(turns):
        seconds, own = run(own_command)
        own_seconds.append(seconds)
        seconds, peer = run(peer_command(own))
        peer_seconds.append(seconds)
        peer_parts.append(peer["read_seconds"] + peer["fit_seconds"])
        print(f"turn {turn + 1}: steepest {own_seconds[-1]:.2f} s, scikit-learn "
              f"{peer_seconds[-1]:.2f} s (read and fit {peer_parts[-1]:.2f} s)")
    mine = statistics.median(own_seconds)
    print(f"median: steepest {mine:.2f} s, scikit-learn {statistics.median(peer_seconds):.2f} s "
          f"whole, {statistics.median(peer_parts):.2f} s without starting Python")
    pairs = list(zip(own_seconds, peer_seconds, peer_parts))
    print(f"ratio (median over turns): {statistics.median(p / o for o, p, _ in pairs):.2f} whole, "
          f"{statistics.median(p / o for o, _, p in pairs):.2f} without starting Python")
    apart = difference(own, peer)
    print(f"difference of the results: {apart:.2e} (must be at most {tolerance:.0e})")
    if not own["termination"]["converged"] or not apart <= tolerance:
        sys.exit("the results differ: the times mean nothing")
