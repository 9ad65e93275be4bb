"""Static pods on a node's disk, and the command lines in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from kubepreflight.static_pod import StaticPodSpec


class StaticPod(msgspec.Struct, frozen=True, kw_only=True):
    """One manifest of a static pod: its file on the node, its name, and the command lines of its containers.

    `spec` is the rest of it, None when it cannot be decoded.
    """

    path: str
    name: str
    images: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    spec: StaticPodSpec | None = None

    def flag(self, name: str) -> str | None:
        """The last value of `--name` on the command line; an empty string for a bare flag; None when absent."""
        return last_flag(self.command, name)


def flags_in(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each flag of a command line with its value, "" for a bare one; Kubernetes reads `_` in a name as `-`."""
    for number, word in enumerate(words):
        if not word.startswith("-"):
            continue
        name, assigned, value = word.lstrip("-").partition("=")
        following = words[number + 1] if number + 1 < len(words) else "-"
        yield name.replace("_", "-"), value if assigned or following.startswith("-") else following


def last_flag(arguments: Sequence[str], name: str) -> str | None:
    """The last value of `--name` among `arguments`, in both spellings; "" for a bare flag, None when absent."""
    return dict(flags_in(arguments)).get(name)
