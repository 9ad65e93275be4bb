"""kubeadm_limits.csv: how far kubeadm goes in one upgrade, and how far behind others may be."""

from __future__ import annotations

from collections.abc import Iterator

from tools.knowledge.kubeadm_constants import Limits, limits
from tools.knowledge.lives import Cells, table
from tools.knowledge.makers import Records
from tools.knowledge.pins import Pin
from tools.knowledge.records import Row

HEAD = """\
# key: since
# In minors, by the version of kubeadm itself: MaximumAllowedMinorVersionUpgradeSkew and its kin, and
# MinimumControlPlaneVersion, in cmd/kubeadm/app of k8s.io/kubernetes.
"""


def read(pin: Pin) -> Iterator[Row]:
    """What one release allows."""
    yield limits(pin)


def compose(records: Records) -> str:
    """A row for each minor that allows something else than the one before it."""
    made: list[Cells] = []
    before: Row = ()
    for minor, (now,) in records.items():
        if now != before:
            made.append({"since": str(minor) if before else "", **dict(zip(Limits._fields, now, strict=True))})
        before = now
    return HEAD + table(("since", *Limits._fields), made)
