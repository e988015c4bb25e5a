"""What a person writes in a call, as the platform's request."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from ._generated.models import SubmitJobRequest


def submission(
    command: str | Sequence[str],
    *,
    title: str | None,
    tier: str | None,
    params: Mapping[str, object] | None,
    tags: Iterable[str],
    priority: str | None,
    timeout: timedelta | float | None,
    grace: timedelta | float | None,
) -> SubmitJobRequest:
    """Write a job, so far without its project and files."""
    return SubmitJobRequest(
        project_id="",
        command=shlex.split(command) if isinstance(command, str) else [str(word) for word in command],
        title=title,
        tier=tier,
        params={name: _text(value) for name, value in (params or {}).items()},
        tags=list(tags),
        priority=f"PRIORITY_{priority.upper()}" if priority else None,
        timeout=_duration(timeout),
        grace=_duration(grace),
    )


def _text(value: object) -> str:
    # As JSON and every other configuration writes them.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _duration(value: timedelta | float | None) -> timedelta | None:
    return timedelta(seconds=value) if isinstance(value, int | float) else value
