"""Which objects of a cluster rely on a default that a minor changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from kubepreflight.knowledge.default_changes import DefaultChanges
from kubepreflight.knowledge.upgrade_notes import UpgradeNote
from kubepreflight.objects import Api, KubernetesObject, Planned, Pod
from kubepreflight.parts import Part, SELinuxOptions
from kubepreflight.semantics.cluster_roles import ClusterRole
from kubepreflight.semantics.signs import Search, Signs
from kubepreflight.upgrade import Upgrade

KUBELET_CREDENTIALS = ("/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/pki")
STREAMS = ("pods/exec", "pods/attach", "pods/portforward")
RECURSIVE = "Recursive"


class RollingUpdate(Part, frozen=True):
    """How many pods a rollout takes at once."""

    max_unavailable: int | str | None = None


class UpdateStrategy(Part, frozen=True):
    """How a StatefulSet is rolled out."""

    rolling_update: RollingUpdate | None = None


class StrategySpec(Part, frozen=True):
    """The spec, as far as it is about that."""

    update_strategy: UpdateStrategy | None = None


class RolledStatefulSet(KubernetesObject):
    """A StatefulSet, as far as its rollouts go."""

    api = Api("apps", "StatefulSet", "statefulsets")
    spec: StrategySpec = StrategySpec()


class DriverSpec(Part, frozen=True):
    """What a CSI driver can do."""

    se_linux_mount: bool | None = None


class CsiDriver(KubernetesObject):
    """A CSI driver, as far as SELinux goes."""

    api = Api("storage.k8s.io", "CSIDriver", "csidrivers", namespaced=False)
    spec: DriverSpec = DriverSpec()


class DefaultSigns(Signs, frozen=True):
    """What was found to rely on a default that changes."""

    @classmethod
    def provide(
        cls,
        changes: DefaultChanges,
        upgrade: Upgrade,
        pods: list[Pod],
        *,
        roles: list[ClusterRole] | None = None,
        drivers: list[CsiDriver] | None = None,
        stateful_sets: Planned[RolledStatefulSet] | None = None,
    ) -> Self:
        """Look for what is due, and at nothing else."""
        mounts = any(driver.spec.se_linux_mount for driver in drivers or ())
        sharing = None if drivers is None else _of_several_labels(pods) if mounts else []
        searches = {
            "node-credentials": Search("pods", _can_take_credentials, (pods,)),
            "git-repo-volume": Search("pods", _clones, (pods,)),
            "websocket-permissions": Search("clusterroles", _streams_without_create, (roles,)),
            "stateful-set-max-unavailable": Search("statefulsets", _takes_several, (stateful_sets,)),
            "selinux-volume-labels": Search("csidrivers", _always, (sharing,)),
        }
        return cls.of(changes.notes, upgrade, searches)


def _always(_: Pod, __: UpgradeNote) -> bool:
    return True


def _can_take_credentials(pod: Pod, _: UpgradeNote) -> bool:
    paths = (volume.host_path.path for volume in pod.spec.volumes or () if volume.host_path)
    return not pod.is_finished and not pod.is_mirror and any(path.startswith(KUBELET_CREDENTIALS) for path in paths)


def _clones(pod: Pod, _: UpgradeNote) -> bool:
    return not pod.is_finished and any(volume.git_repo is not None for volume in pod.spec.volumes or ())


def _streams_without_create(role: ClusterRole, _: UpgradeNote) -> bool:
    """Whether it is meant for a stream: who may read all there is (`*`) seldom knows that streams are among it."""
    if role.is_kubernetes_own:
        return False
    named = {resource for rule in role.rules or () for resource in rule.resources or ()}
    meant = (stream for stream in STREAMS if not named.isdisjoint({stream, stream.replace("pods/", "*/")}))
    return any(role.allows("", stream, "get") and not role.allows("", stream, "create") for stream in meant)


def _takes_several(one: RolledStatefulSet, _: UpgradeNote) -> bool:
    strategy = one.spec.update_strategy
    rolling = strategy.rolling_update if strategy else None
    return rolling is not None and rolling.max_unavailable not in (None, 1)


def _of_several_labels(pods: list[Pod]) -> Iterator[Pod]:
    """The pods that share a claim with one of another SELinux label, without what is relabelled recursively."""
    labels: dict[tuple[str, str], set[SELinuxOptions]] = {}
    labelled = [(pod, label) for pod in pods if (label := _label(pod)) is not None]
    for pod, label in labelled:
        for claim in _claims(pod):
            labels.setdefault(claim, set()).add(label)
    yield from (pod for pod, _ in labelled if any(len(labels[claim]) > 1 for claim in _claims(pod)))


def _label(pod: Pod) -> SELinuxOptions | None:
    security = pod.spec.security_context
    if security is None or security.se_linux_change_policy == RECURSIVE or pod.is_finished:
        return None
    return security.se_linux_options


def _claims(pod: Pod) -> list[tuple[str, str]]:
    named = (volume.persistent_volume_claim for volume in pod.spec.volumes or ())
    return [(pod.namespace, one.claim_name) for one in named if one is not None]
