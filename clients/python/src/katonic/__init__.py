"""Runs jobs on Katonic: submit, follow, wait, compare.

The functions here work with the platform that the environment names (`KATONIC_URL`, `KATONIC_TOKEN`), else with the
installation of this machine. For another one, or from async code, make a `Client` or an `AsyncClient`; it has the same
as methods.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from os import PathLike
from typing import Any

from ._async.client import AsyncClient
from ._async.job import AsyncJob
from ._endpoint import Endpoint, find_endpoint
from ._generated.models import Execution, ExplainExecutionResponse, GetUsageResponse, Project, Schedule
from ._request import JobReference, JobSpec
from ._sync.client import Client
from ._sync.job import Job
from ._values import Event, LogLine, Run, Series, Submission
from .errors import JobFailedError, KatonicError

__all__ = [
    "AsyncClient",
    "AsyncJob",
    "Client",
    "Event",
    "Execution",
    "ExplainExecutionResponse",
    "GetUsageResponse",
    "Job",
    "JobFailedError",
    "JobSpec",
    "KatonicError",
    "LogLine",
    "Project",
    "Run",
    "Schedule",
    "Series",
    "Submission",
    "compare",
    "events",
    "job",
    "projects",
    "run",
    "run_many",
    "runs",
]


def run(
    command: str | Sequence[str],
    *,
    project: str | None = None,
    folder: str | PathLike[str] | None = None,
    title: str | None = None,
    tier: str | None = None,
    params: Mapping[str, object] | None = None,
    tags: Iterable[str] = (),
    priority: str | None = None,
    timeout: timedelta | float | None = None,
    grace: timedelta | float | None = None,
    retries: int | None = None,
    retry_on: Iterable[str] = (),
    retry_after: timedelta | float | None = None,
    after: Iterable[JobReference] = (),
    after_any: Iterable[JobReference] = (),
    idempotency_key: str | None = None,
    wait: bool = False,
) -> Job:
    """Run a command as a job; see `Client.run`."""
    return _client().run(
        command,
        project=project,
        folder=folder,
        title=title,
        tier=tier,
        params=params,
        tags=tags,
        priority=priority,
        timeout=timeout,
        grace=grace,
        retries=retries,
        retry_on=retry_on,
        retry_after=retry_after,
        after=after,
        after_any=after_any,
        idempotency_key=idempotency_key,
        wait=wait,
    )


def run_many(
    jobs: Iterable[JobSpec],
    *,
    project: str | None = None,
    folder: str | PathLike[str] | None = None,
    idempotency_key: str | None = None,
) -> list[Submission]:
    """Run up to 1,000 commands as jobs in one call; see `Client.run_many`."""
    return _client().run_many(jobs, project=project, folder=folder, idempotency_key=idempotency_key)


def job(execution_id: str) -> Job:
    """Find a job by its id; see `Client.job`."""
    return _client().job(execution_id)


def runs(
    query: str | None = None, *, project: str | None = None, sort: str | None = None, limit: int | None = None
) -> list[Run]:
    """List jobs as rows of a table; see `Client.runs`."""
    return _client().runs(query, project=project, sort=sort, limit=limit)


def compare(*jobs: JobReference) -> list[dict[str, Any]]:
    """Put jobs beside each other, as rows of a table; see `Client.compare`."""
    return _client().compare(*jobs)


def projects(*, archived: bool = False) -> list[Project]:
    """List your projects; see `Client.projects`."""
    return _client().projects(archived=archived)


def events(
    *,
    project: str | None = None,
    types: Iterable[str] = (),
    subject: str | None = None,
    cursor: str | None = None,
    from_start: bool = False,
) -> Generator[Event, None, None]:
    """Yield what happens on the platform; see `Client.events`."""
    return _client().events(project=project, types=types, subject=subject, cursor=cursor, from_start=from_start)


def _client() -> Client:
    return _client_of(find_endpoint(None, None))


@cache
def _client_of(endpoint: Endpoint) -> Client:
    return Client(endpoint.url, endpoint.token)
