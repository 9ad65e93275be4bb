"""Versions of Kubernetes and of what runs on it, as they are met in the field."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import total_ordering
from typing import NamedTuple

_VERSION = re.compile(
    r"""^\s*v?
    (?P<major>0|[1-9]\d{0,5})\.(?P<minor>\d{1,5})\+?   # managed clusters report a minor of "27+"
    (?:\.(?P<patch>\d{1,6}))?
    (?:[-~](?P<suffix>[0-9A-Za-z.\-~]+))?
    (?:[+_](?P<build>[0-9A-Za-z.\-+_~]+))?
    \s*$""",
    re.VERBOSE | re.ASCII,
)
_PRERELEASE = re.compile(r"^(alpha|beta|rc)(?:[.-]?(\d+))?(?:[.\-].*)?$", re.IGNORECASE | re.ASCII)


class Minor(NamedTuple):
    """A Kubernetes minor, the unit of upgrades: `1.36`."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Minor:
        """The minor of any version text that `Version.parse` reads. Raises ValueError."""
        return Version.parse(text).minor_version

    def plus(self, count: int) -> Minor:
        """The minor `count` steps later, or earlier when negative."""
        return Minor(self.major, self.minor + count)

    def distance(self, older: Minor) -> int:
        """How many minors `older` lies behind this one; negative when it is newer."""
        return (self.major - older.major) * 1000 + self.minor - older.minor

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version with the parts that order it.

    `prerelease` is `alpha`, `beta` or `rc` with its number and sorts below the release. `build` is whatever a
    distribution added (`k3s1`, `gke.100`, a Debian revision): kept for people, ignored in comparisons, because
    `v1.27.3-gke.100` is Kubernetes 1.27.3 and not a preview of it.
    """

    major: int
    minor: int
    patch: int | None = None
    prerelease: tuple[str, int] | None = None
    build: str = ""
    text: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `v1.36.3`, `1.37`, `v1.30.2+k3s1`, `v1.27.3-gke.100`, `1.31.0-rc.1` or `1.28.0-1.1`.

        Raises ValueError, with the text, for anything else.
        """
        match = _VERSION.match(text) if len(text) < 200 else None
        if match is None:
            raise ValueError(f"not a version: {text[:80]!r}")
        suffix, build = match["suffix"] or "", match["build"] or ""
        prerelease = _PRERELEASE.match(suffix)
        return cls(
            major=int(match["major"]),
            minor=int(match["minor"]),
            patch=int(match["patch"]) if match["patch"] is not None else None,
            prerelease=(prerelease[1].lower(), int(prerelease[2] or 0)) if prerelease else None,
            build=build if prerelease else "+".join(part for part in (suffix, build) if part),
            text=text.strip(),
        )

    @classmethod
    def try_parse(cls, text: str | None) -> Version | None:
        """Like `parse`, but None for what is no version."""
        try:
            return cls.parse(text) if text else None
        except ValueError:
            return None

    @property
    def minor_version(self) -> Minor:
        """The minor that this version belongs to."""
        return Minor(self.major, self.minor)

    def _key(self) -> tuple[int, int, int, tuple[str, int]]:
        return (self.major, self.minor, self.patch or 0, self.prerelease or ("~", 0))

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}"
        if self.patch is not None:
            text += f".{self.patch}"
        if self.prerelease is not None:
            text += f"-{self.prerelease[0]}.{self.prerelease[1]}"
        return text
