"""A fake API server for faults that no real one produces on demand. What a real one does is tested in tests/real/."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]


class FakeApiServer:
    """Answers GET by path. An answer is a status and a body (bytes as they are, anything else as JSON), or a list of
    answers for one request after another; None closes the connection without a word."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | list[Answer | None] | None] = {
            "/version": (200, {"gitVersion": "v1.36.3"}),
            "/apis": (200, {"groups": []}),
            "/metrics": (200, b'apiserver_request_total{code="200",verb="GET"} 1\n'),
            "/api/v1": (200, {"resources": [_resource("nodes", "Node"), _resource("pods", "Pod")]}),
            "/api/v1/nodes": (200, {"kind": "NodeList", "apiVersion": "v1", "items": []}),
            "/api/v1/pods": (200, {"kind": "PodList", "apiVersion": "v1", "items": []}),
        }
        self.requests: list[tuple[str, dict[str, list[str]]]] = []
        self.headers: list[Message] = []
        self.url = ""
        self.hanging = threading.Event()
        self._released = threading.Event()
        self._hung = ""

    def hang(self, path: str) -> None:
        """Take requests for a path and never answer; `hanging` is set when one has come."""
        self._hung = path

    def release(self) -> None:
        """Let go of them."""
        self._released.set()

    def answer(self, path: str) -> Answer | None:
        if path == self._hung:
            self.hanging.set()
            self._released.wait(60)
            return None
        found = self.answers.get(path, (404, {"message": "not found"}))
        if isinstance(found, list):
            return found.pop(0) if found else None
        return found

    def sent(self, header: str) -> list[str]:
        """The values of a header in the requests that had it."""
        return [value for one in self.headers if (value := one.get(header)) is not None]

    def kubeconfig(self) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "fake", "user": {"token": "a-token"}}],
        }


def _resource(plural: str, kind: str) -> dict[str, Any]:
    return {"name": plural, "kind": kind, "namespaced": kind != "Node"}


@contextmanager
def serving() -> Iterator[FakeApiServer]:
    fake = FakeApiServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            fake.requests.append((split.path, parse_qs(split.query)))
            fake.headers.append(self.headers)
            answer = fake.answer(split.path)
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            body = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            for name, value in (answer[2] if len(answer) == 3 else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.release()
        server.shutdown()
        server.server_close()
        thread.join()
