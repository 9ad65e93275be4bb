"""Which objects of a cluster upstream's urgent upgrade notes are about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Self

from kubepreflight.image import parse_image
from kubepreflight.knowledge.upgrade_notes import UpgradeNote, UpgradeNotes
from kubepreflight.objects import Api, KubernetesObject, Node, Pod
from kubepreflight.parts import Part
from kubepreflight.semantics.addressed_objects import AddressedService
from kubepreflight.semantics.cluster_roles import ClusterRole
from kubepreflight.semantics.signs import Search, Signs
from kubepreflight.upgrade import Upgrade

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
INGRESS_NGINX = "ingress-nginx/controller"
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


class UpgradeSigns(Signs, frozen=True):
    """What was found of the urgent notes."""

    @classmethod
    def provide(
        cls,
        notes: UpgradeNotes,
        upgrade: Upgrade,
        nodes: list[Node],
        *,
        pods: list[Pod] | None = None,
        volumes: list[VolumeWithFlex] | None = None,
        services: list[AddressedService] | None = None,
        roles: list[ClusterRole] | None = None,
        alerts: list[PrometheusRule] | None = None,
    ) -> Self:
        """Look for what is due, and at nothing else."""
        searches = {
            "cri-socket-annotation": Search("nodes", _names_dockershim, (nodes,)),
            "flex-volume": Search("pods, persistentvolumes", _is_flex, (pods, volumes)),
            "service-external-ips": Search("services", _has_external_addresses, (services,)),
            "ingress-nginx": Search("pods", _is_ingress_nginx, (pods,)),
            "resource-claim-permissions": Search("clusterroles", _lacks_claim_permissions, (roles,)),
            "node-log-readers": Search("clusterroles", _reads_node_logs, (roles,)),
            "renamed-metrics": Search("prometheusrules", _asks_for, (alerts,)),
            "removed-metrics": Search("prometheusrules", _asks_for, (alerts,)),
        }
        return cls.of(notes.notes, upgrade, searches)


def _names_dockershim(node: Node, _: UpgradeNote) -> bool:
    annotations = node.metadata.annotations
    socket = (annotations.cri_socket if annotations else None) or ""
    runs_docker = node.status.node_info.container_runtime_version.startswith("docker://")
    return socket.removeprefix("unix://") in DOCKERSHIM and not runs_docker


def _is_flex(one: Pod | VolumeWithFlex, _: UpgradeNote) -> bool:
    if isinstance(one, VolumeWithFlex):
        return one.spec.flex_volume is not None
    return any(volume.flex_volume is not None for volume in one.spec.volumes or ()) and not one.is_finished


def _has_external_addresses(service: AddressedService, _: UpgradeNote) -> bool:
    return bool(service.spec.external_ips)


def _is_ingress_nginx(pod: Pod, _: UpgradeNote) -> bool:
    for container in pod.spec.containers or ():
        if (
            container.image and INGRESS_NGINX in container.image
        ):  # parsing every image of a large cluster takes its time
            image = parse_image(container.image)
            if image is not None and f"/{image.repository}".endswith(f"/{INGRESS_NGINX}"):
                return not pod.is_finished
    return False


def _lacks_claim_permissions(role: ClusterRole, _: UpgradeNote) -> bool:
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
