"""Waiting for what others do in their own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def until(ask: Callable[[], Answer], seconds: float = 20, pause: float = 0.05) -> Answer:
    """Ask until the answer is true or `seconds` are over, with a pause in between. Returns the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < deadline:
        time.sleep(pause)
    return answer
