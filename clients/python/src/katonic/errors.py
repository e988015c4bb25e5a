"""What can go wrong, one class per kind.

Every error says what happened, a stable `reason` for programs, what to do next, and the `trace_id` under which whoever
runs the platform finds the request in its logs.
"""

from collections.abc import Mapping
from typing import ClassVar


class KatonicError(Exception):
    """Something went wrong; the base of all errors of this package."""

    default_next_step: ClassVar[str] = ""
    default_retryable: ClassVar[bool] = False

    message: str
    """What happened."""
    reason: str
    """The stable code, such as `PROJECT_NOT_FOUND`; empty where the platform gave none."""
    status: int | None
    """The HTTP status; `None` where there was no answer."""
    trace_id: str
    """Finds the request in the platform's logs; may be empty."""
    violations: Mapping[str, str]
    """Which fields are wrong, and why."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        status: int | None = None,
        trace_id: str = "",
        violations: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.status = status
        self.trace_id = trace_id
        self.violations = violations or {}
        self.next_step = self.default_next_step if next_step is None else next_step
        """What to do about it."""

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed a little later."""
        return self.default_retryable or self.reason == "CONTENDED"

    def __str__(self) -> str:
        """All of it, for people."""
        sentence = "; ".join([self.message, *(f"{field}: {why}" for field, why in self.violations.items())])
        known = ", ".join(filter(None, [self.reason, self.trace_id and f"trace {self.trace_id}"]))
        return f"{sentence}{known and f' ({known})'}{self.next_step and f': {self.next_step}'}"


class ConfigurationError(KatonicError):
    """It is not known which platform to call, or with which token."""


class InvalidError(KatonicError):
    """The request is wrong; `violations` names the fields."""

    default_next_step = "correct it and repeat the call"


class UnauthenticatedError(KatonicError):
    """No token, or one that is not known, has expired or was revoked."""

    default_next_step = "set KATONIC_TOKEN to a token that has neither expired nor been revoked"


class DeniedError(KatonicError):
    """One may read this, but not do this."""

    default_next_step = "ask the owner of the project, or use a token with the scope that is named"


class NotFoundError(KatonicError):
    """There is none, or none that one may read."""

    default_next_step = "check the id; katonic.projects() and katonic.runs() show yours"


class ConflictError(KatonicError):
    """It exists already, or its state does not allow this."""

    default_next_step = "look at its state, or use what is there"


class StaleError(KatonicError):
    """It was changed since it was read."""

    default_next_step = "read it again and repeat the call with its etag"


class TooLargeError(KatonicError):
    """The request is larger than the call takes."""

    default_next_step = "put large things into the project's files"


class UnprocessableError(KatonicError):
    """A quota is used up (`QUOTA_…`), or an idempotency key came with another job."""

    default_next_step = "let some jobs end, or take a new key for new work"


class RateLimitedError(KatonicError):
    """More requests than one user may send, also after waiting as the platform asked."""

    default_next_step = "wait a moment and repeat the call"
    default_retryable = True


class InternalError(KatonicError):
    """A fault of the platform."""

    default_next_step = "tell who runs the platform, with the trace"


class UnavailableError(KatonicError):
    """The platform, or a part of it, does not answer, also after several tries."""

    default_next_step = "let `katonic doctor` look for the cause; `katonic up` starts this machine's platform"
    default_retryable = True


class DeadlineError(KatonicError):
    """The platform did not answer in time; what was asked for may have happened all the same."""

    default_next_step = "repeat the call with the same idempotency key"
    default_retryable = True


class SnapshotError(KatonicError):
    """The files of a folder cannot be sent along."""


class JobFailedError(KatonicError):
    """The job did not succeed; `reason` says why, such as `EXIT_CODE`."""

    def __init__(self, message: str, *, reason: str, execution_id: str, exit_code: int | None) -> None:
        super().__init__(message, reason=reason)
        self.execution_id = execution_id
        """Which job."""
        self.exit_code = exit_code
        """What the command ended with, where it did."""
