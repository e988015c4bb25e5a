"""What the client hands out beside the platform's own messages: lines, events, rows."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ._generated.models import CloudEvent, Entry, Execution, MetricSeries, SubmitJobsAnswer
from .errors import KatonicError

ENDED = frozenset({"succeeded", "failed", "stopped"})


def word(constant: str, prefix: str) -> str:
    """Write an enumeration's constant as the command line tool does: `PHASE_QUEUED` is `queued`."""
    name = constant.removeprefix(prefix).lower()
    return "" if name == "unspecified" else name


@dataclass(frozen=True)
class LogLine:
    """A line of a log; `print` shows its text."""

    seq: int
    """Its number in the log of its attempt, the same for every reader and for ever."""
    text: str
    """The line without its line end; of a gap, a sentence that says what is missing."""
    stream: str
    """`stdout`, `stderr`, or `prepare` for what the platform did before the command started."""
    time: datetime | None
    """When it was written."""
    attempt: int
    """Of which attempt it is, from 1."""
    continued: bool = False
    """Whether it goes on in the next line of its stream, being longer than 64 KiB."""
    is_gap: bool = False
    """Whether it stands in the place of lines that could not be kept."""
    raw: bytes = field(default=b"", repr=False)
    """Its bytes, also where they are not UTF-8."""

    def __str__(self) -> str:
        """Its text."""
        return self.text


def log_line(entry: Entry, attempt: int) -> LogLine:
    """Read an entry of a log."""
    raw = base64.b64decode(entry.raw) if entry.raw else entry.text.encode()
    return LogLine(
        seq=entry.seq,
        text=_gap_sentence(entry) if entry.gap else raw.decode(errors="replace"),
        stream=word(entry.stream, "STREAM_"),
        time=entry.time,
        attempt=attempt,
        continued=entry.continued,
        is_gap=entry.gap is not None,
        raw=raw,
    )


def is_shown(line: LogLine, stream: str | None) -> bool:
    """Whether a line belongs to what was asked for; a gap always does, what the platform did only where asked for."""
    return line.is_gap or (line.stream == stream if stream else line.stream != "prepare")


def _gap_sentence(entry: Entry) -> str:
    gap = entry.gap
    last = gap.to if gap else None
    which = f"lines from {entry.seq} on are missing" if last is None else f"lines {entry.seq} to {last} are missing"
    reason = word(gap.reason, "GAP_REASON_") if gap else ""
    return f"{which}: {reason.replace('_', ' ')}" if reason else which


@dataclass(frozen=True)
class Event:
    """A fact of the platform, such as that a job has finished."""

    type: str
    """Such as `io.katonic.execution.finished.v1`."""
    subject: str
    """The id of what it is about."""
    sequence: int
    """Of two events of one subject the one with the higher sequence is newer."""
    project_id: str
    """The project that it belongs to; the subject where there is none."""
    time: datetime
    """When it happened."""
    data: Mapping[str, Any]
    """What it is about as it was after it, as JSON."""
    id: str
    """Unique."""
    cursor: str = field(repr=False)
    """Give it to `events` to go on after this event."""


def event_of(event: CloudEvent, cursor: str) -> Event:
    """Read an event of the feed."""
    return Event(
        type=event.type,
        subject=event.subject,
        sequence=int(event.sequence),
        project_id=event.partitionkey,
        time=datetime.fromisoformat(event.time),
        data=event.data,
        id=event.id,
        cursor=cursor,
    )


class Run(dict[str, Any]):
    """A job as a row of a table: `pandas.DataFrame(katonic.runs(...))` makes columns of its keys.

    They are `id`, `number`, `project_id`, `title`, `phase`, `reason`, `tier`, `tags`, `created`, `started`, `ended`,
    `duration` in seconds, `exit_code`, and `param.<name>` and `metric.<name>` for each parameter and metric. Parameters
    are texts, as the command gets them; a metric inside another is `metric.<outer>.<inner>`.
    """

    @property
    def id(self) -> str:
        """`exe_…`."""
        return str(self["id"])

    @property
    def phase(self) -> str:
        """`queued`, `starting`, `running`, `finishing`, `succeeded`, `failed` or `stopped`."""
        return str(self["phase"])

    @property
    def params(self) -> dict[str, str]:
        """The parameters, by name."""
        return {key.removeprefix("param."): value for key, value in self.items() if key.startswith("param.")}

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics, by name."""
        return {key.removeprefix("metric."): value for key, value in self.items() if key.startswith("metric.")}


def run_of(execution: Execution) -> Run:
    """Write an execution as a row."""
    started, ended = execution.start_time, execution.end_time
    row = Run(
        id=execution.execution_id,
        number=execution.number,
        project_id=execution.project_id,
        title=execution.title,
        phase=word(execution.phase, "PHASE_"),
        reason=word(execution.reason, "REASON_"),
        tier=execution.spec.tier.name if execution.spec and execution.spec.tier else "",
        tags=list(execution.tags),
        created=execution.create_time,
        started=started,
        ended=ended,
        duration=(ended - started).total_seconds() if started and ended else None,
        exit_code=exit_code(execution),
    )
    row.update({f"param.{name}": value for name, value in execution.params.items()})
    row.update({f"metric.{name}": value for name, value in flat(execution.metrics)})
    return row


def exit_code(execution: Execution) -> int | None:
    """What the command of the last attempt ended with."""
    return execution.attempts[-1].exit_code if execution.attempts else None


def flat(metrics: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each metric by its name; one inside another is `<outer>.<inner>`."""
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", number) for inner, number in flat(value))
        else:
            yield name, value


class Series(dict[str, MetricSeries]):
    """What a job logged of its metrics, by name: of each its `steps` and `values`, thinned to 500 where there are more.

    `pandas.DataFrame(job.series().rows())` makes a column of each metric.
    """

    def rows(self) -> list[dict[str, Any]]:
        """Write a row for each step in order: `step` and the metrics that have a value there, of several the last."""
        rows: dict[int, dict[str, Any]] = {}
        for name, series in self.items():
            for step, value in zip(series.steps, series.values, strict=True):
                rows.setdefault(step, {"step": step})[name] = value
        return [rows[step] for step in sorted(rows)]


@dataclass(frozen=True)
class Submission:
    """What became of one job of many."""

    id: str
    """`exe_…`; empty where it was refused."""
    number: int
    """Its number in its project; 0 where it was refused."""
    replayed: bool
    """Whether an earlier call with the same idempotency key had made it."""
    error: KatonicError | None
    """Why it was refused; `None` where it was not."""


def submission_of(answer: SubmitJobsAnswer) -> Submission:
    """Read what is answered of one job."""
    return Submission(answer.execution_id, answer.number, answer.replayed, _refusal(answer))


def _refusal(answer: SubmitJobsAnswer) -> KatonicError | None:
    problem = answer.problem
    if problem is None:
        return None
    violations = {violation.field: violation.description for violation in problem.violations}
    return KatonicError(problem.detail, reason=problem.code, violations=violations)
