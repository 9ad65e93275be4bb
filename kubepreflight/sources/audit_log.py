"""Audit logs of API servers: JSON lines, gigabytes of them, read as a stream.

Only lines that ask for an alpha or beta version are decoded, and of these only who asked, for what and when is kept:
neither addresses nor what was sent or answered.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec

from kubepreflight.decoding import UNDECODABLE
from kubepreflight.finding import Gap
from kubepreflight.semantics.api_requests import ApiClient, AuditLog
from kubepreflight.sources.tree import Readable

BLOCK = 4 << 20
LONGEST_LINE = 16 << 20
"""Of a longer one only the beginning would be kept, for which no JSON reader is made."""
MOST_CLIENTS = 20_000
"""More than so many, each with a version and a resource, are a flood that somebody made."""
LONGEST_NAME = 200
HEAD = 1 << 16
"""So much of a file has to be looked at: the first line of a rotated one may be a piece of a long one."""
MOST_VERBS = 20
T = TypeVar("T")
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""Without a zone it cannot be compared with others."""
_LINE = re.compile(rb"^[ \t]*\{[^\n]*", re.MULTILINE)
_BLANK = re.compile(rb"^[ \t\r]*(?:\n|\Z)", re.MULTILINE)
_VERSION = re.compile(rb'"apiVersion":\s*"audit\.k8s\.io\\?/v1(?:beta1)?"')
_KIND = re.compile(rb'"kind":\s*"Event"')
_ASKED = re.compile(rb'"requestURI":\s*"\\?/apis\\?/([^"/\\]{1,100})\\?/(v\d+(?:alpha|beta)\d+)')


class _User(msgspec.Struct):
    username: str = ""


class _ObjectRef(msgspec.Struct, rename="camel"):
    resource: str = ""
    api_group: str = ""
    api_version: str = ""


class _Answer(msgspec.Struct):
    code: int = 0


class _Annotations(msgspec.Struct):
    deprecated: str = msgspec.field(name="k8s.io/deprecated", default="")
    removed_release: str = msgspec.field(name="k8s.io/removed-release", default="")


class _Event(msgspec.Struct, rename="camel"):
    stage_timestamp: Moment
    stage: str = ""
    verb: str = ""
    user: _User = msgspec.field(default_factory=_User)
    user_agent: str = ""
    object_ref: _ObjectRef | None = None
    response_status: _Answer | None = None
    annotations: _Annotations | None = None


class _Moment(msgspec.Struct, rename="camel"):
    stage_timestamp: Moment


def is_audit_log(head: bytes) -> bool:
    """Whether a file's first bytes (HEAD of them) are those of an audit log."""
    if b"audit.k8s.io" not in head:
        return False
    return any(_VERSION.search(line[0]) and _KIND.search(line[0]) for line in _LINE.finditer(head[:HEAD]))


