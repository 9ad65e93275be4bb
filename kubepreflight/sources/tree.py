"""Files by name and content, wherever they lie: in a folder, in a tar or zip archive, on standard input.

Archives are read in memory, within limits; a hostile one (paths that lead outside, links, devices, bombs) is refused or
its member passed over with a gap, never followed.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, Self

import msgspec

LARGEST_TOTAL = 4 << 30
"""Bytes that one file, or one archive in all, may hold: a dump of 150,000 pods has 0.7 GB."""
MOST_MEMBERS = 200_000
LARGEST_RATIO = 300
"""An archive that grows by more than this, and beyond 64 MB, is a bomb; JSON dumps grow by 10 to 50."""

DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError),
    *(RuntimeError, ValueError, TypeError, IndexError),
)
"""What the standard library raises for a damaged archive: its own errors, and whatever else it stumbles over."""


class Readable(Protocol):
    """Whatever can be read in pieces."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; all that is left when no size is given."""


class Entry(msgspec.Struct, frozen=True):
    """One file: `path` relative to what was named, with forward slashes; `read` gives its bytes or raises OSError.

    `file` is where it lies when it need not be read whole.
    """

    path: str
    read: Callable[[], bytes]
    file: Path | None = None

    def open(self) -> IO[bytes]:
        """The same as a stream. Raises OSError."""
        return io.BytesIO(self.read()) if self.file is None else self.file.open("rb")


def read_whole(stream: Readable) -> bytes:
    """All of a stream. Raises OSError, also for one that holds more than is read, or that never ends."""
    content = io.BytesIO()
    while block := stream.read(1 << 20):
        content.write(block)
        if content.tell() > LARGEST_TOTAL:
            raise OSError(f"it is larger than {LARGEST_TOTAL >> 20} MB, which is more than is read")
    return content.getvalue()


def _read_file(path: Path) -> bytes:
    with path.open("rb") as stream:
        return read_whole(stream)


class ArchiveError(Exception):
    """An archive that cannot be read, or that is refused. What was read before it was noticed is still used."""


def is_archive(head: bytes) -> bool:
    """Whether a file's first bytes are those of a tar, a zip, or something compressed."""
    return head[:2] == b"\x1f\x8b" or head[:4] == b"PK\x03\x04" or head[257:262] == b"ustar"


def folder_entries(folder: Path, refuse: Callable[[str, str], None]) -> Iterator[Entry]:
    """All files below a folder, sorted, without hidden folders. Links that lead outside go to `refuse`; what a link to
    a folder inside leads to is read where it stands."""
    root = folder.resolve()
    waiting = [folder]
    while waiting:  # os.walk calls itself for every level, and Python's recursion ends before a file system's depth
        where = waiting.pop()
        try:
            with os.scandir(where) as found:
                entries = sorted((not _is_folder(one), one.name) for one in found)
        except OSError as error:
            refuse(str(error.filename), error.strerror or str(error))
            continue
        below = []
        for is_file, name in entries:
            path = where / name
            hidden = name.startswith(".")
            if hidden and not is_file:
                continue
            relative = path.relative_to(folder).as_posix()
            try:
                if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
                    refuse(relative, "a link that leads out of the folder")
                elif not is_file:
                    below += [] if path.is_symlink() else [path]
                elif path.is_file() or path.is_symlink():
                    yield Entry(relative, partial(_read_file, path), path)
                elif not hidden:
                    refuse(relative, "neither a file nor a folder")
            except OSError as error:
                refuse(relative, error.strerror or str(error))
        waiting += reversed(below)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def archive_entries(data: bytes, refuse: Callable[[str, str], None]) -> Iterator[Entry]:
    """All files of an archive, or the one file that is merely compressed. Raises ArchiveError, maybe after some."""
    if data[:4] == b"PK\x03\x04":
        yield from _zip_entries(data, refuse)
        return
    if data[:2] == b"\x1f\x8b" and not _holds_tar(data):
        yield Entry("", lambda: _gunzip(data))
        return
    yield from _tar_entries(data, refuse)


def _holds_tar(data: bytes) -> bool:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            return is_archive(stream.read(512))
    except DAMAGED:
        return True


def _gunzip(data: bytes) -> bytes:
    limit = min(LARGEST_TOTAL, max(64 << 20, len(data) * LARGEST_RATIO))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            content = stream.read(limit + 1)
    except DAMAGED as error:
        raise OSError(f"the compressed file is damaged: {error}") from error
    if len(content) > limit:
        raise OSError("it grows too much when it is uncompressed: refused")
    return content


class _Budget:
    """Counts what an archive gives, against the limits."""

    def __init__(self, compressed: int) -> None:
        self._left = min(LARGEST_TOTAL, max(64 << 20, compressed * LARGEST_RATIO))
        self._members = 0

    def take(self, size: int) -> None:
        self._members += 1
        self._left -= size
        if self._left < 0:
            raise ArchiveError("it grows too much when it is unpacked: the rest is refused")
        if self._members > MOST_MEMBERS:
            raise ArchiveError(f"it has more than {MOST_MEMBERS} members: the rest is refused")


def safe_name(name: str) -> str | None:
    """A member's name as a relative path; None when it leads outside."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        return None
    return path.as_posix()


def joined(where: str, name: str) -> str:
    """The path of what lies in a folder, or behind an archive's `!`; either may be empty."""
    return f"{where}{name}" if where.endswith("!") else f"{where}/{name}" if where else name


class _Member(tarfile.TarInfo):
    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """The next member. Raises ReadError where an archive breaks off or goes on with something else.

        tarfile takes that for an end: what was cut off between two members would read as whole.
        """
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":
                raise
            raise tarfile.ReadError(f"unexpected end of data: {error}") from error


def _tar_entries(data: bytes, refuse: Callable[[str, str], None]) -> Iterator[Entry]:
    budget = _Budget(len(data))
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r|*", tarinfo=_Member) as archive:
            for member in archive:
                name = safe_name(member.name)
                if member.isdir():
                    continue
                if name is None:
                    refuse(member.name, "its path leads out of the archive")
                elif not member.isfile():
                    refuse(member.name, "a link or a device, which is not followed")
                else:
                    budget.take(member.size)
                    stream = archive.extractfile(member)
                    content = stream.read() if stream is not None else b""
                    yield Entry(name, lambda content=content: content)  # type: ignore[misc] # binds the loop's value
    except DAMAGED as error:
        raise ArchiveError(f"it is damaged or cut off: {error}") from error


def _zip_entries(data: bytes, refuse: Callable[[str, str], None]) -> Iterator[Entry]:
    budget = _Budget(len(data))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                name = safe_name(member.filename)
                if member.is_dir():
                    continue
                if name is None:
                    refuse(member.filename, "its path leads out of the archive")
                    continue
                budget.take(member.file_size)
                content = archive.read(member)
                yield Entry(name, lambda content=content: content)  # type: ignore[misc] # binds the loop's value
    except DAMAGED as error:
        raise ArchiveError(f"it is damaged or cannot be read: {error}") from error
