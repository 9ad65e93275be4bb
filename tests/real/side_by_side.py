"""Doing several things at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(do: Callable[[T], R], what: Iterable[T]) -> list[R]:
    """What a function returns for each, in their order."""
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(do, what))
