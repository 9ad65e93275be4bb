"""Lines of text for a terminal or a log: wrapped between words, never inside a command."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from kubepreflight.reports._plain import plain
from kubepreflight.reports._prose import blocks
from kubepreflight.writer import Medium

NARROWEST = 40
MEASURE = 110
"""Sentences in longer lines are hard to read; lists may be wider."""

WIDE = 100
"""From here on a finding's title has room for its rule beside it."""

_WORD = re.compile(r"(?:`[^`]+`|\S)+")
_CODE = re.compile(r"`[^`]+`")
_WHOLE = re.compile(r"`|^https?://")


class Page:
    """Collects lines. Every text is made safe to show; a width counts terminal cells."""

    def __init__(self, medium: Medium) -> None:
        self.width = max(medium.width, NARROWEST)
        self.measure = min(self.width, MEASURE)
        self._color = medium.color
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"

    def paint(self, text: str, **style: Any) -> str:
        """The text in the style that `click.style` knows, or as it is where there is no colour."""
        from click import style as styled

        return styled(text, **style) if self._color else text

    def blank(self) -> None:
        """An empty line, once."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def heading(self, title: str, **style: Any) -> None:
        """A title with a rule to the right edge."""
        self.blank()
        self._lines.append(f"{self.paint(title, bold=True, **style)} {'─' * (self.measure - cells(title) - 1)}")
        self.blank()

    def title(self, text: str, aside: str, indent: int, label: str) -> None:
        """A bold line with a remark: at its right end where there is room, else below."""
        text, aside = plain(text), plain(aside)
        room = self.measure - indent - cells(text) - cells(aside)
        if self.measure >= WIDE and room >= 3:
            title = self.paint(text, bold=True) + " " * room + self.paint(aside, dim=True)
            self._lines.append(self.paint(label.ljust(indent), dim=True) + title)
        else:
            self.prose(text, indent, label, bold=True)
            self.prose(aside, indent, dim=True)

    def prose(self, text: str, indent: int = 0, label: str = "", **style: Any) -> None:
        """One paragraph; `label` stands in front of its first line, within the indent."""
        self._put(wrapped(plain(text), self.measure - indent), indent, label, style)

    def told(self, text: str, indent: int, label: str = "") -> None:
        """Paragraphs and commands; a command keeps its lines, however long."""
        for block in blocks(text):
            if block.is_command:
                self._put(block.text.split("\n"), indent + 2, label, {"fg": "cyan"}, offset=2)
            else:
                self._put(wrapped(block.text, self.measure - indent), indent, label, {})
            label = ""

    def listed(self, texts: Iterable[str], indent: int, label: str = "") -> None:
        """Short texts side by side in as many columns as fit, long ones wrapped."""
        shown = [plain(text) for text in texts]
        column = max((cells(text) for text in shown), default=0) + 3
        count = max(1, (self.width - indent) // column)
        rows = [shown[start : start + count] for start in range(0, len(shown), count)]
        for row in rows:
            line = "".join(text + " " * (column - cells(text)) for text in row).rstrip()
            self._put([line] if count > 1 else wrapped(line, self.width - indent), indent, label, {})
            label = ""

    def _put(self, lines: Iterable[str], indent: int, label: str, style: dict[str, Any], offset: int = 0) -> None:
        label = plain(label)
        for line in lines:
            start = label.ljust(indent - offset).ljust(indent)
            painted = (
                self.paint(line, **style) if style else _CODE.sub(lambda code: self.paint(code[0], bold=True), line)
            )
            self._lines.append((self.paint(start, dim=True) if label else start) + painted)
            label = ""


def cells(text: str) -> int:
    """How many columns a text takes on a terminal."""
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)


def wrapped(text: str, width: int) -> list[str]:
    """Break a text between words; a word longer than the width is cut, but for a link and what stands in backquotes."""
    lines = [""]
    for word in _WORD.findall(text):
        for piece in [word] if _WHOLE.search(word) else _pieces(word, width):
            if not lines[-1]:
                lines[-1] = piece
            elif cells(lines[-1]) + 1 + cells(piece) <= width:
                lines[-1] += f" {piece}"
            else:
                lines.append(piece)
    return lines


def _pieces(word: str, width: int) -> Iterator[str]:
    while cells(word) > width:
        end = width
        while cells(word[:end]) > width:
            end -= 1
        yield word[:end]
        word = word[end:]
    yield word
