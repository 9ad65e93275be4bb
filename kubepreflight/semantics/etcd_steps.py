"""Which etcd runs before and after each hop of the upgrade."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kubepreflight.finding import Hop
from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version


class EtcdStep(NamedTuple):
    """A hop, and the etcd on both sides of it; they are equal where kubeadm leaves it."""

    hop: Hop
    before: Version
    after: Version


def etcd_steps(
    upgrade: Upgrade, running: Version, fixed: Version | None, versions: ComponentVersions
) -> Iterator[EtcdStep]:
    """From the oldest one that is running; `fixed` is the tag in kubeadm-config. kubeadm never takes etcd back."""
    for hop in upgrade.hops:
        after = max(running, fixed or versions.etcd(upgrade.version_after(hop)) or running)
        yield EtcdStep(hop, running, after)
        running = after
