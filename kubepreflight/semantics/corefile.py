"""A Corefile as kubeadm's migration reads it: server blocks, their plugins, and the plugins' options.

It knows no syntax beyond that: snippets and imports are blocks and plugins like others, what is nested deeper is passed
over. Source: github.com/coredns/corefile-migration, migration/corefile/corefile.go, and the lexer of
github.com/coredns/caddy that it uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"?|#[^\n]*|([^\s#]+)', re.DOTALL)


class Line(NamedTuple):
    """A plugin or an option: its name, what stands behind it, and the options of a plugin."""

    name: str
    arguments: tuple[str, ...]
    options: tuple[Line, ...] = ()


class Server(NamedTuple):
    """A server block: the zones and ports that it is for, and its plugins."""

    zones: tuple[str, ...]
    plugins: tuple[Line, ...]


def read_corefile(text: str) -> tuple[Server, ...]:
    """The server blocks, in order. Nothing is refused: what CoreDNS would not read comes out as something else."""
    servers: list[tuple[tuple[str, ...], list[tuple[str, tuple[str, ...], list[Line]]]]] = []
    depth = 0
    for words in _lines(text):
        if words == ("{",):
            depth += 1
        elif words == ("}",):
            depth -= 1
        elif depth == 0:
            servers.append((words, []))
        elif depth == 1 and servers:
            servers[-1][1].append((words[0], words[1:], []))
        elif depth == 2 and servers and servers[-1][1]:
            servers[-1][1][-1][2].append(Line(words[0], words[1:]))
    return tuple(
        Server(zones, tuple(Line(name, arguments, tuple(options)) for name, arguments, options in plugins))
        for zones, plugins in servers
    )


def _lines(text: str) -> Iterator[tuple[str, ...]]:
    """The words of each line; a brace that opens a block is a line of its own, and so is one that begins a line."""
    words: list[str] = []
    current = -1
    for line, word in _words(text.removeprefix("\ufeff")):
        if words and (line != current or word == "{"):
            yield tuple(words)
            words = []
        current = line + word.count("\n")
        if word in ("{", "}") and not words:
            yield (word,)
        else:
            words.append(word)
    if words:
        yield tuple(words)


def _words(text: str) -> Iterator[tuple[int, str]]:
    """Each word with the number of its line. Quotes hold a word together, `#` hides the rest of a line."""
    line, seen = 1, 0
    for match in _WORD.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        quoted, plain = match.groups()
        if plain is not None or quoted is not None:
            yield line, plain if plain is not None else quoted.replace('\\"', '"')
