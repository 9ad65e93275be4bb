"""Pins: what decides beside the repositories to which version apt takes a package."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate

from kubepreflight.sources.host.host_files import HostFiles
from kubepreflight.sources.host.repositories import paragraphs

PREFERENCES = "/etc/apt/preferences"
_APT_NAME = re.compile(r"^[A-Za-z0-9_-]+(\.pref)?$")


def read_pins(node: HostFiles) -> Callable[[str], str]:
    """By a package's name the file of the first pin that names it, by itself or by a glob; empty when none does.

    A pin of every package (`Package: *`) is about a repository and not about these: it is left out. So is one by a
    regular expression (`/^kube/`): what strangers write is not run as one.
    """
    parts = (path for path in node.directly_in(f"{PREFERENCES}.d") if _APT_NAME.match(path.rpartition("/")[2]))
    pins = [
        (re.compile(translate(pattern.partition(":")[0])), path)
        for path in (*parts, PREFERENCES)
        for fields in paragraphs(node.text_of(path) or "")
        if "pin" in fields
        for pattern in fields.get("package", ("", 0))[0].split()
        if pattern != "*"
    ]
    return lambda name: next((path for pattern, path in pins if pattern.match(name)), "")
