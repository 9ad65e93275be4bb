"""Our own snapshots: one tar.gz with what was read, written and read as a stream.

`snapshot.json` comes first and says what was asked, what came and what failed; then `hosts/NAME/…` as collected, and
one JSON-lines file per kind in `observed/` and `desired/`, each line an object as it was read (a desired one with its
file and line). Environment values, Secret data and last-applied bodies are cut when it is written.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from kubepreflight.decoding import Raw
from kubepreflight.errors import SourceError
from kubepreflight.finding import Gap
from kubepreflight.host import Host
from kubepreflight.objects import Origin, group_of
from kubepreflight.report import Cluster, SourceRecord
from kubepreflight.semantics.api_requests import ApiServerMetrics, AuditLog
from kubepreflight.semantics.credential import ScanCredential
from kubepreflight.semantics.served import Handshakes
from kubepreflight.snapshot import Collector, ManifestHeader, Part, Snapshot
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.redaction import redact, redact_host
from kubepreflight.sources.tree import DAMAGED
from kubepreflight.upgrade import ServerVersion

FORMAT = "kubepreflight.snapshot/v1"
INDEX = "snapshot.json"
FACTS: tuple[type, ...] = (ServerVersion, Cluster, ScanCredential, Handshakes, ApiServerMetrics, AuditLog)
_AGAIN = "~"
"""Stands before the number of a further archive of one name; no name has it."""
LARGEST_INDEX = 256 << 20


class _KindFile(msgspec.Struct):
    """One member: the kind that it holds."""

    file: str
    api_version: str
    kind: str
    desired: bool
    count: int


class _Index(msgspec.Struct, kw_only=True):
    """`snapshot.json`."""

    format: str
    created: datetime
    files: list[_KindFile]
    listed: list[tuple[str, str]]
    parts: list[Part] = []
    failures: list[tuple[Part, list[Gap]]]
    gaps: list[Gap]
    sources: list[SourceRecord]
    roots: dict[str, str] = {}
    headers: list[ManifestHeader]
    manifests_given: bool
    hosts_asked: bool
    facts: dict[str, msgspec.Raw]


class _Line(msgspec.Struct):
    """A desired object with where it stood."""

    file: str
    line: int
    object: msgspec.Raw


class SnapshotWriter:
    """Spools what is read to temporary files, one per kind, and puts the archive together in the end."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kubepreflight-")
        self._spools: dict[tuple[bool, str, str], tuple[_KindFile, IO[bytes]]] = {}
        self._hosts: dict[str, Mapping[str, bytes]] = {}

    def __enter__(self) -> SnapshotWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for _file, spool in self._spools.values():
            spool.close()
        self._folder.cleanup()

    def record(
        self, api_version: str, kind: str, value: Raw | dict[str, Any], origin: Origin, *, desired: bool
    ) -> None:
        """Keep one object, without what must not leave."""
        key = (desired, api_version, kind)
        if key not in self._spools:
            where = "desired" if desired else "observed"
            name = f"{where}/{len(self._spools):03}-{_plain(kind)}.jsonl"
            path = Path(self._folder.name) / name.replace("/", "-")
            self._spools[key] = (_KindFile(name, api_version, kind, desired, 0), path.open("w+b"))
        file, spool = self._spools[key]
        body = msgspec.json.encode(redact(value if isinstance(value, dict) else msgspec.json.decode(value), kind))
        file.count += 1
        spool.write(msgspec.json.encode(_Line(origin.file, origin.line, msgspec.Raw(body))) if desired else body)
        spool.write(b"\n")

    def record_host(self, host: Host, files: Mapping[str, bytes]) -> None:
        """Keep one host archive; of several that call themselves alike, every one."""
        alike = sum(name.partition(_AGAIN)[0] == _plain(host.name) for name in self._hosts)
        self._hosts[f"{_plain(host.name)}{f'{_AGAIN}{alike + 1}' if alike else ''}"] = redact_host(files)

    def write(self, snapshot: Snapshot, stream: IO[bytes]) -> None:
        """Write the archive. Raises OSError."""
        index = _Index(
            format=FORMAT,
            created=datetime.now(UTC).replace(microsecond=0),
            files=[file for file, _ in self._spools.values()],
            listed=sorted(snapshot.listed),
            parts=sorted(snapshot.parts),
            failures=[(part, list(gaps)) for part, gaps in _failures(snapshot)],
            gaps=list(snapshot.gaps),
            sources=list(snapshot.sources),
            roots=dict(snapshot.roots),
            headers=list(snapshot.headers),
            manifests_given=snapshot.manifests_given,
            hosts_asked=snapshot.hosts_asked,
            facts={
                kind.__name__: msgspec.Raw(msgspec.json.encode(snapshot.given[kind]))
                for kind in FACTS
                if kind in snapshot.given
            },
        )
        with (
            gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=3, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w|") as archive,
        ):
            _add(archive, INDEX, msgspec.json.format(msgspec.json.encode(index), indent=1))
            for name, files in sorted(self._hosts.items()):
                for path, data in sorted(files.items()):
                    _add(archive, f"hosts/{name}/{path}", data)
            for file, spool in self._spools.values():
                size = spool.tell()
                spool.seek(0)
                member = tarfile.TarInfo(file.file)
                member.size = size
                archive.addfile(member, spool)


