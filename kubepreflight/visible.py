"""Text of others made safe to show: nothing that a terminal acts upon."""

from __future__ import annotations


def visible(text: str) -> str:
    r"""The text with control, format and unpaired surrogate characters written out: `\x1b`, `\u202e`, `\n`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
