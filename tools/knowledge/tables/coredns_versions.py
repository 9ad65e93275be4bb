"""coredns_versions.csv: the versions of CoreDNS that kubeadm can migrate from and to, and since when."""

from __future__ import annotations

from collections.abc import Iterator

from kubepreflight.version import Minor, Version
from tools.knowledge.corefile_migrations import migrations
from tools.knowledge.lives import table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin
from tools.knowledge.records import Row

SINCE = Minor(1, 16)
"""The first whose kubeadm migrates a Corefile."""

HEAD = """\
# From github.com/coredns/corefile-migration, in the version that the last patch release of each minor requires.
"""


def read(pin: Pin) -> Iterator[Row]:
    """The versions that one release knows."""
    return ((version,) for version in migrations(pin))


def compose(records: Records) -> str:
    """All versions, oldest first, each with the first kubeadm that knows it."""
    first: dict[str, Minor] = {}
    for minor, rows in records.items():
        for (version,) in rows:
            first.setdefault(version, minor)
    chain = sorted(first, key=Version.parse)
    return HEAD + table(("version", "kubeadm"), [{"version": one, "kubeadm": str(first[one])} for one in chain])
