"""What a person writes in a call, as the platform's request."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias

from ._generated.models import Dependency, ItemDependency, RerunExecutionRequest, RetryPolicy, SubmitJobRequest
from ._operation import Request
from .errors import InvalidError

_NEVER_CHANGED = {"execution_id", "schedule_id", "etag"}


class HasId(Protocol):
    """Such as a job, a row of `runs`, or an answer of `run_many`."""

    @property
    def id(self) -> str:
        """Its id."""
        ...


JobReference: TypeAlias = str | HasId
"""A job, or its id."""


def id_of(reference: JobReference) -> str:
    """Which job is meant."""
    return reference if isinstance(reference, str) else reference.id


@dataclass(frozen=True)
class JobSpec:
    """A job to be, for `run_many` and schedules: what `run` takes of one."""

    command: str | Sequence[str]
    """A program and its arguments; a text is split at its spaces as a shell would, and never passed through one."""
    _: KW_ONLY
    title: str | None = None
    """What to call it; else it is the command."""
    tier: str | None = None
    """What it runs on."""
    params: Mapping[str, object] | None = None
    """They reach the command as `KATONIC_PARAM_<NAME>` and stay with the job."""
    tags: Iterable[str] = ()
    """They find it again."""
    priority: str | None = None
    """`low`, `normal` or `high`."""
    timeout: timedelta | float | None = None
    """How long it may run; 24 hours where nothing is said."""
    grace: timedelta | float | None = None
    """How long it has between being asked to stop and being killed; 30 s where nothing is said."""
    retries: int | None = None
    """How often it may be tried again after it failed, up to 19 times."""
    retry_on: Iterable[str] = ()
    """After which failures: of `infrastructure`, `user` and `timeout`; the first where none is named."""
    retry_after: timedelta | float | None = None
    """How long to wait before that, twice as long each further time; 10 s where nothing is said."""
    after: Iterable[JobReference | int] = ()
    """It starts once these have succeeded; a number is an earlier job of the same `run_many`, by its place from 0."""
    after_any: Iterable[JobReference | int] = ()
    """It starts once these have ended, however that is."""


def job_request(job: JobSpec) -> SubmitJobRequest:
    """Write a job, so far without its project and files."""
    command = job.command
    after, after_items = _dependencies(job)
    return SubmitJobRequest(
        command=shlex.split(command) if isinstance(command, str) else [str(word) for word in command],
        title=job.title,
        tier=job.tier,
        params={name: _text(value) for name, value in (job.params or {}).items()},
        tags=list(job.tags),
        priority=constant("PRIORITY", job.priority),
        timeout=_duration(job.timeout),
        grace=_duration(job.grace),
        retry=_retry_policy(job),
        after=after,
        after_items=after_items,
    )


def rerun_request(execution_id: str, job: JobSpec) -> RerunExecutionRequest:
    """Write what a job is to have anew; what is empty is as it was."""
    anew = job_request(job).model_dump(exclude_none=True)
    return RerunExecutionRequest.model_validate(anew | {"execution_id": execution_id})


def masked(update: Request) -> Request:
    """Say of an update which fields it sets: what it sets to nothing is emptied, and what it does not set stays."""
    fields = update.model_dump(by_alias=True, exclude_none=True, exclude=_NEVER_CHANGED)
    return update.model_copy(update={"update_mask": ",".join(fields) or None})


def constant(prefix: str, word: str | None) -> str | None:
    """Write a word as an enumeration's constant: `low` is `PRIORITY_LOW`."""
    return f"{prefix}_{word.upper()}" if word else None


def _retry_policy(job: JobSpec) -> RetryPolicy | None:
    classes = [f"REASON_CLASS_{word.upper()}" for word in job.retry_on]
    if job.retries is not None:
        return RetryPolicy(max_attempts=job.retries + 1, backoff=_duration(job.retry_after), classes=[*classes])
    if classes or job.retry_after is not None:
        raise InvalidError("`retry_on` and `retry_after` go with `retries` only", violations={"retries": "is not said"})
    return None


def _dependencies(job: JobSpec) -> tuple[list[Dependency], list[ItemDependency]]:
    ends = {"SUCCEEDED": list(job.after), "ENDED": list(job.after_any)}
    asked = [(other, f"DEPENDENCY_CONDITION_{end}") for end, others in ends.items() for other in others]
    return (
        [Dependency(execution_id=id_of(other), condition=end) for other, end in asked if not isinstance(other, int)],
        [ItemDependency(item=other, condition=end) for other, end in asked if isinstance(other, int)],
    )


def _text(value: object) -> str:
    # As JSON and every other configuration writes them.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _duration(value: timedelta | float | None) -> timedelta | None:
    return timedelta(seconds=value) if isinstance(value, int | float) else value
