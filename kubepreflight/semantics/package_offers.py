"""What a host's repositories and caches hold of Kubernetes' packages, by their versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from kubepreflight.host import CachedPackage, Host, Missing, Offer
from kubepreflight.semantics.installed import read_version
from kubepreflight.version import Minor, Version

One = TypeVar("One", Offer, CachedPackage)


def offered(host: Host, package: str) -> dict[Version, Offer] | Missing:
    """What the repositories offer of a package, by the lists that lie on the host, newest first."""
    offers = host.supply.offers
    if isinstance(offers, Missing):
        return offers
    return dict(sorted(_read(one for one in offers if one.package == package), reverse=True, key=lambda one: one[0]))


def cached(host: Host, package: str) -> dict[Version, CachedPackage] | Missing:
    """The package files of a package that lie in the host's caches, newest first."""
    files = host.supply.cached
    if isinstance(files, Missing):
        return files
    return dict(sorted(_read(one for one in files if one.package == package), reverse=True, key=lambda one: one[0]))


def offers_minor(host: Host, package: str, minor: Minor) -> bool | Missing:
    """Whether the repositories offer some version of a minor."""
    found = offered(host, package)
    return found if isinstance(found, Missing) else any(one.minor_version == minor for one in found)


def _read(some: Iterable[One]) -> Iterator[tuple[Version, One]]:
    """With their versions; what has the name only (a Google Cloud kubectl) is left out."""
    for one in some:
        version = read_version(one.package, one.version)
        if isinstance(version, Version):
            yield version, one


def within(version: Version, wanted: Version) -> bool:
    """Whether a version is what is wanted: the same, or any of the minor where no patch was named."""
    return version.minor_version == wanted.minor_version if wanted.patch is None else version == wanted
