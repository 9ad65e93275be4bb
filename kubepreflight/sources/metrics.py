"""The metrics of an API server, as text (Prometheus, OpenMetrics), of which four are read.

Those of a large cluster are tens of megabytes: they are taken in pieces, and none is kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from kubepreflight.finding import Gap
from kubepreflight.semantics.api_requests import INPUT, METRICS, ApiServerMetrics, RequestedApi, ServerRequests
from kubepreflight.sources.connection import ApiError, Connection
from kubepreflight.sources.tree import Readable
from kubepreflight.sources.unreachable import next_step

BLOCK = 1 << 20
LONGEST_LINE = 1 << 16
MOST_SERIES = 100_000
"""An API server has some hundred resources; whoever sends more sends nonsense."""
MOST_VERBS = 20
LONGEST_NAME = 300
DEPRECATED = "apiserver_requested_deprecated_apis"
REQUESTS = "apiserver_request_total"
BUILD = "kubernetes_build_info"
START = "process_start_time_seconds"
_NAMES = tuple(name.encode() for name in (DEPRECATED, REQUESTS, BUILD, START))
_COMMENT = rb"\s*# (?:HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*)[ \n]"
_FIRST = _COMMENT + rb"[^\n]*\n(?:# (?:HELP|TYPE|UNIT) \1[^\n]*\n)?\1|\s*" + DEPRECATED.encode() + rb"\{"
_METRICS = re.compile(rb"(?:\xef\xbb\xbf)?(?:" + _FIRST + rb")")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\\n]|\\.)*)"\s*(?:,|(?=\}))')
_ESCAPE = re.compile(r"\\(.)")
_GRANTED = ("2", "3")


def is_metrics(head: bytes) -> bool:
    """Whether a file's first bytes are those of metrics: a comment about a metric, and then that metric."""
    return _METRICS.match(head) is not None


class MetricsReader:
    """Takes the text piece by piece; `begin` forgets what came before, as when a broken answer comes anew."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Nothing was read yet."""
        self._rest = b""
        self._too_long = False
        self._requested: set[tuple[str, str]] = set()
        self._verbs: dict[tuple[str, str], dict[str, int]] = {}
        self._since: datetime | None = None
        self._version = ""
        self.broken = self.too_many = 0
        self.is_server = False

    def read(self, stream: Readable) -> None:
        """All of a stream; what it raises leaves what came before."""
        while block := stream.read(BLOCK):
            self.take(block)

    def take(self, piece: bytes) -> None:
        """The next piece, wherever it was cut."""
        lines, newline, rest = (self._rest + piece).rpartition(b"\n")
        self._rest = rest[-LONGEST_LINE:]
        if newline:
            self._lines(b"\n" + (lines.partition(b"\n")[2] if self._too_long else lines) + b"\n")
            self._too_long = False
        if len(rest) > LONGEST_LINE:
            self._too_long = True
            self.broken += 1
            self._rest = b""

    def finish(self, name: str, *, is_cut: bool = False) -> ServerRequests:
        """What the server counts that is called `name`; of a text that `is_cut` the last line is none."""
        if self._rest and not (self._too_long or is_cut):
            self._lines(b"\n" + self._rest + b"\n")
        return ServerRequests(
            name=name,
            version=self._version,
            since=self._since,
            requested=tuple(
                RequestedApi(
                    api_version=api_version, resource=resource, verbs=self._verbs.get((api_version, resource), {})
                )
                for api_version, resource in sorted(self._requested)
            ),
        )

    def _lines(self, block: bytes) -> None:
        for name in _NAMES:
            for line in _lines_of(block, name):
                if name != REQUESTS.encode() or b"alpha" in line or b"beta" in line:
                    self._sample(line.decode("utf-8", "replace"))
                self.is_server |= name in (REQUESTS.encode(), DEPRECATED.encode())

    def _sample(self, line: str) -> None:
        parsed = sample(line)
        if parsed is None:
            self.broken += 1
            return
        name, labels, value = parsed
        group, version, resource = (labels.get(one, "") for one in ("group", "version", "resource"))
        key = (f"{group}/{version}" if group else version, resource)
        if name == BUILD:
            self._version = labels.get("git_version", "")[:LONGEST_NAME]
        elif name == START:
            self._since = _moment(value)
        elif not math.isfinite(value) or not _is_told(name, labels):
            self.broken += 1
        elif value > 0:
            self._counted(name, key, labels, value)

    def _counted(self, name: str, key: tuple[str, str], labels: Mapping[str, str], value: float) -> None:
        known = self._requested if name == DEPRECATED else self._verbs
        if key not in known and len(self._requested) + len(self._verbs) >= MOST_SERIES:
            self.too_many += 1
        elif name == DEPRECATED:
            self._requested.add(key)
        elif name == REQUESTS and labels.get("code", "2").startswith(_GRANTED):
            verbs = self._verbs.setdefault(key, {})
            verb = labels.get("verb", "").lower()
            if verb in verbs or len(verbs) < MOST_VERBS:
                verbs[verb] = verbs.get(verb, 0) + int(min(value, 1e15))


