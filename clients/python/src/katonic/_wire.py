"""How calls and failures look in HTTP, for the sync and the async client alike."""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx
from httpx_retries import Retry
from pydantic import ValidationError

from ._endpoint import Endpoint
from ._generated.models import Problem
from ._message import Message
from ._operation import Answer, Operation, Request, Stream
from .errors import (
    ConflictError,
    DeadlineError,
    DeniedError,
    InternalError,
    InvalidError,
    KatonicError,
    NotFoundError,
    RateLimitedError,
    StaleError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnprocessableError,
)

# Waits of some seconds in all: a part of the platform that is restarted comes back in that time.
CALLS = Retry(
    total=7, allowed_methods=["GET", "POST", "PUT", "PATCH", "DELETE"], backoff_factor=0.1, max_backoff_wait=3
)
# Opening a stream is repeated by whoever follows it, who knows the cursor and the deadline.
STREAMS = Retry(total=0)
# Ten minutes: a restart of the whole platform fits in.
RESUMING = Retry(total=400, backoff_factor=0.1, max_backoff_wait=3)

# The most that there is.
PAGE = 200

CONNECT_SECONDS = 5.0
# The platform pings every 15 s: a stream that says nothing for longer than three of them is dead.
SILENCE_SECONDS = 50.0

_KINDS: dict[int, type[KatonicError]] = {
    HTTPStatus.UNAUTHORIZED: UnauthenticatedError,
    HTTPStatus.FORBIDDEN: DeniedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.PRECONDITION_FAILED: StaleError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLargeError,
    HTTPStatus.UNPROCESSABLE_ENTITY: UnprocessableError,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimitedError,
    HTTPStatus.BAD_GATEWAY: UnavailableError,
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError,
    HTTPStatus.GATEWAY_TIMEOUT: DeadlineError,
}


class SilenceError(DeadlineError):
    """Nothing came for as long as one was ready to wait."""


def headers(endpoint: Endpoint) -> dict[str, str]:
    """What every request carries."""
    return {
        "Authorization": f"Bearer {endpoint.token}",
        "User-Agent": "katonic-python",
        "Accept": "application/json",
    }


def call_arguments(operation: Operation[Request, Answer], request: Request, key: str | None) -> dict[str, Any]:
    """Write a call as arguments of an httpx request."""
    path, fields = _split(operation.path, request)
    arguments: dict[str, Any] = {"method": operation.method, "url": path}
    arguments["json" if operation.has_body else "params"] = fields
    if key is not None:
        arguments["headers"] = {"Idempotency-Key": key}
    return arguments


def stream_arguments(stream: Stream[Request, Answer], request: Request, cursor: str, silence: float) -> dict[str, Any]:
    """Write the opening of a stream after a cursor as arguments of an httpx request."""
    path, fields = _split(stream.path, request)
    sent = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if cursor:
        fields.pop("cursor", None)
        sent["Last-Event-ID"] = cursor
    timeout = httpx.Timeout(silence, connect=min(silence, CONNECT_SECONDS))
    extensions = {"retry": STREAMS}
    return {
        "method": "GET",
        "url": path,
        "params": fields,
        "headers": sent,
        "timeout": timeout,
        "extensions": extensions,
    }


def _split(template: str, request: Message) -> tuple[str, dict[str, Any]]:
    fields = request.model_dump(mode="json", by_alias=True, exclude_none=True)
    path = template
    for name, info in type(request).model_fields.items():
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(str(fields.pop(info.alias or name)), safe=""))
    return path, fields


def failure(response: httpx.Response) -> KatonicError:
    """Say what an answer of 4xx or 5xx, already read, means."""
    try:
        return problem(response.text, response.status_code)
    except ValidationError:
        phrase = response.reason_phrase or str(response.status_code)
        message = f"{response.url.host} answered {phrase}, and not as a Katonic platform does"
        return _kind(response.status_code)(message, status=response.status_code)


def problem(text: str, status: int | None = None) -> KatonicError:
    """Say what a problem (RFC 9457) means."""
    read = Problem.model_validate_json(text)
    status = status or read.status
    return _kind(status)(
        read.detail or read.title,
        reason=read.code,
        status=status,
        trace_id=read.trace_id or "",
        violations={violation.field or "": violation.description or "" for violation in read.violations or []},
    )


def unreachable(endpoint: Endpoint, error: httpx.TransportError) -> KatonicError:
    """Say that nobody answered."""
    detail = str(error) or type(error).__name__
    if isinstance(error, httpx.ReadTimeout):
        return SilenceError(f"{endpoint.url} did not answer in time")
    return UnavailableError(f"{endpoint.url} cannot be reached: {detail}")


def cut_off(endpoint: Endpoint) -> KatonicError:
    """Say that a stream was closed before its end, again and again."""
    return UnavailableError(f"{endpoint.url} closed the stream")


def _kind(status: int) -> type[KatonicError]:
    server_fault = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return _KINDS.get(status, InternalError if server_fault else InvalidError)
