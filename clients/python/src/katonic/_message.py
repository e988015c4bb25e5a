"""What all generated models have in common: the wire form of proto3 JSON."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

_SECONDS = re.compile(r"-?\d+(\.\d{1,9})?s")


def _read_duration(value: object) -> object:
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        return timedelta(seconds=float(value[:-1]))
    return value


def _write_duration(value: timedelta) -> str:
    return f"{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"


Duration = Annotated[timedelta, BeforeValidator(_read_duration), PlainSerializer(_write_duration)]
"""A `timedelta` that is `"90s"` on the wire."""


class Message(BaseModel):
    """A request or an answer: `camelCase` on the wire, unknown fields are of a newer platform and left out."""

    model_config = ConfigDict(
        alias_generator=lambda name: to_camel(name.rstrip("_")),
        validate_by_name=True,
        extra="ignore",
        frozen=True,
    )