def _failures(snapshot: Snapshot) -> Iterator[tuple[Part, tuple[Gap, ...]]]:
    for (group, kind), gaps in sorted(snapshot.failures.items()):
        yield (group, kind, "", ""), gaps
    yield from sorted(snapshot.part_failures.items())


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _plain(text: str) -> str:
    return "".join(one if one.isalnum() or one in "-_." else "_" for one in text)[:100].lstrip(".") or "_"


def is_snapshot(stream: IO[bytes]) -> bool:
    """Whether a stream holds one of our snapshots. It stands at its beginning before and after."""
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as archive:
            first = archive.next()
            return first is not None and first.name == INDEX
    except DAMAGED:
        return False
    finally:
        stream.seek(0)


def read_snapshot(collector: Collector, source: IO[bytes], name: str) -> None:
    """Read one snapshot, called `name`; one that is cut off is read as far as it goes, with a gap.

    Raises SourceError when it is none, or of a format that this version does not know.
    """
    index: _Index | None = None
    seen: set[str] = set()
    hosts: dict[str, dict[str, bytes]] = {}
    try:
        with tarfile.open(fileobj=source, mode="r|gz") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is None:
                    continue
                if index is None:
                    index = _read_index(name, stream.read(LARGEST_INDEX))
                    files = {file.file: file for file in index.files}
                elif member.name.startswith("hosts/"):
                    host, _, rest = member.name.removeprefix("hosts/").partition("/")
                    hosts.setdefault(host, {})[rest] = stream.read(LARGEST_INDEX)
                elif member.name in files:
                    _read_objects(collector, files[member.name], stream, name)
                    seen.add(member.name)
    except DAMAGED as error:
        _cut_off(collector, name, str(error))
    if index is None:
        raise SourceError(f"{name} is a damaged snapshot: nothing of it can be read")
    _read_facts(collector, index, seen, name)
    for host, content in sorted(hosts.items()):
        where = f"{_base(name)}!hosts/{host}"
        collector.add_host(read_host(content, where, host.partition(_AGAIN)[0]), content)


def _read_index(name: str, data: bytes) -> _Index:
    try:
        index = msgspec.json.decode(data, type=_Index)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{name}: its snapshot.json cannot be read: {error}") from error
    if index.format != FORMAT:
        raise SourceError(f"{name} is a snapshot of the format {index.format!r}; this version reads {FORMAT!r}")
    return index


def _read_objects(collector: Collector, file: _KindFile, stream: IO[bytes], name: str) -> None:
    origin = Origin()
    decoder = msgspec.json.Decoder(_Line)
    count = 0
    for line in _lines(stream):
        count += 1
        if file.desired:
            try:
                kept = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                count -= 1
                continue
            collector.add_raw(kept.object, Origin(kept.file, kept.line), desired=True)
        else:
            collector.add_raw(line, origin, api_version=file.api_version, kind=file.kind, desired=False)
    if count != file.count:
        reason = f"{count} of {file.count} objects are there"
        gap = Gap(input=file.kind, subject=_base(name), reason=reason, how="make the snapshot again", asked=True)
        collector.fail(group_of(file.api_version), file.kind, gap)


def _lines(stream: IO[bytes], size: int = 1 << 20) -> Iterator[bytes]:
    """The lines of a stream; a tar's own line reader is ten times slower."""
    rest = b""
    while block := stream.read(size):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        yield from lines
    if rest:
        yield rest


def _read_facts(collector: Collector, index: _Index, seen: set[str], name: str) -> None:
    for listed in (*index.listed, *index.parts):
        collector.mark_listed(*listed)
    for (group, kind, namespace, named), gaps in index.failures:
        for gap in gaps:
            collector.fail(group, kind, gap, namespace, named)
    for gap in index.gaps:
        collector.add_gap(gap)
    for header in index.headers:
        collector.add_header(header)
    collector.add_roots(index.roots)
    collector.manifests_given |= index.manifests_given
    collector.hosts_asked |= index.hosts_asked
    _give_facts(collector, index, name)
    for file in index.files:
        if file.file not in seen:
            _cut_off(collector, name, f"{file.file} is missing")
    detail = f"of {index.created:%Y-%m-%d %H:%M} UTC; " + "; ".join(f"{one.kind} {one.name}" for one in index.sources)
    collector.add_source(SourceRecord(kind="snapshot", name=name, detail=detail))


def _give_facts(collector: Collector, index: _Index, name: str) -> None:
    for fact in FACTS:
        if fact.__name__ in index.facts:
            try:
                collector.give(msgspec.json.decode(index.facts[fact.__name__], type=fact))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                _cut_off(collector, name, f"its {fact.__name__} cannot be read: {error}")


def _cut_off(collector: Collector, name: str, reason: str) -> None:
    how = "make the snapshot again: kubepreflight snapshot --to FILE"
    collector.add_gap(Gap(input="files", subject=name, reason=f"damaged or cut off: {reason}", how=how, asked=True))
