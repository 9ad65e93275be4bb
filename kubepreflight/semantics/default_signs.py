"""Which objects of a cluster rely on a default that a minor changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import msgspec

from kubepreflight.knowledge.default_changes import DefaultChanges
from kubepreflight.knowledge.upgrade_notes import UpgradeNote
from kubepreflight.objects import Api, KubernetesObject, Planned, Pod
from kubepreflight.parts import Part, SELinuxOptions
from kubepreflight.semantics.cluster_roles import AnyRole, ClusterRole, Role
from kubepreflight.semantics.csi_drivers import CsiDriver
from kubepreflight.semantics.pod_templates import Makers, PodTemplate, PodTemplates
from kubepreflight.semantics.signs import Search, Signs, is_finished
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

    selector: dict[str, Any] | None = None
    update_strategy: UpdateStrategy | None = None


class RolledStatefulSet(KubernetesObject):
    """A StatefulSet, as far as its rollouts go."""

    api = Api("apps", "StatefulSet", "statefulsets")
    spec: StrategySpec = StrategySpec()

    @property
    def is_whole(self) -> bool:
        """Whether it has the selector that only the versions before apps/v1 made up."""
        return self.api_version != "apps/v1" or bool(self.spec.selector)


class SharedClaims(msgspec.Struct, frozen=True):
    """The SELinux labels of those that mount each claim, without what is relabelled recursively."""

    labels: Mapping[tuple[str, str], set[SELinuxOptions]]

    @classmethod
    def of(cls, pods: Iterable[Pod], templates: PodTemplates | None) -> Self:
        """Of pods that are there, but for those that a manifest replaces, and of templates."""
        makers = templates.makers if templates else Makers()
        labels: dict[tuple[str, str], set[SELinuxOptions]] = {}
        everyone: Iterable[Pod | PodTemplate] = (*pods, *(templates.all if templates else ()))
        for one in everyone:
            label = _label(one)
            if label is None or (isinstance(one, Pod) and makers.maker_of(one) is None):
                continue
            for claim in _claims(one):
                labels.setdefault(claim, set()).add(label)
        return cls(labels)

    def is_sign(self, one: Pod | PodTemplate | CsiDriver, _: UpgradeNote) -> bool:
        """Whether it shares a claim with one of another label."""
        if isinstance(one, CsiDriver) or not self.labels or _label(one) is None:
            return False
        return any(len(self.labels.get(claim, ())) > 1 for claim in _claims(one))


class DefaultSigns(Signs, frozen=True):
    """What was found to rely on a default that changes."""

    @classmethod
    def provide(
        cls,
        changes: DefaultChanges,
        upgrade: Upgrade,
        *,
        pods: list[Pod] | None = None,
        templates: PodTemplates | None = None,
        cluster_roles: Planned[ClusterRole] | None = None,
        roles: Planned[Role] | None = None,
        drivers: Planned[CsiDriver] | None = None,
        stateful_sets: Planned[RolledStatefulSet] | None = None,
    ) -> Self:
        """Look for what is due, and at nothing else."""
        of_pods = {"pods": pods, "workloads": templates.all if templates else None}
        mounts = any(driver.spec.se_linux_mount for driver in drivers or ())
        sharing = SharedClaims.of(pods or (), templates) if mounts else SharedClaims({})
        searches = {
            "node-credentials": Search(_can_take_credentials, of_pods),
            "git-repo-volume": Search(_clones, of_pods),
            "websocket-permissions": Search(_streams_without_create, {"clusterroles": cluster_roles, "roles": roles}),
            "stateful-set-max-unavailable": Search(_takes_several, {"statefulsets": stateful_sets}),
            "selinux-volume-labels": Search(sharing.is_sign, {**of_pods, "csidrivers": drivers}),
        }
        return cls.of(changes.notes, upgrade, searches, templates)


def _label(one: Pod | PodTemplate) -> SELinuxOptions | None:
    security = one.spec.security_context
    if security is None or security.se_linux_change_policy == RECURSIVE or is_finished(one):
        return None
    return security.se_linux_options


def _claims(one: Pod | PodTemplate) -> list[tuple[str, str]]:
    named = (volume.persistent_volume_claim for volume in one.spec.volumes or ())
    return [(one.subject.namespace or "default", each.claim_name) for each in named if each is not None]


def _can_take_credentials(one: Pod | PodTemplate, _: UpgradeNote) -> bool:
    paths = (volume.host_path.path for volume in one.spec.volumes or () if volume.host_path)
    return any(path.startswith(KUBELET_CREDENTIALS) for path in paths) and not (
        is_finished(one) or (isinstance(one, Pod) and one.is_mirror)
    )


def _clones(one: Pod | PodTemplate, _: UpgradeNote) -> bool:
    return any(volume.git_repo is not None for volume in one.spec.volumes or ()) and not is_finished(one)


def _streams_without_create(role: AnyRole, _: UpgradeNote) -> bool:
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
