"""runtime_config.csv: the versions that `--runtime-config` may not name any more, because nothing is left of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kubepreflight.version import Minor
from tools.knowledge.api_types import api_packages
from tools.knowledge.lives import api_version, life, table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin
from tools.knowledge.records import Row

COLUMNS = ("group_version", "gone")
HEAD = """\
# key: group_version
# Group versions that `--runtime-config` of kube-apiserver may not name any more: from `gone` on it does not start with
# them, be they switched on or off. Other versions that are no longer served it passes over in silence, because its
# scheme still has them. A version is gone with its package in k8s.io/api. All rows, and a dozen versions that are not
# gone, were tried with kube-apiserver 1.35.4, 1.36.3 and 1.37.2.
"""


def read(pin: Pin) -> Iterator[Row]:
    """A group, and all its versions of which k8s.io/api has types."""
    versions: dict[str, set[str]] = defaultdict(set)
    for package in api_packages(pin).values():
        for group, version, _ in package.kinds:
            versions[group].add(version)
    for group, found in versions.items():
        yield group, " ".join(sorted(found))


def compose(records: Records) -> str:
    """The versions that some minor has and a later one has not, in the order in which they went."""
    found: dict[str, list[Minor]] = defaultdict(list)
    for minor, rows in records.items():
        for group, versions in rows:
            for version in versions.split():
                found[api_version(group, version)].append(minor)
    lives = {version: life(minors, list(records)) for version, minors in found.items()}
    gone = sorted((one.removed, version) for version, one in lives.items() if one.removed)
    return HEAD + table(COLUMNS, [{"group_version": version, "gone": str(minor)} for minor, version in gone])
