"""Waiting for what others do in their own time, for several at once where it can be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(do: Callable[[T], R], what: Iterable[T]) -> list[R]:
    """What a function returns for each, in their order."""
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(do, what))


def until(true: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
