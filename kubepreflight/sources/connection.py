"""A connection to an API server: GET requests, raw bytes, and a reason for whatever was not given.

The kubernetes client says how to reach it (proxies, TLS, tokens that are renewed); its models are never built.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from kubepreflight.errors import SourceError
from kubepreflight.semantics.credential import ScanCredential
from kubepreflight.sources.pool import pool_of
from kubepreflight.sources.unreachable import plain_reason

if TYPE_CHECKING:
    from kubernetes.client import Configuration

IN_CLUSTER = "in-cluster"
VERSION = "/version"
"""What every server answers to everybody."""
HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "kubepreflight"}
"""What every request has. Compressed answers are asked for, as kubectl does, and urllib3 unpacks them: that costs time
on a loopback, and saves it on the way from a cluster to somebody's desk."""
CHUNK = 1 << 16
"""How many bytes of an answer are taken at a time, at the most."""
CONNECT_SECONDS = 10.0
READ_SECONDS = 65.0
"""A little longer than the API server itself works on a request before it gives up."""
PATIENCE_SECONDS = 30.0
"""How long a server that says 429 to everything is waited for."""
RENEW_SECONDS = 60.0
"""How long a token is used before the client is asked whether it must be renewed (it does so 5 minutes early)."""
WARY_SECONDS = 10.0
"""How long the next answers are waited for when one has not come in time, until one does."""
LONG_SECONDS = 30.0
"""A connection that broke after so long has timed out somewhere on the way."""
TIMEOUTS = 4
"""After so many requests in a row that got no answer in time nothing more is asked."""
GONE = "the API server went away during the scan"
STUCK = "the API server gives no answer in time any more"


class ApiError(Exception):
    """The API server did not give what was asked for. `status` is HTTP's, 0 when there was no answer at all, which
    `timed_out` says to have been waited for in vain."""

    def __init__(self, status: int, reason: str, continue_token: str = "", *, timed_out: bool = False) -> None:
        super().__init__(f"{status} {reason}" if status else reason)
        self.status = status
        self.continue_token = continue_token
        self.timed_out = timed_out


class Reader(Protocol):
    """Takes an answer in pieces, as it comes."""

    def begin(self) -> None:
        """An answer begins; perhaps anew, when a connection broke."""

    def take(self, piece: bytes) -> None:
        """Its next bytes."""


class _Whole:
    """Keeps an answer. `began` is given its first bytes as soon as they are there."""

    def __init__(self, began: Callable[[bytes], None] | None = None) -> None:
        self.pieces: list[bytes] = []
        self._began = began

    def begin(self) -> None:
        self.pieces = []

    def take(self, piece: bytes) -> None:
        if self._began is not None and not self.pieces:
            self._began(piece)
        self.pieces.append(piece)


class _Status(msgspec.Struct, rename="camel"):
    class Meta(msgspec.Struct):
        token: str = msgspec.field(name="continue", default="")

    message: str = ""
    metadata: Meta = msgspec.field(default_factory=Meta)


_STATUSES = msgspec.json.Decoder(_Status)
"""Made once, before there are threads: msgspec 0.22 crashes when several are the first to decode a struct."""


