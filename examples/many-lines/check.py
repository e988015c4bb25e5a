#!/usr/bin/env python3
"""Verifies that a captured log holds every line of `many_lines.py`, once and in order.

Takes either what the two streams were redirected to (`--stdout FILE --stderr FILE`) or the
log as JSON, one entry a line, as `katonic logs --output json` writes it (`--json FILE`).
Exits with 0 if the log is complete, with 1 and the first difference if it is not.
"""

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Iterator

from many_lines import COUNT, line, stream_of


class Wrong(Exception):
    """The log is not what was printed."""


def expected(count: int, stream: str) -> Iterator[bytes]:
    return (line(n) for n in range(1, count + 1) if stream_of(n) == stream)


def compare(stream: str, found: list[bytes], count: int) -> int:
    """Compares one stream, line by line; answers how many lines it has."""
    wanted = list(expected(count, stream))
    for position, (want, have) in enumerate(zip(wanted, found), start=1):
        if want != have:
            raise Wrong(f"{stream}, line {position}: expected {want!r}, found {have!r}")
    if len(found) != len(wanted):
        raise Wrong(f"{stream}: expected {len(wanted)} lines, found {len(found)}")
    return len(wanted)


def from_json(path: Path) -> dict[str, list[bytes]]:
    """The lines of each stream; the sequence must rise without holes across both."""
    streams: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    last = 0
    for text in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(text)
        entry = entry.get("entry", entry)
        if "seq" not in entry:
            continue  # A state of the execution, as `katonic run --output json` mixes in.
        if "gap" in entry:
            raise Wrong(f"there is a gap at {entry['seq']}")
        if int(entry["seq"]) != last + 1:
            raise Wrong(f"sequence {last} is followed by {entry['seq']}")
        last = int(entry["seq"])
        stream = entry["stream"].removeprefix("STREAM_").lower()
        if stream in streams:
            content = base64.b64decode(entry["raw"]) if "raw" in entry else entry.get("text", "").encode()
            streams[stream].append(content if entry.get("continued") else content + b"\n")
    return streams


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="the log as JSON, one entry a line")
    parser.add_argument("--stdout", type=Path, metavar="FILE", help="what stdout was redirected to")
    parser.add_argument("--stderr", type=Path, metavar="FILE", help="what stderr was redirected to")
    parser.add_argument("--count", type=int, default=COUNT, help="how many lines were printed (default: %(default)s)")
    args = parser.parse_args()
    if not args.json and not (args.stdout and args.stderr):
        parser.error("name the log by --json, or by both --stdout and --stderr")
    try:
        if args.json:
            streams = from_json(args.json)
        else:
            files = {"stdout": args.stdout, "stderr": args.stderr}
            streams = {name: path.read_bytes().splitlines(keepends=True) for name, path in files.items()}
        total = sum(compare(name, lines, args.count) for name, lines in streams.items())
    except Wrong as error:
        print(f"wrong: {error}", file=sys.stderr)
        return 1
    print(f"complete: {total} lines, in order")
    return 0


if __name__ == "__main__":
    sys.exit(main())
