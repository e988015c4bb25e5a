"""Work that blocks, such as calling `git`: in a thread for the async client, at once for the sync one."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do it in a thread."""
    return await asyncio.to_thread(work, *args, **kwargs)


def at_once(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do it here."""
    return work(*args, **kwargs)
