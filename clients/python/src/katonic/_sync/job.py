# Made by `generate` from _async/job.py; do not edit.
"""A job: what one does with it once it is accepted."""

from collections.abc import Generator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any, Self

from .._deadline import Deadline
from .._generated import models, operations
from .._values import ENDED, LogLine, exit_code, is_shown, log_line, word
from ..errors import JobFailedError
from .transport import Transport


class Job:
    """A job of the platform, as it was when last asked for; `refresh` and `wait` bring it up to date."""

    execution: models.Execution
    """All that the platform says about it."""

    def __init__(self, transport: Transport, execution: models.Execution) -> None:
        self._transport = transport
        self.execution = execution

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
    def created(self) -> datetime | None:
        """When it was accepted."""
        return self.execution.create_time

    def refresh(self) -> Self:
        """Ask the platform how it is now."""
        request = models.GetExecutionRequest(execution_id=self.id)
        self.execution = self._transport.call(operations.GET_EXECUTION, request)
        return self

    def wait(self, timeout: float | None = None, *, check: bool = False) -> Self:
        """Wait until it has ended, however that is; with `check`, raise `JobFailedError` unless it succeeded.

        Raises `TimeoutError` after `timeout` seconds. The job goes on then, as it does when waiting is interrupted.
        """
        request = models.WatchExecutionRequest(execution_id=self.id)
        changes = self._transport.follow(operations.WATCH_EXECUTION, request, Deadline(timeout))
        try:
            with closing(changes):
                for answer, _ in changes:
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

    def logs(self, *, follow: bool = True, stream: str | None = None) -> Generator[LogLine, None]:
        """Yield the lines of its log, in order, each once.

        With `follow` of all attempts and until it has ended, across lost connections; without, of the newest attempt
        what there is now. `stream` names one of `stdout`, `stderr` and `prepare` (what the platform did before the
        command started); else it is the first two.
        """
        entries = self._follow_log() if follow else self._read_log()
        with closing(entries):
            for entry, attempt in entries:
                line = log_line(entry, attempt)
                if is_shown(line, stream):
                    yield line

    def _follow_log(self) -> Generator[tuple[models.Entry, int], None]:
        request = models.FollowLogRequest(execution_id=self.id)
        answers = self._transport.follow(operations.FOLLOW_LOG, request)
        with closing(answers):
            for answer, _ in answers:
                for entry in answer.entries:
                    yield entry, answer.attempt
                if answer.ended:
                    return

    def _read_log(self) -> Generator[tuple[models.Entry, int], None]:
        request = models.ReadLogRequest(execution_id=self.id)
        while True:
            page = self._transport.call(operations.READ_LOG, request)
            for entry in page.entries:
                yield entry, page.attempt
            if page.complete or not page.entries:
                return
            request = models.ReadLogRequest(execution_id=self.id, attempt=page.attempt, from_=page.next_from)

    def stop(self, *, discard: bool = False) -> Self:
        """Ask it to stop: TERM, its grace time, then KILL. What it saved is kept unless `discard` is set."""
        request = models.StopExecutionRequest(execution_id=self.id, discard=discard)
        self.execution = self._transport.call(operations.STOP_EXECUTION, request)
        return self

    def explain(self) -> models.ExplainExecutionResponse:
        """Say why it is where it is, and what would help."""
        request = models.ExplainExecutionRequest(execution_id=self.id)
        return self._transport.call(operations.EXPLAIN_EXECUTION, request)
