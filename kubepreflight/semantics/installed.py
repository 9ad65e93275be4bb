"""What is installed on a host: by its package, or by what the program says of itself."""

from __future__ import annotations

import re

from kubepreflight.host import Host, Missing
from kubepreflight.version import Version

_EPOCH = re.compile(r"^\d+:")


class Unreadable(Missing, frozen=True):
    """It is installed, and what it calls its version is none."""


def installed_version(host: Host, name: str) -> Version | Missing | None:
    """The version of a package or program; None when it is not there, Missing when that cannot be told.

    The package counts where there is one: it is what the next start will run.
    """
    unknown: Missing | None = None
    for known in (host.packages, host.versions):
        if isinstance(known, Missing):
            unknown = unknown or known
        elif name in known:
            one = known[name]
            text = one if isinstance(one, str) else one.version
            version = Version.try_parse(_EPOCH.sub("", text))
            return version if version is not None else Unreadable(f"{name} is {text[:60]!r}, which is no version")
    return unknown
