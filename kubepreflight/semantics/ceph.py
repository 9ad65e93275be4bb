"""Ceph as Rook runs it: what it says of its health, and what its daemons keep beside their claims and hostPaths."""

from __future__ import annotations

from kubepreflight.finding import Subject
from kubepreflight.objects import Api, KubernetesObject, Pod, group_of
from kubepreflight.parts import Part

GROUP = "ceph.rook.io"

HELPERS = frozenset({"rook-ceph-operator", "rook-ceph-tools"})
"""Deployments of Rook's own that no object of the group makes."""

_KEEPING = {"rook-ceph-mon": "ceph-daemon-data", "rook-ceph-osd": "rook-data"}
"""The volume in which a daemon keeps what Ceph cannot do without, by the label `app` of its pod.

It is an emptyDir only where the CephCluster has neither dataDirHostPath nor claims. All other emptyDirs of Rook's hold
keys and settings that it writes anew for each pod. Source: PodVolumes and DaemonVolumesDataHostPath in
https://github.com/rook/rook/blob/v1.20.6/pkg/operator/ceph/controller/spec.go, the same in v1.2.6
"""


class Check(Part, frozen=True):
    """One health check that Ceph raises."""

    severity: str = ""
    message: str = ""


class CephStatus(Part, frozen=True):
    """What Ceph says of itself; `health` is empty until Rook has asked."""

    health: str = ""
    details: dict[str, Check] | None = None
    last_checked: str | None = None


class ClusterStatus(Part, frozen=True):
    """What Rook says of a cluster."""

    ceph: CephStatus | None = None


class MutePolicy(Part, frozen=True):
    """Whether a health check is muted."""

    policy: str = ""


class HealthCheckSpec(Part, frozen=True):
    """Which health checks somebody has muted in the CephCluster."""

    mute_health_warning: dict[str, MutePolicy] | None = None


class ExternalSpec(Part, frozen=True):
    """Whether Ceph runs outside of this cluster."""

    enable: bool = False


class ClusterSpec(Part, frozen=True):
    """What is wanted of a cluster."""

    external: ExternalSpec | None = None
    health_check: HealthCheckSpec | None = None


class CephCluster(KubernetesObject):
    """A Ceph cluster that Rook runs."""

    api = Api("ceph.rook.io", "CephCluster", "cephclusters")
    spec: ClusterSpec = ClusterSpec()
    status: ClusterStatus | None = None

    @property
    def is_external(self) -> bool:
        """Whether Ceph runs outside of this cluster."""
        return self.spec.external is not None and self.spec.external.enable

    @property
    def tells_health(self) -> bool:
        """Whether it is known how Ceph is, well or not."""
        return self.status is not None and self.status.ceph is not None and bool(self.status.ceph.health)


def is_rooks(subject: Subject) -> bool:
    """Whether one of Rook's objects is it: a CephCluster, a CephFilesystem …"""
    return group_of(subject.api_version) == GROUP


def own_data_in_empty_dir(pod: Pod) -> list[str]:
    """The emptyDirs in which a daemon of Ceph keeps what is Ceph's own state; none where all is well."""
    keeping = _KEEPING.get(pod.labels.get("app", ""))
    return [one.name for one in pod.spec.volumes or () if one.name == keeping and one.empty_dir is not None]
