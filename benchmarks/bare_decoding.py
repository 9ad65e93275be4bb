"""The floor of a snapshot scan: read the same bytes and decode the same structs, and do nothing with them.

Usage: python -m benchmarks.bare_decoding SNAPSHOT
"""

from __future__ import annotations

import gc
import sys
import tarfile

import msgspec

from kubepreflight.objects import Node, Pod

STRUCTS = {"nodes": Node, "pods": Pod}


def main(path: str) -> int:
    """Decode every object of a snapshot; the number of them."""
    gc.disable()
    kept = []
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            struct = STRUCTS.get(member.name.removeprefix("observed/").removesuffix(".jsonl"))
            stream = archive.extractfile(member)
            if struct is None or stream is None:
                continue
            decoder = msgspec.json.Decoder(struct)
            rest = b""
            while block := stream.read(1 << 20):
                lines = (rest + block).split(b"\n")
                rest = lines.pop()
                kept += [decoder.decode(line) for line in lines]
    return len(kept)


if __name__ == "__main__":
    print(main(sys.argv[1]))
