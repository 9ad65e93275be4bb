"""Remedies and other texts for people: which parts are prose and which are commands to be copied whole.

A command is a line that is indented or starts like one, the end of a line after a colon that starts like one, or
what stands between backquotes.
"""

from __future__ import annotations

import re
import textwrap
from typing import NamedTuple

from kubepreflight.reports._plain import plain_lines

_COMMANDS = (
    r"apt|apt-cache|apt-get|apt-key|apt-mark|awk|cat|chmod|chown|cp|crictl|ctr|curl|df|dnf|docker|dpkg|du|echo|etcdctl|"
    r"etcdutl|fuser|gpg|grep|helm|istioctl|journalctl|kubeadm|kubectl|kubelet|kubepreflight|ln|mkdir|modprobe|mv|openssl|"
    r"podman|ps|rm|rpm|scp|sed|ssh|stat|sudo|systemctl|tar|timedatectl|velero|yum|zypper"
)
_START = rf"(?:\$ |(?:[A-Z_]+=\S+ )*(?:{_COMMANDS}) )\S"
_NO_SENTENCE = r"(?<!\S[.:])"
_COMMAND = re.compile(rf"\s{{2,}}\S.*|{_START}.*{_NO_SENTENCE}")
_AFTER_COLON = re.compile(rf"(?P<prose>[^`]*?:) (?P<command>{_START}[^`]*{_NO_SENTENCE})")
_ITEM = re.compile(r"(?:[-*•]|[0-9]{1,2}[.)]) ")
_CODE = re.compile(r"`([^`]+)`")


class Block(NamedTuple):
    """A paragraph, or a command of one or more lines, which must never be wrapped."""

    is_command: bool
    text: str


class Span(NamedTuple):
    """A piece of a paragraph; code is shown as it would be typed."""

    is_code: bool
    text: str


def blocks(text: str) -> list[Block]:
    """Split a text into paragraphs, items and commands, safe to show. Neighbouring lines of one sort are joined."""
    found: list[Block] = []
    for line in plain_lines(text):
        for one in _blocks_of_line(line):
            joins = found and found[-1].text and one.text and found[-1].is_command == one.is_command
            if joins and not _ITEM.match(one.text):
                found[-1] = Block(one.is_command, found[-1].text + ("\n" if one.is_command else " ") + one.text)
            else:
                found.append(one)
    return [
        Block(one.is_command, _command(one.text) if one.is_command else one.text.strip()) for one in found if one.text
    ]


def _blocks_of_line(line: str) -> list[Block]:
    if _COMMAND.fullmatch(line):
        return [Block(True, line)]
    if match := _AFTER_COLON.fullmatch(line):
        return [Block(False, match["prose"]), Block(True, match["command"])]
    return [Block(False, line)]


def _command(text: str) -> str:
    return "\n".join(line.removeprefix("$ ") for line in textwrap.dedent(text).split("\n"))


def spans(paragraph: str) -> list[Span]:
    """Split a paragraph at its backquotes."""
    parts = _CODE.split(paragraph)
    return [Span(index % 2 == 1, part) for index, part in enumerate(parts) if part]
