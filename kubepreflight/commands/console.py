"""Progress for people: a line that changes on a terminal, nothing in a pipe, a line per step with `-v`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kubepreflight.progress import Progress
from kubepreflight.visible import visible

if TYPE_CHECKING:
    from rich.status import Status


class _Log(Progress):
    def did(self, what: str, seconds: float) -> None:
        print(f"{seconds:7.2f} s  {visible(what)}", file=sys.stderr)  # noqa: T201 - this is what -v is for


class _Spinner(Progress):
    def __init__(self, status: Status) -> None:
        self._status = status

    def doing(self, what: str) -> None:
        from rich.text import Text

        self._status.update(Text(f"reading {visible(what)[:60]}"))


@contextmanager
def progress(*, verbose: bool) -> Iterator[Progress]:
    """What shows progress here and now, on standard error; the terminal is clean afterwards, whatever happens."""
    if verbose:
        yield _Log()
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("reading") as status:
            yield _Spinner(status)
    else:
        yield Progress()