def _lines_of(block: bytes, name: bytes) -> Iterator[bytes]:
    """The lines of one metric: much faster than a look at each line."""
    needle = b"\n" + name
    at = block.find(needle)
    while at >= 0:
        end = block.find(b"\n", at + 1)
        if block[at + len(needle) : at + len(needle) + 1] in (b"{", b" ", b"\t"):
            yield block[at + 1 : end]
        at = block.find(needle, end)


def sample(line: str) -> tuple[str, dict[str, str], float] | None:
    """The name, the labels and the value of a line; None for what is no sample. Timestamp and exemplar are left."""
    name, brace, rest = line.partition("{")
    labels: dict[str, str] = {}
    if brace:
        at = 0
        while found := _LABEL.match(rest, at):
            labels[found[1]] = _ESCAPE.sub(_unescaped, found[2])
            at = found.end()
        rest = rest[at:].lstrip()
        if not rest.startswith("}"):
            return None
        words = rest[1:].split(None, 1)
    else:
        name, *words = line.split(None, 2)
    try:
        return name.strip(), labels, float(words[0])
    except (IndexError, ValueError):
        return None


def _unescaped(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


def _is_told(name: str, labels: Mapping[str, str]) -> bool:
    """Whether the labels say which resource is meant, in as many letters as a name may have."""
    named = name != DEPRECATED or (labels.get("version") and labels.get("resource"))
    return bool(named) and max(map(len, labels.values()), default=0) <= LONGEST_NAME


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):
        return None


def metrics_of_file(reader: MetricsReader, name: str, problem: str = "") -> ApiServerMetrics:
    """What was read of saved metrics, called `name`; what is not an API server's is a gap, and so is a `problem`."""
    server = reader.finish(name, is_cut=bool(problem))
    gaps = _too_many(reader, name)
    if problem:
        gaps.append(gap(name, problem))
    elif not reader.is_server:
        how = "give those of an API server: kubectl get --raw /metrics > metrics.txt"
        gaps.append(gap(name, "metrics, but not of an API server", how))
    if reader.broken:
        gaps.append(gap(name, f"lines that cannot be read: {reader.broken}", "save them anew"))
    return ApiServerMetrics((server,) if reader.is_server else (), tuple(gaps))


def metrics_of(connection: Connection) -> ApiServerMetrics:
    """What the API server counts that the scan talks to; what it does not give is a gap."""
    reader = MetricsReader()
    try:
        connection.read(METRICS, reader)
    except Exception as failure:  # a thread that died in silence would be waited for for ever
        error = failure if isinstance(failure, ApiError) else ApiError(0, f"{type(failure).__name__}: {failure}")
        how = next_step(error.status, f"`get` of the nonResourceURL {METRICS}")
        return ApiServerMetrics((), (gap(connection.server, str(error), how),))
    server = reader.finish(connection.server)
    if reader.is_server:
        return ApiServerMetrics((server,), tuple(_too_many(reader, connection.server)))
    reason, how = "what it gives as metrics are not an API server's", f"kubectl get --raw {METRICS}"
    return ApiServerMetrics((), (gap(connection.server, reason, how),))


def _too_many(reader: MetricsReader, name: str) -> list[Gap]:
    reason = f"more than {MOST_SERIES} versions of resources; left out: {reader.too_many}"
    return [gap(name, reason, "see who asks for so many: an API server has some hundred")] if reader.too_many else []


def gap(subject: str, reason: str, how: str = "save them anew") -> Gap:
    """Something of the metrics that is not known."""
    return Gap(input=INPUT, subject=subject, reason=reason, how=how, asked=True)