class Connection:
    """GET requests to one API server. Safe for several threads.

    `credential` is what it proves its user with, without anything secret.
    """

    def __init__(self, configuration: Configuration, context: str, as_user: str = "") -> None:
        """Read the configuration's certificates and keys: their files may go afterwards. Raises SourceError."""
        self.configuration = configuration
        self.context = context
        self.server: str = configuration.host
        self.as_user = as_user
        self._pool = pool_of(configuration)
        proxy = getattr(self._pool, "proxy", None)
        self._through = f" (through the proxy {proxy.host}:{proxy.port})" if proxy else ""
        self._gone = ""
        self._timeouts = 0
        self._looking = threading.Lock()
        self._renewing = threading.Lock()
        self._renewed = float("-inf")
        self._authorization: dict[str, str] = {}
        self._busy_since: float | None = None
        self.credential = self._credential()

    def _credential(self) -> ScanCredential:
        from kubepreflight.semantics.certificates import parse_certificates

        authorization = self._authorized().get("authorization", "")
        if not self.configuration.cert_file:
            token = "in-cluster" if self.context == IN_CLUSTER else "token"
            kind = token if authorization.lower().startswith("bearer ") else "other"
            return ScanCredential(context=self.context, kind=kind)
        certificates, _ = parse_certificates(Path(self.configuration.cert_file).read_bytes(), self.context)
        return ScanCredential(context=self.context, kind="certificate", certificates=certificates)

    def _authorized(self) -> dict[str, str]:
        """The headers that prove the user. Raises SourceError for a token that no header can carry."""
        with self._renewing:
            if time.monotonic() - self._renewed > RENEW_SECONDS:
                settings: list[Any] = list(self.configuration.auth_settings().values())
                given = {one["key"]: one["value"].strip() for one in settings if one["in"] == "header" and one["value"]}
                if not all(value.isascii() and value.isprintable() for value in given.values()):
                    raise SourceError(f"the token of the context {self.context} has characters that no token can have")
                self._authorization, self._renewed = given, time.monotonic()
            return self._authorization

    def get(self, path: str, began: Callable[[bytes], None] | None = None, **query: str | int) -> bytes:
        """The body of one answer; a server that says 429 is waited for. Raises ApiError.

        `began` is given the first bytes as soon as they are there; perhaps twice, when a connection breaks.
        """
        whole = _Whole(began)
        self.read(path, whole, **query)
        return b"".join(whole.pieces)

    def read(self, path: str, reader: Reader, **query: str | int) -> None:
        """The same for an answer that may be too large to be kept: `reader` takes it."""
        fields = {name: str(value) for name, value in query.items() if value}
        while True:
            status, headers, refusal = self._ask(path, fields, reader)
            if status != 429:
                break
            pause = min(max(_seconds(headers.get("Retry-After")), 1.0), 10.0)
            now = time.monotonic()
            self._busy_since = self._busy_since or now
            if now + pause > self._busy_since + PATIENCE_SECONDS:
                break
            time.sleep(pause)
        if 200 <= status < 300:
            self._busy_since = None
            return
        said = _status(refusal)
        raise ApiError(status, said.message or f"for {path}{_words(refusal)}", said.metadata.token)

    def _ask(self, path: str, fields: dict[str, str], reader: Reader) -> tuple[int, Any, bytes]:
        """One answer; a connection that broke while the server lives is tried once more, one that is slow is not."""
        if self._gone:
            raise ApiError(0, self._gone)
        try:
            answer = self._send(path, fields, reader)
        except ApiError as error:
            if error.timed_out:
                self._count(timed_out=True)
            if path == VERSION or not self._is_alive() or error.timed_out:
                raise
            answer = self._send(path, fields, reader)
        self._count(timed_out=answer[0] == 504)
        return answer

    def _count(self, *, timed_out: bool) -> None:
        self._timeouts = self._timeouts + 1 if timed_out else 0
        if self._timeouts >= TIMEOUTS:
            self._gone = STUCK

    def _is_alive(self) -> bool:
        """Whether the server still answers at all, whatever it says; when not, nothing more is asked of it."""
        with self._looking:
            if not self._gone:
                try:
                    self._send(VERSION, {}, _Whole())
                except ApiError:
                    self._gone = GONE
            return not self._gone

    def _send(self, path: str, fields: dict[str, str], reader: Reader) -> tuple[int, Any, bytes]:
        """The status, the headers, and of a refusal the body: that of an answer goes to the reader."""
        import urllib3

        headers = {**HEADERS, **self._authorized()}
        if self.as_user:
            headers["Impersonate-User"] = self.as_user
        read = WARY_SECONDS if path == VERSION or self._timeouts else READ_SECONDS
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=read)
        started = time.monotonic()
        try:
            answer = self._pool.request(
                "GET", self.server + path, fields=fields, headers=headers, timeout=timeout, preload_content=False
            )
            body = answer.stream(CHUNK, decode_content=True)
            refusal = _Whole()
            taker = reader if 200 <= answer.status < 300 else refusal
            taker.begin()
            for piece in body:
                taker.take(piece)
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            timed_out = isinstance(error, urllib3.exceptions.TimeoutError) or time.monotonic() - started > LONG_SECONDS
            raise ApiError(0, plain_reason(error) + self._through, timed_out=timed_out) from error
        return answer.status, answer.headers, b"".join(refusal.pieces)


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isascii() and text.isdigit() else 1.0


def _status(body: bytes) -> _Status:
    try:
        return _STATUSES.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Status()


def _words(body: bytes) -> str:
    """An answer in plain words, as some refusals are; nothing for a page of a proxy."""
    text = body[:200].decode("utf-8", "replace").strip().rstrip(".")
    return f": {text}" if text.isprintable() and text and "<" not in text else ""
