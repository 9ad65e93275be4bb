"""Package repositories for apt, from a folder of this machine, under the names that they have in the world."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class _Handler(SimpleHTTPRequestHandler):
    """A proxy that goes nowhere: http://HOST/PATH is the file HOST/PATH of the folder."""

    def translate_path(self, path: str) -> str:
        parts = urlsplit(path)
        return super().translate_path(f"/{parts.netloc}{parts.path}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as in the standard library
        del format, args


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the folder on a free port of 127.0.0.1; yields the address, which apt has to use as its proxy.

    So a node's sources are written as on any node, and nothing is ever asked of the world: what the folder lacks is
    not found.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
