"""A folder as a commit, sent along with a job by Git.

The folder and the user's own `.git` are only read: the Git directory is a temporary one, and neither configuration,
hooks, filters nor attributes of the user have a say in it. The commit depends on nothing but the files, so that it is
the one that `katonic run` makes of the same folder.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from ._endpoint import Endpoint
from ._project import places
from .errors import SnapshotError

_CAP_BYTES = 1 << 30
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
# Outranks every .gitattributes: a blob has exactly the bytes of its file.
_ATTRIBUTES = "* -text -eol -crlf -ident !filter !working-tree-encoding\n"
_SETTINGS = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.symlinks": "true",
    "gc.auto": "0",
}


class Snapshot:
    """The files of a folder, as they are while it is open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        if not self._folder.is_dir():
            raise SnapshotError(f"{folder} is no folder", next_step="name one that exists")
        self._temporary = tempfile.TemporaryDirectory(prefix="katonic-")
        self._git_dir = Path(self._temporary.name)

    def __enter__(self) -> Self:
        """Make the Git directory."""
        self._git("init", "--quiet", "--bare", "--template=", str(self._git_dir))
        (self._git_dir / "info").mkdir(exist_ok=True)
        (self._git_dir / "info/attributes").write_text(_ATTRIBUTES)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        self._temporary.cleanup()

    def push(self, endpoint: Endpoint, project_id: str) -> str | None:
        """Send the files to the project and answer their commit; `None` where the folder holds none."""
        commit = self._commit()
        if commit is None:
            return None
        url, ref = f"{endpoint.url}/git/{project_id}.git", f"refs/katonic/snapshots/{commit}"
        access = {f"http.{endpoint.url}/.extraHeader": f"Authorization: Bearer {endpoint.token}"}
        access["http.followRedirects"] = "false"
        if endpoint.is_loopback:
            access["http.proxy"] = ""
        try:
            self._git("push", "--quiet", "--no-verify", url, f"{commit}:{ref}", settings=access)
        except SnapshotError as refusal:
            # Whoever pushes the same files at the same moment makes Git refuse the second.
            try:
                self._git("ls-remote", "--exit-code", url, ref, settings=access)
            except SnapshotError:
                raise refusal from None
        return commit

    def _commit(self) -> str | None:
        files = list(self._files(self._folder))
        self._check_size(files)
        index = b"".join(os.fsencode(file) + b"\0" for file in files)
        self._git("update-index", "-z", "--add", "--remove", "--stdin", work_tree=self._folder, stdin=index)
        tree = self._git("write-tree").decode().strip()
        if tree == _EMPTY_TREE:
            return None
        return self._git("commit-tree", "-m", "Snapshot", tree).decode().strip()

    def _files(self, folder: Path) -> Iterator[Path]:
        """List what no `.gitignore` leaves out, relative to the snapshot's folder; a repository inside is data."""
        root = places(folder)[-1]
        excludes = [file for file in (root / ".git/info/exclude", _global_excludes()) if file and file.is_file()]
        options = ["-z", "--others", "--exclude-standard", *(f"--exclude-from={file}" for file in excludes)]
        listed = self._git("ls-files", *options, "--", ".", work_tree=root, folder=folder, index="none")
        for name in map(os.fsdecode, filter(None, listed.split(b"\0"))):
            if name.endswith("/"):
                yield from self._files(folder / name)
            else:
                yield (folder / name).relative_to(self._folder)

    def _check_size(self, files: list[Path]) -> None:
        sizes = {file: _size(self._folder / file) for file in files}
        if sum(sizes.values()) > _CAP_BYTES:
            largest = max(sizes, key=lambda file: sizes[file])
            raise SnapshotError(
                f"the folder has more than {_CAP_BYTES >> 30} GiB of files",
                next_step=f"list what the job does not need in .gitignore, such as {largest}",
            )

    def _git(
        self,
        *arguments: str,
        work_tree: Path | None = None,
        folder: Path | None = None,
        index: str = "index",
        settings: dict[str, str] | None = None,
        stdin: bytes = b"",
    ) -> bytes:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment |= {
            "GIT_DIR": str(self._git_dir),
            "GIT_INDEX_FILE": str(self._git_dir / index),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "LC_ALL": "C",
        }
        if work_tree:
            environment["GIT_WORK_TREE"] = str(work_tree)
        for role in ("AUTHOR", "COMMITTER"):
            environment[f"GIT_{role}_NAME"] = "Katonic"
            environment[f"GIT_{role}_EMAIL"] = "snapshots@katonic.invalid"
            environment[f"GIT_{role}_DATE"] = "@0 +0000"
        # The token travels in the environment, which other users cannot read, never in the arguments, which they can.
        all_settings = _SETTINGS | (settings or {})
        environment["GIT_CONFIG_COUNT"] = str(len(all_settings))
        for n, (key, value) in enumerate(all_settings.items()):
            environment |= {f"GIT_CONFIG_KEY_{n}": key, f"GIT_CONFIG_VALUE_{n}": value}
        where = folder or work_tree or self._git_dir
        try:
            done = subprocess.run(
                ["git", *arguments], env=environment, cwd=where, input=stdin, capture_output=True, check=False
            )
        except FileNotFoundError as error:
            raise SnapshotError("cannot start git", next_step="install git 2.32 or newer") from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip() or f"it exited with {done.returncode}"
            raise SnapshotError(f"git {arguments[0]} failed: {said}", next_step="correct what git names and try again")
        return done.stdout


def _global_excludes() -> Path | None:
    """The user's own ignore file, where their configuration names one; Git itself knows the usual place."""
    setting = ["git", "config", "--global", "--type=path", "core.excludesFile"]
    named = subprocess.run(setting, capture_output=True, check=False).stdout
    return Path(os.fsdecode(named.rstrip(b"\n"))) if named else None


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except FileNotFoundError:  # it has vanished since it was listed
        return 0
