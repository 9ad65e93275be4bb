"""Files that are written whole or not at all: a full disk leaves the old one, and never half of a new one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kubepreflight.errors import UsageError

_STREAMS = ("/dev/std", "/dev/fd/", "/proc/")
"""Names of what is open already; a file behind them must stay the same file."""
_NO_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS)
_NOT_REPLACED = (errno.EBUSY, errno.EACCES, errno.EPERM)
"""A file that is mounted (into a container), or of somebody else's in a folder like /tmp."""


def check_writable(path: Path) -> None:
    """Raises UsageError when a file cannot be written; what is there is not changed."""
    target = _target(path)
    existed = target.exists()
    try:
        if existed and not target.is_file() and not target.is_dir():
            return  # a pipe: opened and closed again, it would leave its reader with nothing
        with target.open("ab"):
            pass
        if not existed:
            target.unlink()
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file when all of it is written; when it fails, what was there stays.

    The file keeps its permissions, and a link to it stays one. Pipes, devices and a file in a folder in which nothing
    can be made are written directly. Raises OSError.
    """
    target = _target(path)
    partial = None if _is_stream(target) else _beside(target)
    if partial is None:
        with target.open("wb") as stream:
            yield stream
        return
    try:
        with partial.open("wb") as stream:
            if target.exists():
                _like(target, stream.fileno())
            yield stream
        _replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _target(path: Path) -> Path:
    """The file that a link leads to, which is there or not."""
    return Path(os.path.realpath(path)) if path.is_symlink() and not _is_stream(path) else path


def _is_stream(path: Path) -> bool:
    is_special = path.exists() and not path.is_file() and not path.is_dir()
    return is_special or str(path.absolute()).startswith(_STREAMS)


def _beside(target: Path) -> Path | None:
    """A new, empty file in the same folder; None where none can be made. Raises OSError."""
    partial = target.with_name(f".kubepreflight-{secrets.token_hex(4)}")
    try:
        partial.open("xb").close()
    except OSError as error:
        if error.errno in _NO_PLACE:
            return None
        raise
    return partial


def _like(target: Path, number: int) -> None:
    found = target.stat()
    with contextlib.suppress(PermissionError):
        os.fchown(number, found.st_uid, found.st_gid)
    os.fchmod(number, stat.S_IMODE(found.st_mode))


def _replace(partial: Path, target: Path) -> None:
    try:
        partial.replace(target)
    except OSError as error:
        if error.errno not in _NOT_REPLACED:
            raise
        shutil.copyfile(partial, target)
