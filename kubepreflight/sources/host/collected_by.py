"""When an archive was collected, by the clock of whoever collected it: what the node's own clock is held against."""

from __future__ import annotations

import tarfile
from datetime import datetime
from typing import Final

import msgspec

NAME: Final = "collected-by.json"
"""The member of the archive; it is added here, because the node cannot know it."""


class CollectedBy(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that ran the collector on a node, and the moments before and after by its own clock, in UTC."""

    machine: str = ""
    asked_at: datetime
    answered_at: datetime


def stamped(archive: bytes, by: CollectedBy) -> bytes:
    """An archive, a tar, with the word about its collection before all else, so that a cut off one has it too."""
    content = msgspec.json.encode(by) + b"\n"
    head = tarfile.TarInfo(NAME)
    head.size, head.mode, head.mtime = len(content), 0o600, int(by.answered_at.timestamp())
    return head.tobuf(tarfile.USTAR_FORMAT) + content + b"\0" * (-len(content) % tarfile.BLOCKSIZE) + archive
