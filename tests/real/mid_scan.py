"""What is done to the server in the middle of a scan: just before one request, so that nothing depends on time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kubepreflight.sources.connection import Connection


class Asked(msgspec.Struct):
    """One request and the status of its answer: HTTP's, 0 when there was none."""

    path: str
    fields: dict[str, str]
    status: int = 0


class MidScan:
    """Sees each request of the scans within this process before it is sent; `requests` are those so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[Asked] = []
        self._actions: dict[tuple[str, int], Callable[[], object]] = {}
        self._lock = threading.Lock()
        send = Connection._send

        def seen(connection: Connection, path: str, fields: dict[str, str], *rest: Any) -> tuple[int, Any, bytes]:
            asked = Asked(path, fields)
            with self._lock:
                self.requests.append(asked)
                action = self._actions.pop((path, len(self.of(path))), None)
            if action is not None:
                action()
            answer = send(connection, path, fields, *rest)
            asked.status = answer[0]
            return answer

        monkeypatch.setattr(Connection, "_send", seen)

    def before(self, path: str, action: Callable[[], object], *, request: int = 1) -> None:
        """Do something before the first, or second …, request for a path is sent."""
        self._actions[path, request] = action

    def of(self, path: str) -> list[Asked]:
        """The requests for a path."""
        return [one for one in self.requests if one.path == path]

    def statuses(self, path: str) -> list[int]:
        """How the requests for a path were answered."""
        return [one.status for one in self.of(path)]
