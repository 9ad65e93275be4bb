"""Which objects of a cluster upstream's urgent upgrade notes are about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Self

from kubepreflight.image import parse_image
from kubepreflight.knowledge.upgrade_notes import UpgradeNote, UpgradeNotes
from kubepreflight.objects import Api, KubernetesObject, Node, Planned, Pod
from kubepreflight.parts import Part
from kubepreflight.semantics.addressed_objects import AddressedService
from kubepreflight.semantics.cluster_roles import AnyRole, ClusterRole, Role
from kubepreflight.semantics.pod_templates import PodTemplate, PodTemplates
from kubepreflight.semantics.signs import Search, Signs, is_finished
from kubepreflight.upgrade import Upgrade

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
INGRESS_NGINX = "ingress-nginx/controller"
FAILED_STATES = frozenset({"ControllerResizeFailed", "NodeResizeFailed"})
DOCKERSHIM = ("/var/run/dockershim.sock", "/run/dockershim.sock")


class FlexSource(Part, frozen=True):
    """What a volume is when it is a flexVolume."""

    flex_volume: dict[str, Any] | None = None


class VolumeWithFlex(KubernetesObject):
    """A PersistentVolume, as far as it is a flexVolume."""

    api = Api("", "PersistentVolume", "persistentvolumes", namespaced=False)
    spec: FlexSource = FlexSource()


class AlertingRule(Part, frozen=True):
    """One rule; its expression may be a number."""

    expr: str | int | float | None = None


class AlertingGroup(Part, frozen=True):
    """Rules that are worked out together."""

    rules: list[AlertingRule] | None = None


class AlertingGroups(Part, frozen=True):
    """The groups of one object."""

    groups: list[AlertingGroup] | None = None


class PrometheusRule(KubernetesObject):
    """Alerts and recordings, as the Prometheus operator takes them."""

    api = Api("monitoring.coreos.com", "PrometheusRule", "prometheusrules")
    spec: AlertingGroups = AlertingGroups()

    @property
    def expressions(self) -> Iterable[str]:
        """All of them."""
        return (str(rule.expr) for group in self.spec.groups or () for rule in group.rules or () if rule.expr)


class ClaimStatus(Part, frozen=True):
    """How far the expansion of a claim has come, by resource."""

    allocated_resource_statuses: dict[str, str] | None = None


class ExpandedClaim(KubernetesObject):
    """A PersistentVolumeClaim, as far as its expansion goes."""

    api = Api("", "PersistentVolumeClaim", "persistentvolumeclaims")
    status: ClaimStatus = ClaimStatus()


class UpgradeSigns(Signs, frozen=True):
    """What was found of the urgent notes."""

    @classmethod
    def provide(
        cls,
        notes: UpgradeNotes,
        upgrade: Upgrade,
        *,
        nodes: list[Node] | None = None,
        pods: list[Pod] | None = None,
        templates: PodTemplates | None = None,
        volumes: Planned[VolumeWithFlex] | None = None,
        claims: list[ExpandedClaim] | None = None,
        services: Planned[AddressedService] | None = None,
        cluster_roles: Planned[ClusterRole] | None = None,
        roles: Planned[Role] | None = None,
        alerts: Planned[PrometheusRule] | None = None,
    ) -> Self:
        """Look for what is due, and at nothing else."""
        of_pods = {"pods": pods, "workloads": templates.all if templates else None}
        of_alerts = {"prometheusrules": alerts}
        searches = {
            "cri-socket-annotation": Search(_names_dockershim, {"nodes": nodes}),
            "flex-volume": Search(_is_flex, {**of_pods, "persistentvolumes": volumes}),
            "volume-expansion-states": Search(_has_failed_to_grow, {"persistentvolumeclaims": claims}),
            "service-external-ips": Search(_has_external_addresses, {"services": services}),
            "ingress-nginx": Search(_is_ingress_nginx, of_pods),
            "resource-claim-permissions": Search(
                _lacks_claim_permissions, {"clusterroles": cluster_roles, "roles": roles}
            ),
            "node-log-readers": Search(_reads_node_logs, {"clusterroles": cluster_roles}),
            "renamed-metrics": Search(_asks_for, of_alerts),
            "removed-metrics": Search(_asks_for, of_alerts),
        }
        return cls.of(notes.notes, upgrade, searches, templates)


def _names_dockershim(node: Node, _: UpgradeNote) -> bool:
    annotations = node.metadata.annotations
    socket = (annotations.cri_socket if annotations else None) or ""
    runs_docker = node.status.node_info.container_runtime_version.startswith("docker://")
    return socket.removeprefix("unix://") in DOCKERSHIM and not runs_docker


def _is_flex(one: Pod | PodTemplate | VolumeWithFlex, _: UpgradeNote) -> bool:
    if isinstance(one, VolumeWithFlex):
        return one.spec.flex_volume is not None
    return any(volume.flex_volume is not None for volume in one.spec.volumes or ()) and not is_finished(one)


def _has_failed_to_grow(claim: ExpandedClaim, _: UpgradeNote) -> bool:
    return not FAILED_STATES.isdisjoint((claim.status.allocated_resource_statuses or {}).values())


def _has_external_addresses(service: AddressedService, _: UpgradeNote) -> bool:
    return bool(service.spec.external_ips)


def _is_ingress_nginx(one: Pod | PodTemplate, _: UpgradeNote) -> bool:
    for container in one.spec.containers or ():
        if (
            container.image and INGRESS_NGINX in container.image
        ):  # parsing every image of a large cluster takes its time
            image = parse_image(container.image)
            if image is not None and f"/{image.repository}".endswith(f"/{INGRESS_NGINX}"):
                return not is_finished(one)
    return False


def _lacks_claim_permissions(role: AnyRole, _: UpgradeNote) -> bool:
    group, writes = "resource.k8s.io", ("update", "patch")
    if role.is_kubernetes_own or not role.allows(group, "resourceclaims/status", *writes):
        return False
    on_nodes = tuple(f"{where}-node:{verb}" for where in ("associated", "arbitrary") for verb in writes)
    return not (
        role.allows(group, "resourceclaims/binding", *writes) or role.allows(group, "resourceclaims/driver", *on_nodes)
    )


def _reads_node_logs(role: ClusterRole, _: UpgradeNote) -> bool:
    named = any("nodes/log" in (rule.resources or ()) for rule in role.rules or ())
    return named and not role.is_kubernetes_own


def _asks_for(alerts: PrometheusRule, note: UpgradeNote) -> bool:
    """Whether an expression has an old name, and not the new one besides."""
    named = (frozenset(_NAME.findall(expression)) for expression in alerts.expressions)
    return any(old in names and new not in names for names in named for old, new in note.metrics.items())
