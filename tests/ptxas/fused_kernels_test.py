#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads what ptxas said of the kernels of engines fused, block and grid, for sm_90.

    fused_kernels_test.py [--table] OBJECT.cu.o ...

Beside every object lies OBJECT.cu.o.ptxas: cmake/keep_ptxas_messages. But for what KNOWN_OF names, no
kernel may spill registers or keep an array in local memory, and none may need more registers or
shared memory than a multiprocessor gives to a block of its size. Exits with 77, which ctest counts
as skipped, where a build has no such object or none for sm_90. `--table` prints the table of
docs/gpu.md instead.
"""
import argparse
import pathlib
import re
import sys

SKIPPED = 77
ARCHITECTURE = "sm_90"
REGISTERS = 65536  # of a multiprocessor
MOST_REGISTERS = 255  # of a thread
SHARED_BYTES = 227 * 1024  # of a block
# Threads of a block, and shared memory that launches add: kernels/fused_shape.hpp, tensor_shape.hpp.
# The block engine's fill what there is.
KERNELS = {"strip": (256, 0), "tile": (256, 200 * 1024), "tensor": (256, 200 * 1024),
           "fold": (512, 0), "block": (512, 0), "cluster": (512, 0), "grid": (512, 0)}
# Bytes of a thread's stack, which hold what the one thread that decides a step works on, and of one
# to five registers that some of these kernels spill and load again, of the 128 that 512 threads have.
KNOWN_OF = {"block": (352, 20), "cluster": (352, 20), "grid": (360, 52)}
ENTRY = re.compile(r"Compiling entry function '\w*?\d+(?:(?P<kernel>strip|tile|fold)_kernelI"
                   r"(?P<type>[fd])(?P<sizes>(?:Li\d+E)*)"
                   r"|block_steps_kernelI(?P<block_sizes>(?:Li\d+E)*)L\w*?BlockSharingE(?P<sharing>[012])E"
                   r"(?P<block_type>[fd])E"
                   r"|tensor_kernelILi(?P<tensor_type>[12])E(?P<tensor_sizes>(?:Li\d+E)*)E)")
TYPES = {"f": "fp32", "d": "fp64", "1": "tf32", "2": "bf16"}
STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers(?:.*?, (\d+) bytes smem)?")


def parse(text):
    """A dictionary for every kernel of this architecture."""
    found = []
    wanted = False
    for line in text.splitlines():
        match = ENTRY.search(line)
        if "Compiling entry function" in line:
            wanted = match is not None and f"for '{ARCHITECTURE}'" in line
        if not wanted:
            continue
        if match:
            sizes = match["sizes"] or match["block_sizes"] or match["tensor_sizes"] or ""
            type_of = match["type"] or match["block_type"] or match["tensor_type"]
            steps = {"0": "block", "1": "cluster", "2": "grid"}.get(match["sharing"])
            found.append({"kernel": match["kernel"] or steps or "tensor",
                          "type": TYPES[type_of],
                          "sizes": [int(size) for size in re.findall(r"Li(\d+)E", sizes)]})
        elif (match := STACK.search(line)) and "stack" not in found[-1]:  # those behind: functions
            found[-1].update(zip(("stack", "stores", "loads"), map(int, match.groups())))
        elif match := USED.search(line):
            found[-1].update(registers=int(match[1]), shared=int(match[2] or 0))
    return found


def problems_of(kernel):
    """What is wrong with a kernel: sentences."""
    threads, launched = KERNELS[kernel["kernel"]]
    most = min(MOST_REGISTERS, REGISTERS // threads)
    stack, spilled = KNOWN_OF.get(kernel["kernel"], (0, 0))
    if kernel["stores"] + kernel["loads"] > spilled:
        yield f"spills {kernel['stores']} bytes and loads {kernel['loads']} again"
    if kernel["stack"] > stack:
        yield f"keeps {kernel['stack']} bytes in local memory"
    if kernel["registers"] > most:
        yield f"needs {kernel['registers']} registers of {most}"
    if kernel["shared"] + launched > SHARED_BYTES:
        yield f"needs {kernel['shared'] + launched} bytes of shared memory of {SHARED_BYTES}"


def name_of(kernel):
    return f"{kernel['kernel']} {kernel['type']} {' x '.join(map(str, kernel['sizes']))}".strip()


def print_table(kernels):
    print("| kernel | arithmetic | sizes | registers | shared memory it declares |")
    print("| --- | --- | --- | --- | --- |")
    for kernel in kernels:
        print(f"| {kernel['kernel']} | {kernel['type']} | "
              f"{' x '.join(map(str, kernel['sizes'])) or '-'} | {kernel['registers']} | "
              f"{kernel['shared']:,} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("objects", nargs="*", type=pathlib.Path)
    given = parser.parse_args()
    if not given.objects:
        print("skipped: this build has no nvcc")
        sys.exit(SKIPPED)
    kernels = [kernel for path in given.objects
               for kernel in parse(path.with_name(path.name + ".ptxas").read_text())]
    if not kernels:
        print(f"skipped: this build compiles nothing for {ARCHITECTURE}")
        sys.exit(SKIPPED)
    if given.table:
        print_table(kernels)
        return
    wrong = [f"{name_of(kernel)} {problem}" for kernel in kernels
             for problem in problems_of(kernel)]
    counts = {kind: sum(kernel["kernel"] == kind for kernel in kernels) for kind in KERNELS}
    print(f"{len(kernels)} kernels read: {counts}")
    if not all(counts.values()):
        wrong.append("a kernel was not found in what ptxas says")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
