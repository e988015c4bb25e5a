"""Jobs beside each other: what they were given, what became of them, and where they differ."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ._generated.models import Execution, LaunchSpec
from ._values import exit_code, flat, word

Fields = Mapping[str, Any]


def compared(executions: Sequence[Execution]) -> list[dict[str, Any]]:
    """Write a row for each thing that is known of any of them: `name`, `differs`, and its value by their ids."""
    groups: list[Callable[[Execution], Fields]] = [_outcome, launched, _metrics, _durations]
    return [row for group in groups for row in _rows({one.execution_id: group(one) for one in executions})]


def differences_between(before: Execution, after: Execution) -> dict[str, tuple[Any, Any]]:
    """In what two were launched differently, by name: as it was, and as it is; `None` where there is none."""
    was, now = launched(before), launched(after)
    return {name: (was.get(name), now.get(name)) for name in was | now if was.get(name) != now.get(name)}


def launched(execution: Execution) -> dict[str, Any]:
    """What it was launched with, by the names that the command line tool has too."""
    spec = execution.spec or LaunchSpec(groups=[])
    given = {
        "command": shlex.join(spec.command),
        "input": spec.input_commit,
        "environment": f"{spec.environment} {spec.image_digest}".strip(),
        "tier": f"{spec.tier.name} (revision {spec.tier.revision})" if spec.tier else "",
        "timeout": _seconds(spec.timeout),
        "grace": _seconds(spec.grace),
        "priority": word(execution.priority, "PRIORITY_"),
        "attempts": spec.retry.max_attempts if spec.retry else 1,
        "tags": list(execution.tags),
    }
    return given | {f"param.{name}": value for name, value in execution.params.items()}


def _outcome(execution: Execution) -> Fields:
    return {
        "title": execution.title,
        "phase": word(execution.phase, "PHASE_"),
        "reason": word(execution.reason, "REASON_"),
        "exit_code": exit_code(execution),
    }


def _metrics(execution: Execution) -> Fields:
    return {f"metric.{name}": value for name, value in flat(execution.metrics)}


def _durations(execution: Execution) -> Fields:
    admitted = execution.attempts[0].admit_time if execution.attempts else None
    return {
        "queued": _between(execution.create_time, admitted),
        "duration": _between(execution.start_time, execution.end_time),
    }


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return _seconds(end - start) if start and end else None


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _rows(fields: Mapping[str, Fields]) -> list[dict[str, Any]]:
    """A row for each name that any of them has a value of, in the order in which they come."""
    rows = []
    for name in dict.fromkeys(name for one in fields.values() for name in one):
        values = {id_: one.get(name) for id_, one in fields.items()}
        first, *others = values.values()
        if any(value not in (None, "", []) for value in values.values()):
            rows.append({"name": name, "differs": any(value != first for value in others)} | values)
    return rows
