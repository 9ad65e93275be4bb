"""What `helm template` prints: of each document the comment that says from which template it comes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection

from kubepreflight.objects import Origin

Place = Callable[[int], Origin]
"""Where the document is kept that begins on a line."""

_SEPARATOR = re.compile(rb"^---[ \t]*\r?\n", re.MULTILINE)
_API_VERSION = re.compile(rb"""^apiVersion:[ \t]*["']?([\w./-]{1,300})""", re.MULTILINE)
_MARK = re.compile(rb"^(?:---|# Source: ([\w./@+ -]{1,1000})\r?$)", re.MULTILINE)


def places(shown: str, data: bytes, template: Callable[[str], str] = str) -> Place:
    """The template of each document, or the line in `shown` of one without that comment.

    `template` makes the path that reports show of the one in the comment, which begins with the chart's name.
    """
    lines, names = [0], [""]
    line, at = 1, 0
    for match in _MARK.finditer(data) if b"\n# Source: " in data[: 1 << 20] else ():
        line += data.count(b"\n", at, match.start())
        at = match.start()
        lines.append(line)
        names.append((match[1] or b"").decode().strip())

    def place(line: int) -> Origin:
        name = names[bisect_right(lines, line) - 1]
        return Origin(template(name)) if name else Origin(shown, line)

    return place


def without(data: bytes, versions: Collection[str]) -> tuple[bytes, list[str]]:
    """The documents that are not in one of these API versions, and the versions of those that were left out."""
    if not versions:
        return data, []
    kept, dropped = [], set()
    for document in _SEPARATOR.split(data):
        written = _API_VERSION.search(document)
        version = written[1].decode() if written else ""
        if version in versions:
            dropped.add(version)
        else:
            kept.append(document)
    return b"---\n".join(kept), sorted(dropped)
