"""Which of the files of a tree are those of host archives."""

from __future__ import annotations

import re
from collections.abc import Iterable

FILES = ("host.json", "private-keys.txt", "unreadable.txt", "collected-by.json")
FOLDERS = ("files/", "commands/")
_MEMBER = re.compile(
    r"(?<![^/])(?:(?P<head>host\.json$)|unreadable\.txt$|commands/|files/(?P<node>etc/kubernetes/|var/lib/kubelet/)?)"
)


def host_prefixes(names: Iterable[str]) -> tuple[str, ...]:
    """The folders, with a final slash, that are host archives.

    These are what the collector makes (a host.json with something beside it: others have files of that name), and bare
    copies of a node's files in `files/`, told by what only a node of Kubernetes has there.
    """
    heads: set[str] = set()
    bodies: set[str] = set()
    for name in names:
        for match in _MEMBER.finditer(name):
            (heads if match["head"] else bodies).add(name[: match.start()])
            if match["node"]:
                heads.add(name[: match.start()])
    return tuple(sorted(heads & bodies, key=len, reverse=True))


def is_member(path: str, prefix: str) -> bool:
    """Whether a file belongs to the host archive in the folder `prefix`."""
    rest = path.removeprefix(prefix)
    return path.startswith(prefix) and (rest in FILES or rest.startswith(FOLDERS))