class AuditLogReader:
    """Counts who asked for what. `gone` are the versions that some release takes away (`batch/v1beta1`)."""

    def __init__(self, gone: Collection[str]) -> None:
        self._gone = frozenset(one.encode() for one in gone)
        self._clients: dict[tuple[str, str, str, str], _Seen] = {}
        self._events = _Decoder(_Event)
        self._moments = _Decoder(_Moment)
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._lines = self._stages = self._early = 0
        self.broken = self.too_long = self.too_many = 0
        self.cut_off = False

    def read(self, stream: Readable) -> None:
        """Read all of it, in constant memory. Raises OSError, EOFError, zlib.error, as the stream does."""
        rest, passing = b"", False
        while block := stream.read(BLOCK):
            lines, newline, end = block.rpartition(b"\n")
            if not newline:
                passing = passing or len(rest) + len(block) > LONGEST_LINE
                rest = b"" if passing else rest + block
                continue
            if passing:
                self.too_long += 1
                lines, passing = lines.partition(b"\n")[2], False
            self._block(rest + lines)
            rest = end
        self.too_long += passing
        self.cut_off = bool(rest.strip()) and self._moments.decode(rest) is None
        if not self.cut_off:
            self._block(rest)

    def finish(self, name: str) -> AuditLog:
        """What the log says that is called `name`."""
        return AuditLog(
            clients=tuple(seen.client(*key) for key, seen in self._clients.items()),
            first=self._first,
            last=self._last,
            files=1,
            events=self._lines,
            gaps=tuple(self._gaps(name)),
        )

    def _gaps(self, name: str) -> Iterator[Gap]:
        if self.broken:
            yield gap(name, f"lines that cannot be read: {self.broken} of {self._lines}")
        if self.cut_off:
            what = "its last line is cut off, as that of a log to which is written"
            yield msgspec.structs.replace(gap(name, what), asked=False)
        if self.too_long:
            yield gap(name, f"lines longer than {LONGEST_LINE >> 20} MB, which are passed over: {self.too_long}")
        if self.too_many:
            yield gap(name, f"more than {MOST_CLIENTS} clients; requests of others: {self.too_many}")
        if self._early and not self._stages:
            how = "take ResponseComplete out of omitStages in the audit policy"
            yield gap(name, "it has no answers, only requests that came: whether they were granted is not said", how)

    def _block(self, block: bytes) -> None:
        """Whole lines, of which there may be none."""
        if not block.strip():
            return
        lines = block.count(b"\n") + 1
        # A piece of a line, with which the file begins, has an end like any other.
        self.broken += not self._lines and block.lstrip()[:1] != b"{" and block.partition(b"\n")[0].endswith(b"}")
        self._lines += lines
        whole = (
            block.count(b"}\n") + (block.count(b"}\r\n") if b"\r" in block else 0) + block.rstrip(b"\r").endswith(b"}")
        )
        if lines > whole:
            self.broken += max(lines - whole - len(_BLANK.findall(block)), 0)
        self._reach(block)
        end = -1
        for asked in _ASKED.finditer(block):
            if asked.start() < end:
                continue
            start = block.rfind(b"\n", 0, asked.start()) + 1
            end = block.find(b"\n", asked.end())
            end = end if end >= 0 else len(block)
            if b"/".join(asked.groups()) in self._gone or block.find(b"k8s.io/deprecated", start, end) >= 0:
                self._event(block[start:end])

    def _reach(self, block: bytes) -> None:
        """From when to when, by the first and the last line that can be read of each block."""
        for line in (block[: block.find(b"\n")] if b"\n" in block else block, block[block.rfind(b"\n") + 1 :]):
            moment = self._moments.decode(line)
            if moment is not None:
                at = moment.stage_timestamp
                self._first = min(self._first or at, at)
                self._last = max(self._last or at, at)

    def _event(self, line: bytes) -> None:
        event = self._events.decode(line)
        if event is None:
            self.broken += line.rstrip(b"\r").endswith(b"}")  # of others it is known already
            return
        if event.stage not in ("ResponseComplete", "Panic"):
            self._early += 1
            return
        self._stages += 1
        about, said = event.object_ref, event.annotations or _Annotations()
        granted = event.response_status is not None and event.response_status.code < 400
        if about is None or not (granted or said.deprecated == "true"):
            return
        version, agent = f"{about.api_group}/{about.api_version}", event.user_agent.partition(" ")[0]
        key = (_cut(version), _cut(about.resource), _cut(event.user.username), _cut(agent))
        seen = self._clients.get(key)
        if seen is None:
            if len(self._clients) >= MOST_CLIENTS:
                self.too_many += 1
                return
            seen = self._clients[key] = _Seen(event.stage_timestamp, event.stage_timestamp)
        if event.verb in seen.verbs or len(seen.verbs) < MOST_VERBS:
            seen.verbs[_cut(event.verb)] = seen.verbs.get(_cut(event.verb), 0) + 1
        seen.first, seen.last = min(seen.first, event.stage_timestamp), max(seen.last, event.stage_timestamp)
        seen.deprecated = seen.deprecated or said.deprecated == "true"
        seen.removed_release = _cut(said.removed_release) or seen.removed_release


class _Seen(msgspec.Struct):
    """What one client asked for so far."""

    first: datetime
    last: datetime
    verbs: dict[str, int] = {}
    deprecated: bool = False
    removed_release: str = ""

    def client(self, api_version: str, resource: str, user: str, agent: str) -> ApiClient:
        """The same for rules."""
        return ApiClient(
            api_version=api_version,
            resource=resource,
            user=user,
            agent=agent,
            verbs=self.verbs,
            first=self.first,
            last=self.last,
            deprecated=self.deprecated,
            removed_release=self.removed_release,
        )


class _Decoder(Generic[T]):
    """Decodes a line, or says with None that it cannot be."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, line: bytes) -> T | None:
        """The line, or None."""
        try:
            return self._decoder.decode(line)
        except UNDECODABLE:
            return None


def _cut(text: str) -> str:
    """No name is so long: what is would be kept for each client of a flood."""
    return text[:LONGEST_NAME]


def gap(name: str, reason: str, how: str = "give the file whole, or leave it out: --exclude") -> Gap:
    """Something of a log that could not be read."""
    return Gap(input="audit log", subject=name, reason=reason, how=how, asked=True)
