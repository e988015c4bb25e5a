"""Which project a folder belongs to, as the command line tool finds it."""

import re
import tomllib
from pathlib import Path

from .errors import ConfigurationError

_FILE = ".katonic.toml"
_LONGEST_NAME = 63


def is_project_id(project: str) -> bool:
    """Whether it is an id; no name has a `_`."""
    return project.startswith("prj_")


def project_of_folder(folder: Path) -> str:
    """Read it from `.katonic.toml`, up to the root of the Git working tree; else it is the folder's name."""
    folder = folder.resolve()
    for place in places(folder):
        if (file := place / _FILE).is_file():
            return _read(file)
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder.name).lower().strip("-")[:_LONGEST_NAME].rstrip("-")
    if not name:
        raise ConfigurationError(f"no project can be named after the folder {folder}", next_step="name the project")
    return name


def places(folder: Path) -> list[Path]:
    """The folder and what is above it up to the root of its Git working tree; outside of one, the folder alone."""
    above = [folder, *folder.parents]
    root = next((n for n, place in enumerate(above) if (place / ".git").exists()), 0)
    return above[: root + 1]


def _read(file: Path) -> str:
    try:
        project = tomllib.loads(file.read_text())["project"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise ConfigurationError(
            f"{file} does not say which project", next_step='write a line such as `project = "churn"`'
        ) from error
    return str(project)
