"""What a long scan says while it works. Sources call it; the command line decides what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Says nothing: what is used in tests, in a pipe, and as the base of what does."""

    def doing(self, what: str) -> None:
        """Something has begun: `what` replaces the line that was shown before."""

    def did(self, what: str, seconds: float) -> None:
        """Something has ended after so many seconds."""

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Say that something begins, and how long it took when it ends."""
        self.doing(what)
        started = time.monotonic()
        try:
            yield
        finally:
            self.did(what, time.monotonic() - started)


SILENT = Progress()
