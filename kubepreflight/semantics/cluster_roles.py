"""What roles allow."""

from __future__ import annotations

from collections.abc import Iterable

from kubepreflight.objects import Api, KubernetesObject
from kubepreflight.parts import Part

OWN_ROLES = ("system:", "kubeadm:", "cluster-admin")
"""How the names of those begin that Kubernetes and kubeadm bring, and keep as they should be."""


class PolicyRule(Part, frozen=True):
    """What a role allows."""

    api_groups: list[str] | None = None
    resources: list[str] | None = None
    verbs: list[str] | None = None

    def allows(self, group: str, resource: str, verbs: Iterable[str]) -> bool:
        """Whether it names this resource (`*` included), with one of these verbs."""
        return (
            not {group, "*"}.isdisjoint(self.api_groups or ())
            and not {resource, "*", f"*/{resource.partition('/')[2]}"}.isdisjoint(self.resources or ())
            and not {*verbs, "*"}.isdisjoint(self.verbs or ())
        )


class AnyRole(KubernetesObject):
    """What whoever is bound to it may do."""

    rules: list[PolicyRule] | None = None

    @property
    def is_kubernetes_own(self) -> bool:
        """Whether Kubernetes or kubeadm brings it."""
        return self.name.startswith(OWN_ROLES)

    def allows(self, group: str, resource: str, *verbs: str) -> bool:
        """Whether one of its rules names this resource, with one of these verbs."""
        return any(rule.allows(group, resource, verbs) for rule in self.rules or ())


class ClusterRole(AnyRole):
    """A role for the whole cluster, or for any namespace."""

    api = Api("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", namespaced=False)


class Role(AnyRole):
    """A role for its own namespace."""

    api = Api("rbac.authorization.k8s.io", "Role", "roles")
