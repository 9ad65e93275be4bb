"""The floor of a live scan: download lists from an API server, and do nothing with them.

Usage: python -m benchmarks.bare_download KUBECONFIG FORMAT PAGE PATH…

FORMAT is json, gzip (JSON, compressed on the way) or protobuf, PAGE the most objects in an answer (0: all of them).
Prints the bytes that came.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import quote

from tools.kubernetes.client import Client, Refused

ACCEPT = {
    "json": {"Accept": "application/json"},
    "gzip": {"Accept": "application/json", "Accept-Encoding": "gzip"},
    "protobuf": {"Accept": "application/vnd.kubernetes.protobuf"},
}


def _list(client: Client, path: str, form: str, page: int) -> int:
    size, token = 0, ""
    while True:
        query = f"?limit={page}&continue={quote(token)}" if page else ""
        try:
            body = client.request("GET", path + query, headers=ACCEPT[form])
        except Refused as error:
            if error.status == 406:  # custom resources have no protobuf
                return size
            raise
        size += len(body)
        token = _token(body) if page else ""
        if not token:
            return size


def _token(body: bytes) -> str:
    """The token of the next page, without decoding the items: it stands before them."""
    head = body[: body.find(b'"items"')]
    token: str = json.loads(head.rstrip(b", \n") + b"}")["metadata"].get("continue", "")
    return token


if __name__ == "__main__":
    own = Client(Path(sys.argv[1]))
    print(sum(_list(own, path, sys.argv[2], int(sys.argv[3])) for path in sys.argv[4:]))
