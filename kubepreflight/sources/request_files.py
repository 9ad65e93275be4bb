"""Files that tell what API servers were asked for: their audit logs and their metrics, told by content, compressed or
not, and read as a stream."""

from __future__ import annotations

import gzip
import zlib
from typing import IO, cast

from kubepreflight.knowledge.api_lifecycle import ApiLifecycle
from kubepreflight.snapshot import Collector
from kubepreflight.sources import audit_log
from kubepreflight.sources.audit_log import HEAD, AuditLogReader, is_audit_log
from kubepreflight.sources.metrics import MetricsReader, is_metrics, metrics_of_file
from kubepreflight.sources.tree import LARGEST_RATIO, Readable, is_archive

SUFFIXES = (".log", ".jsonl", ".gz", ".txt", ".prom")
"""What such files are called; in a folder those of other names are not looked into."""
_GZIP = b"\x1f\x8b"
_SMALL = 64 << 20
_DAMAGED = (OSError, EOFError, zlib.error)


class Peeked:
    """A stream of which the beginning, `head`, was looked at; it is read as if it were not."""

    def __init__(self, stream: Readable) -> None:
        self.head = self._left = stream.read(HEAD)
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        if not self._left:
            return self._stream.read(size)
        if size < 0:
            data, self._left = self._left + self._stream.read(), b""
        else:
            data, self._left = self._left[:size], self._left[size:]
        return data


class _Unpacked:
    """What a compressed stream holds. Raises OSError for one that grows too much, besides what gzip raises."""

    def __init__(self, packed: Readable) -> None:
        self._packed = packed
        self._in = self._out = 0
        self._stream = gzip.GzipFile(fileobj=cast(IO[bytes], _Counted(self)))

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes: what there is at once, so that what is damaged takes nothing with it that came before."""
        data = self._stream.read1(size)
        self._out += len(data)
        if self._out > max(_SMALL, self._in * LARGEST_RATIO):
            raise OSError("it grows too much when it is uncompressed: the rest is refused")
        return data

    def read_packed(self, size: int = -1, /) -> bytes:
        """The next bytes of what is compressed."""
        data = self._packed.read(size)
        self._in += len(data)
        return data


class _Counted:
    def __init__(self, unpacked: _Unpacked) -> None:
        self.read = unpacked.read_packed


class RequestFiles:
    """Takes such files. `logs` and `metrics` count them."""

    def __init__(self, collector: Collector) -> None:
        self.logs = self.metrics = 0
        self._collector = collector

    def take(self, shown: str, stream: Peeked) -> bool:
        """Read one, which reports call `shown`; false for a file of another sort, of which nothing is lost then."""
        packed = stream.head[:2] == _GZIP
        head = _unpacked(stream.head) if packed else stream.head
        audit = is_audit_log(head)
        if is_archive(head) or not (audit or is_metrics(head)):
            return False
        self.logs += audit
        self.metrics += not audit
        content: Readable = _Unpacked(stream) if packed else stream
        (self._audit_log if audit else self._metrics)(shown, content)
        return True

    def _audit_log(self, shown: str, stream: Readable) -> None:
        gone = {row.api_version for row in ApiLifecycle.provide().going()}
        reader = AuditLogReader(gone)
        damage = _read(reader, stream)
        log = reader.finish(shown)
        gap = audit_log.gap(shown, f"it was read in part: {damage}")
        self._collector.give(log.with_gap(gap) if damage else log)

    def _metrics(self, shown: str, stream: Readable) -> None:
        reader = MetricsReader()
        damage = _read(reader, stream)
        problem = f"they were read in part: {damage}" if damage else ""
        self._collector.give(metrics_of_file(reader, shown, problem))


def _read(reader: AuditLogReader | MetricsReader, stream: Readable) -> str:
    """Read as far as the stream goes; what is wrong with it where it ends early, empty where it does not."""
    try:
        reader.read(stream)
    except _DAMAGED as error:
        return str(error) or type(error).__name__
    return ""


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(head, HEAD)
    except zlib.error:
        return b""
