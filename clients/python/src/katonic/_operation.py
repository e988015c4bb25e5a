"""What the platform can be asked: the shape of the generated table of operations."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ._message import Message

Request = TypeVar("Request", bound=Message)
Answer = TypeVar("Answer", bound=Message)


@dataclass(frozen=True)
class Operation(Generic[Request, Answer]):
    """A call with one answer. All may be repeated: what creates carries a key, the rest does nothing twice."""

    method: str
    path: str
    request: type[Request]
    answer: type[Answer]
    has_body: bool = False
    creates: bool = False


@dataclass(frozen=True)
class Stream(Generic[Request, Answer]):
    """A call whose answers come one after the other, each with a cursor to go on after it."""

    path: str
    request: type[Request]
    answer: type[Answer]
