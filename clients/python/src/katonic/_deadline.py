"""How long somebody waits for something."""

import math
import time

# Below the platform's pings, so that a silent stream is left often enough to look at the clock.
_SLICE_SECONDS = 10.0


class Deadline:
    """A point in time after which waiting is given up; `None` seconds mean never."""

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    @property
    def is_set(self) -> bool:
        """Whether it ever comes."""
        return self._seconds is not None

    def limit(self, longest: float) -> float:
        """How long to wait before looking at the clock again; raises `TimeoutError` once it has passed."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"it has not ended within {self._seconds:g} s")
        return min(longest, left, _SLICE_SECONDS) if self.is_set else longest
