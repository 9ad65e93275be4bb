"""What Kubernetes' packages need of the packages that come with them. The table is `package_dependencies.toml`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from typing import NamedTuple, Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor, Version

MINORS = frozenset({"from", "to"})


class Need(NamedTuple):
    """`package` needs `on`, in the version `at_least` or a later one."""

    package: str
    on: str
    at_least: Version


class _Row(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "before"}
):
    start: str
    end: str = ""
    at_least: str

    def covers(self, version: Version) -> bool:
        """Whether it holds for a version; one without a patch is the last of its minor."""
        last = (version.major, version.minor, 9999 if version.patch is None else version.patch)
        return _numbers(self.start) <= last and (not self.end or last < _numbers(self.end))


class _Needs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    package: str
    on: str
    rows: tuple[_Row, ...]


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    source: str
    needs: tuple[_Needs, ...]


def _numbers(text: str) -> tuple[int, int, int]:
    version = Version.parse(text)
    return version.major, version.minor, version.patch or 0


class PackageDependencies(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it. Beyond its range it names no need, and `knows` says that it cannot."""

    info: TableInfo
    source: str
    needs: tuple[_Needs, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        file = read_toml(DIRECTORY / "package_dependencies.toml", _File, MINORS)
        return cls(file.verified.info("package-dependencies", open_ended=True), file.source, file.needs)

    def knows(self, minor: Minor) -> bool:
        """Whether it can tell what the packages of a minor need."""
        return self.info.start <= minor <= self.info.end

    def concerns(self, package: str, there: Collection[str]) -> bool:
        """Whether a package is one that some version of those that are `there` needs."""
        return any(one.on == package and one.package in there for one in self.needs)

    def of(self, version: Version) -> Iterator[Need]:
        """What the packages of a Kubernetes version need; of a minor without a patch, what its last patch does."""
        for one in self.needs:
            for row in one.rows:
                if row.covers(version):
                    yield Need(one.package, one.on, Version.parse(row.at_least))
