"""Writes the notices of what the programs are made of: every crate's and every page's licence, each text once.

    cargo metadata … | notices.py PAGES_FOLDER CRATE…

Reads what `cargo metadata` says, walks from our crates over what is linked or generates code for them, and writes to
standard output. The same input gives the same bytes.
"""

import json
import pathlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterator

LICENCE = re.compile(r"^(un)?licen[cs]e|^copying|^copyright|^notice|\.license\.", re.IGNORECASE)
# Of `LICENSE-APACHE-2.0` the last is `.0`.
TEXTS = {"", ".md", ".txt", ".mit", ".apache", ".apache2", ".0"}
RULE = "=" * 100
HEAD = """\
Katonic is Apache-2.0; it contains the works of others that are listed here with their licences.

Every program but katonic-shim is linked with the system's C library. katonic-shim is a static program and contains the
GNU C Library (LGPL-2.1-or-later) of the Debian release that it was built on; its sources are Debian's package glibc, and
Katonic's sources, with which it can be linked to another version of that library, are executor/shim and libs/member.
All programs contain the standard library of Rust (MIT OR Apache-2.0).
"""


def linked(metadata: dict, ours: set[str]) -> list[dict]:
    """The packages of others that reach our programs: no tests and no build scripts' needs."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    open_ids = [id for id, package in packages.items() if package["name"] in ours]
    seen = set(open_ids)
    while open_ids:
        for dep in nodes[open_ids.pop()]["deps"]:
            if dep["pkg"] not in seen and any(kind["kind"] is None for kind in dep["dep_kinds"]):
                seen.add(dep["pkg"])
                open_ids.append(dep["pkg"])
    others = [packages[id] for id in seen if packages[id]["source"]]
    return sorted(others, key=lambda package: (package["name"], package["version"]))


def texts(folder: pathlib.Path) -> Iterator[str]:
    """The licences and notices at the top of a package, and of a library in C that it may hold."""
    for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
        if path.is_file() and LICENCE.search(path.name) and path.suffix.lower() in TEXTS:
            yield "\n".join(line.rstrip() for line in path.read_text("utf-8", "replace").strip().splitlines())


def works(metadata: dict, ours: set[str], pages: pathlib.Path) -> Iterator[tuple[str, str, pathlib.Path]]:
    """Name and version, a line about it, and its folder."""
    for package in linked(metadata, ours):
        title = f"{package['name']} {package['version']}"
        licence = package["license"] or "see its licence file"
        yield title, f"{licence}  {package['repository'] or ''}".rstrip(), pathlib.Path(package["manifest_path"]).parent
    for manifest in sorted(pages.glob("*/package.json")):
        package = json.loads(manifest.read_text())
        yield f"{package['name']} {package['version']} (npm)", package["license"], manifest.parent


def main() -> None:
    """Writes the list, then the texts."""
    pages, ours = pathlib.Path(sys.argv[1]), set(sys.argv[2:])
    lines, users = [], defaultdict(dict)
    for title, about, folder in works(json.load(sys.stdin), ours, pages):
        found = list(texts(folder))
        lines.append(f"{title}: {about}{'' if found else '  (without a licence file of its own)'}")
        for text in found:
            users[text][title] = None
    print(HEAD)
    print("\n".join(lines))
    for text, titles in users.items():
        print(f"\n{RULE}\n{', '.join(titles)}\n{RULE}\n\n{text}")


if __name__ == "__main__":
    main()
