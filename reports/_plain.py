"""Text from a cluster made safe to show: nothing that a terminal or a browser acts upon, and no name without end."""

from __future__ import annotations

from kubepreflight.visible import visible

LONGEST_WORD = 320
"""Longer than a Kubernetes namespace and name together (63 and 253), still short enough to read past."""
LONGEST_TEXT = 4000
MOST_LINES = 200


def shorten(text: str, limit: int) -> str:
    """The text, with its middle replaced by a remark when it is longer than `limit` (at least 40) characters."""
    if len(text) <= limit:
        return text
    remark = f"…({len(text)} characters)…"
    head = (limit - len(remark)) * 2 // 3
    return text[:head] + remark + text[len(text) - (limit - len(remark) - head) :]


def plain(text: str) -> str:
    """One line that is safe to show: made visible, endless words and endless texts shortened."""
    text = visible(text)
    if len(text) <= LONGEST_WORD:
        return text
    return shorten(" ".join(shorten(word, LONGEST_WORD) for word in text.split(" ")), LONGEST_TEXT)


def plain_lines(text: str) -> list[str]:
    """Like `plain` for a text of several lines; tabs become spaces. Never empty."""
    lines = text.strip("\r\n").replace("\r\n", "\n").split("\n")
    more = [f"…and {len(lines) - MOST_LINES:,} more lines"] if len(lines) > MOST_LINES else []
    return [plain(line.expandtabs(4)).rstrip() for line in lines[:MOST_LINES]] + more
