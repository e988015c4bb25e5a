"""Calls and streams over HTTP: one connection pool, one policy of repeating, one map of errors."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

import httpx
from httpx_retries import RetryTransport
from httpx_sse import EventSource

from .. import _wire
from .._deadline import Deadline
from .._endpoint import Endpoint
from .._operation import Answer, Operation, Request, Stream
from ..errors import KatonicError


class AsyncTransport:
    """Calls one platform."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self.endpoint = endpoint
        self._http = httpx.AsyncClient(
            base_url=endpoint.url,
            headers=_wire.headers(endpoint),
            timeout=httpx.Timeout(timeout, connect=_wire.CONNECT_SECONDS),
            # A transport of its own also means: never through a proxy, never after a redirect.
            transport=RetryTransport(
                httpx.AsyncHTTPTransport(), retry=_wire.CALLS.copy_with(validate_response=_read_whole)
            ),
        )

    async def call(self, operation: Operation[Request, Answer], request: Request, key: str | None = None) -> Answer:
        """Make a call; what creates is repeated under one key, so that it happens once."""
        if operation.creates:
            key = key or str(uuid4())
        try:
            response = await self._http.request(**_wire.call_arguments(operation, request, key))
        except httpx.TransportError as error:
            raise _wire.unreachable(self.endpoint, error) from error
        if not response.is_success:
            raise _wire.failure(response)
        return operation.answer.model_validate_json(response.content)

    async def follow(
        self, stream: Stream[Request, Answer], request: Request, deadline: Deadline | None = None
    ) -> AsyncGenerator[tuple[Answer, str], None]:
        """Yield the answers of a stream, each with its cursor, whatever happens to the connection.

        The cursor of the last answer that was handed out is all the state there is: after a loss the stream is opened
        again from there, so that nothing is seen twice and nothing is left out. It does not end by itself: whoever
        reads it knows which answer is the last.
        """
        deadline = deadline or Deadline()
        cursor, waits = "", _wire.CALLS
        while True:
            silence = deadline.limit(_wire.SILENCE_SECONDS)
            try:
                async with aclosing(self._answers(stream, request, cursor, silence)) as answers:
                    async for answer, at in answers:
                        cursor, waits = at, _wire.RESUMING
                        yield answer, cursor
                        if deadline.is_set:
                            break  # there is less time for the next
            except KatonicError as error:
                if deadline.is_set and isinstance(error, _wire.SilenceError):
                    continue
                waits = waits.increment()
                if not error.retryable or waits.is_exhausted():
                    raise
                await waits.copy_with(max_backoff_wait=deadline.limit(waits.max_backoff_wait)).asleep(error)

    async def _answers(
        self, stream: Stream[Request, Answer], request: Request, cursor: str, silence: float
    ) -> AsyncGenerator[tuple[Answer, str], None]:
        """Yield what one connection brings."""
        try:
            async with self._http.stream(**_wire.stream_arguments(stream, request, cursor, silence)) as response:
                if not response.is_success:
                    await response.aread()
                    raise _wire.failure(response)
                async for event in EventSource(response).aiter_sse():
                    if event.event == "problem":
                        raise _wire.problem(event.data)
                    if event.data:  # else it only says where the stream is
                        yield stream.answer.model_validate_json(event.data), event.id
        except httpx.TransportError as error:
            raise _wire.unreachable(self.endpoint, error) from error
        raise _wire.cut_off(self.endpoint)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()


async def _read_whole(response: httpx.Response) -> None:
    """Makes an answer that breaks off one that is asked for again."""
    await response.aread()
