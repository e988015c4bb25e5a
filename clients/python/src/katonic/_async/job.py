"""A job: what one does with it once it is accepted."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, Self

from .._comparison import differences_between
from .._deadline import Deadline
from .._generated import models, operations
from .._request import JobReference, JobSpec, masked, rerun_request
from .._values import ENDED, LogLine, Series, exit_code, is_shown, log_line, word
from ..errors import JobFailedError
from .transport import AsyncTransport


class AsyncJob:
    """A job of the platform, as it was when last asked for; `refresh` and `wait` bring it up to date."""

    execution: models.Execution
    """All that the platform says about it."""
    differences: Mapping[str, tuple[Any, Any]]
    """Of a job that `rerun` has made: what it has otherwise than the one before, as it was and as it is, by name."""

    def __init__(
        self,
        transport: AsyncTransport,
        execution: models.Execution,
        differences: Mapping[str, tuple[Any, Any]] | None = None,
    ) -> None:
        self._transport = transport
        self.execution = execution
        self.differences = differences or {}

    def __repr__(self) -> str:
        """Its id, phase and title."""
        return f"<{type(self).__name__} {self.id} {self.phase}: {self.title}>"

    @property
    def id(self) -> str:
        """`exe_…`."""
        return self.execution.execution_id

    @property
    def project_id(self) -> str:
        """`prj_…`, the project that it belongs to."""
        return self.execution.project_id

    @property
    def number(self) -> int:
        """Its number in its project."""
        return self.execution.number

    @property
    def title(self) -> str:
        """What it is called; the command where nobody said."""
        return self.execution.title

    @property
    def phase(self) -> str:
        """`queued`, `starting`, `running`, `finishing`, `succeeded`, `failed` or `stopped`."""
        return word(self.execution.phase, "PHASE_")

    @property
    def reason(self) -> str:
        """Why it ended, such as `COMPLETED`, `EXIT_CODE` or `TIMED_OUT`; empty until that is known."""
        return word(self.execution.reason, "REASON_").upper()

    @property
    def reason_text(self) -> str:
        """The reason in words, with what to do next."""
        return self.execution.reason_text

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.phase in ENDED

    @property
    def succeeded(self) -> bool:
        """Whether its command exited with 0."""
        return self.phase == "succeeded"

    @property
    def exit_code(self) -> int | None:
        """What its command ended with; `None` where it has not, or by a signal."""
        return exit_code(self.execution)

    @property
    def params(self) -> Mapping[str, str]:
        """Its parameters."""
        return self.execution.params

    @property
    def metrics(self) -> Mapping[str, Any]:
        """What it wrote to the file that `$KATONIC_METRICS` names; known once it has ended."""
        return self.execution.metrics

    @property
    def tags(self) -> list[str]:
        """The labels to find it by."""
        return list(self.execution.tags)

    @property
    def notes(self) -> str:
        """What people write about it."""
        return self.execution.notes

    @property
    def archived(self) -> bool:
        """Whether lists leave it out."""
        return self.execution.archived

    @property
    def created(self) -> datetime | None:
        """When it was accepted."""
        return self.execution.create_time

    async def refresh(self) -> Self:
        """Ask the platform how it is now."""
        request = models.GetExecutionRequest(execution_id=self.id)
        self.execution = await self._transport.call(operations.GET_EXECUTION, request)
        return self

    async def wait(self, timeout: float | None = None, *, check: bool = False) -> Self:
        """Wait until it has ended, however that is; with `check`, raise `JobFailedError` unless it succeeded.

        Raises `TimeoutError` after `timeout` seconds. The job goes on then, as it does when waiting is interrupted.
        """
        request = models.WatchExecutionRequest(execution_id=self.id)
        changes = self._transport.follow(operations.WATCH_EXECUTION, request, Deadline(timeout))
        try:
            async with aclosing(changes):
                async for answer, _ in changes:
                    self.execution = answer.execution or self.execution
                    if self.ended:
                        break
        except (KeyboardInterrupt, TimeoutError) as error:
            error.add_note(f"The job {self.id} goes on; its method `stop` stops it.")
            raise
        if check and not self.succeeded:
            raise JobFailedError(
                f"the job {self.id} has {self.phase}: {self.reason_text}",
                reason=self.reason,
                execution_id=self.id,
                exit_code=self.exit_code,
            )
        return self

    async def logs(self, *, follow: bool = True, stream: str | None = None) -> AsyncGenerator[LogLine, None]:
        """Yield the lines of its log, in order, each once.

        With `follow` of all attempts and until it has ended, across lost connections; without, of the newest attempt
        what there is now. `stream` names one of `stdout`, `stderr` and `prepare` (what the platform did before the
        command started); else it is the first two.
        """
        entries = self._follow_log() if follow else self._read_log()
        async with aclosing(entries):
            async for entry, attempt in entries:
                line = log_line(entry, attempt)
                if is_shown(line, stream):
                    yield line

    async def _follow_log(self) -> AsyncGenerator[tuple[models.Entry, int], None]:
        request = models.FollowLogRequest(execution_id=self.id)
        answers = self._transport.follow(operations.FOLLOW_LOG, request)
        async with aclosing(answers):
            async for answer, _ in answers:
                for entry in answer.entries:
                    yield entry, answer.attempt
                if answer.ended:
                    return

    async def _read_log(self) -> AsyncGenerator[tuple[models.Entry, int], None]:
        request = models.ReadLogRequest(execution_id=self.id)
        while True:
            page = await self._transport.call(operations.READ_LOG, request)
            for entry in page.entries:
                yield entry, page.attempt
            if page.complete or not page.entries:
                return
            request = models.ReadLogRequest(execution_id=self.id, attempt=page.attempt, from_=page.next_from)

    async def stop(self, *, discard: bool = False) -> Self:
        """Ask it to stop: TERM, its grace time, then KILL. What it saved is kept unless `discard` is set."""
        request = models.StopExecutionRequest(execution_id=self.id, discard=discard)
        self.execution = await self._transport.call(operations.STOP_EXECUTION, request)
        return self

    async def explain(self) -> models.ExplainExecutionResponse:
        """Say why it is where it is, and what would help."""
        request = models.ExplainExecutionRequest(execution_id=self.id)
        return await self._transport.call(operations.EXPLAIN_EXECUTION, request)

    async def rerun(
        self,
        command: str | Sequence[str] = (),
        *,
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
    ) -> Self:
        """Run it once more, with the same command, files, tier and so on, but for what is given, as for `run`.

        Each of `params` replaces the one of its name, or comes on top; `tags` replace all that it had. It waits for
        nobody but those of `after` and `after_any`. The answer is the new job, whose `differences` say what it has
        otherwise.
        """
        spec = JobSpec(
            command,
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
        )
        request = rerun_request(self.id, spec)
        execution = await self._transport.call(operations.RERUN_EXECUTION, request, idempotency_key)
        job = type(self)(self._transport, execution, differences_between(self.execution, execution))
        return await job.wait() if wait else job

    async def edit(
        self,
        *,
        title: str | None = None,
        tags: Iterable[str] | None = None,
        notes: str | None = None,
        archived: bool | None = None,
        etag: str | None = None,
    ) -> Self:
        """Change what people say about it, in whatever phase it is; `""` and `[]` take away what was said.

        An `archived` job is left out of lists until it is not archived any more. With an `etag`, as the execution has
        it, it raises `StaleError` where somebody changed it since.
        """
        request = models.UpdateExecutionRequest(
            execution_id=self.id,
            title=title,
            tags=None if tags is None else list(tags),
            notes=notes,
            archived=archived,
            etag=etag,
        )
        self.execution = await self._transport.call(operations.UPDATE_EXECUTION, masked(request))
        return self

    async def series(self, *names: str) -> Series:
        """Read what it logged of its metrics by step, of these or of all; none before it has ended."""
        request = models.GetMetricsRequest(execution_id=self.id, names=list(names))
        answer = await self._transport.call(operations.GET_METRICS, request)
        return Series({series.name: series for series in answer.series})

    async def usage(self, *, attempt: int | None = None, max_points: int | None = None) -> models.GetUsageResponse:
        """Read what it has used and cost so far, and what its members used over time, at most 240 points of each.

        `attempt` is which one's members are shown; else it is the newest.
        """
        request = models.GetUsageRequest(execution_id=self.id, attempt=attempt, max_points=max_points)
        return await self._transport.call(operations.GET_USAGE, request)
