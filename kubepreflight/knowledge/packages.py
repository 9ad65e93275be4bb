"""Where Kubernetes' packages come from: the repositories of today, those that are gone, and since when.

The table is `packages.toml`.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Literal, Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor, Version

MINORS = frozenset({"from", "to", "since"})
Family = Literal["deb", "rpm"]


class Packages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kubernetes' own packages: those that must be `held`, and those that come with them."""

    held: tuple[str, ...]
    also: tuple[str, ...]
    source: str


class LegacyRepositories(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Google's repositories: when they were deprecated, got their last packages (`last`), and went away."""

    urls: tuple[str, ...]
    suites: str
    deprecated: date
    frozen: date
    gone: date
    last: tuple[str, ...]
    source: str

    def last_of(self, minor: Minor) -> Version | None:
        """The last patch of `minor` that they ever held, where they were frozen before its end."""
        return next((one for one in map(Version.parse, self.last) if one.minor_version == minor), None)


class CommunityRepositories(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The community's repositories, one for each minor since `since`."""

    url: str
    hosts: tuple[str, ...]
    since: Minor
    template: str
    source: str

    def url_for(self, minor: Minor, family: Family) -> str | None:
        """The repository that holds `minor`; None for one older than they are."""
        return self.template.format(minor=minor, family=family) if minor >= self.since else None


class Recognised(msgspec.Struct, frozen=True):
    """What a configured repository is: a legacy one, or the community's for `minor` (`stream` stable or prerelease)."""

    kind: Literal["legacy", "community"]
    minor: Minor | None = None
    stream: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    packages: Packages
    legacy: LegacyRepositories
    community: CommunityRepositories


class PackageSources(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    packages: Packages
    legacy: LegacyRepositories
    community: CommunityRepositories

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "packages.toml", _File, MINORS)
        return cls(file.verified.info("packages"), file.packages, file.legacy, file.community)

    def recognise(self, url: str, suite: str = "") -> Recognised | None:
        """What the repository at `url` is (with `suite`, for apt); None when it is none of Kubernetes'."""
        community = re.match(self.community.url, url)
        if community is not None:
            return Recognised("community", Minor.parse(community["minor"]), community["stream"])
        legacy = any(re.match(pattern, url) for pattern in self.legacy.urls)
        if legacy and (not suite or re.match(self.legacy.suites, suite)):
            return Recognised("legacy")
        return None
