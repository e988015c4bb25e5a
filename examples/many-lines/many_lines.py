#!/usr/bin/env python3
"""Prints many lines fast over both streams, in a pattern that `check.py` can verify.

Line n goes to stderr if n is a multiple of 4, else to stdout, as

    <n> <stream> <filler> <CRC-32 of what is before it>

The filler's length varies from nothing to about 120 characters; some is not ASCII.
"""

import argparse
import sys
from zlib import crc32

COUNT = 200_000
FILLERS = ("", "x", "train ", "läuft ", "✓", "\t", "0123456789")
BATCH = 500


def stream_of(n: int) -> str:
    return "stderr" if n % 4 == 0 else "stdout"


def line(n: int) -> bytes:
    """The bytes of line n, with its newline."""
    filler = FILLERS[n % len(FILLERS)] * (n % 13)
    text = f"{n} {stream_of(n)} {filler}".encode()
    return text + b" %08x\n" % crc32(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=COUNT, help="how many lines (default: %(default)s)")
    count = parser.parse_args().count
    outputs = {"stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer}
    for first in range(1, count + 1, BATCH):
        numbers = range(first, min(first + BATCH, count + 1))
        for name, output in outputs.items():
            output.write(b"".join(line(n) for n in numbers if stream_of(n) == name))
            output.flush()


if __name__ == "__main__":
    main()
