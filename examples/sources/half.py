"""A quiet cluster of which only a part came: the archive of cp3 broke off in the middle, and nobody looked at w1.

What else is missing there, a broken document among the manifests, is kept by hand beside the dump.
"""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from sources import healthy
from sources.stamps import time
from sources.writing import write_dump, write_hosts

HERE = Path(__file__).parent
BROKEN, FORGOTTEN = "cp3", "w1"
ARRIVED = 24_000


def build(target: Path) -> None:
    """Write `dump` and `hosts` of the example into `target`."""
    nodes = healthy.machines("203.0.113", workers=2)
    made = healthy.example("half-collected", "api.notes.example:6443", HERE / "half-collected", nodes)
    made.fill()
    write_dump(made.cluster, target / "dump")
    archives = made.archives()
    whole = {name: members for name, members in archives.items() if name not in (BROKEN, FORGOTTEN)}
    write_hosts(whole, target / "hosts")
    packed = stored_gzip(tar(archives[BROKEN], made.collected))
    (target / "hosts" / f"{BROKEN}.tar.gz").write_bytes(packed[:ARRIVED])


def tar(members: Mapping[str, str], moment: str) -> bytes:
    """A tar of these members, all of one time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as packed:
        for name, text in members.items():
            head = tarfile.TarInfo(name)
            head.size, head.mtime = len(text.encode()), int(time(moment).timestamp())
            packed.addfile(head, io.BytesIO(text.encode()))
    return buffer.getvalue()


def stored_gzip(data: bytes) -> bytes:
    """`data` as gzip without compression, by hand: what a compressor makes differs from one zlib to the next."""
    blocks = [data[start : start + 0xFFFF] for start in range(0, len(data), 0xFFFF)]
    last = len(blocks) - 1
    heads = (struct.pack("<BHH", place == last, len(one), len(one) ^ 0xFFFF) for place, one in enumerate(blocks))
    body = b"".join(head + block for head, block in zip(heads, blocks, strict=True))
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + body + struct.pack("<II", zlib.crc32(data), len(data))
