"""What is installed on a host: by its package, or by what the program says of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kubepreflight.host import Host, Missing, Package
from kubepreflight.version import Version

KUBERNETES = ("kubeadm", "kubectl", "kubelet")
"""Programs, and packages, that have Kubernetes' own version."""

_BEFORE = re.compile(r"^(?:[0-9]+:)?(?:.*\+really(?=[0-9]))?")
"""An epoch; and what Debian writes before the real version when it goes back without one."""

_MOST_MINORS = 100
"""Three minors come a year: a greater number is somebody else's, as `1:528.0.0-0` of Google Cloud's kubectl is."""


class Unreadable(Missing, frozen=True):
    """It is installed, and what it calls its version is none."""


class Foreign(Unreadable, frozen=True):
    """It has the name of a program of Kubernetes, and a version that Kubernetes never had."""


def installed_version(host: Host, name: str) -> Version | Missing | None:
    """The version of a package or program; None when it is not there, Missing when that cannot be told.

    The package counts where there is one: it is what the next start will run. One that only has the name of a program
    of Kubernetes tells nothing; then the program does.
    """
    unknown: Missing | None = None
    for known in (host.packages, host.versions):
        if isinstance(known, Missing):
            unknown = unknown or known
        elif name in known:
            one = known[name]
            text = one if isinstance(one, str) else one.version
            version = read_version(name, text)
            if isinstance(version, Version):
                return version
            unknown = version
    return unknown


def package_version(packages: Mapping[str, Package], name: str) -> Version | None:
    """The version of one of Kubernetes' packages; None when it is not installed, or only has the name of one."""
    version = read_version(name, packages[name].version) if name in packages else None
    return version if isinstance(version, Version) else None


def read_version(name: str, text: str) -> Version | Unreadable:
    """What a package or program calls its version; of Kubernetes' own names (`KUBERNETES`) it must be one of theirs."""
    version = Version.try_parse(_BEFORE.sub("", text))
    if version is None:
        return Unreadable(f"{name} is {text[:60]!r}, which is no version")
    if name in KUBERNETES and (version.major != 1 or version.minor >= _MOST_MINORS):
        return Foreign(f"{name} is {text[:60]!r}, which is no version of Kubernetes")
    return version
