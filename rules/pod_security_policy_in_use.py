"""PodSecurityPolicies that nothing will enforce."""

from collections.abc import Iterator
from shlex import quote

import msgspec

from kubepreflight.finding import WARNING, Finding, finding
from kubepreflight.knowledge.api_lifecycle import ApiLifecycle
from kubepreflight.objects import Api, KubernetesObject
from kubepreflight.parts import Part
from kubepreflight.rule import rule
from kubepreflight.semantics.control_plane_settings import ApiServerFlags
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.semantics.upgrade_requests import Namespace
from kubepreflight.upgrade import Upgrade

KIND, PLUGIN = "PodSecurityPolicy", "PodSecurityPolicy"
GROUP = "policy"
ENABLING = ("enable-admission-plugins", "admission-control")
ENFORCE = "pod-security.kubernetes.io/enforce"
OF_THE_CLUSTER = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""What runs there needs to be privileged, and brings no users."""


class RunAsUser(Part, frozen=True):
    """As whom containers may run."""

    rule: str = ""


class PolicySpec(Part, frozen=True):
    """What pods may do, as far as it tells a policy that forbids nothing."""

    privileged: bool | None = None
    host_network: bool | None = None
    host_pid: bool | None = msgspec.field(name="hostPID", default=None)
    host_ipc: bool | None = msgspec.field(name="hostIPC", default=None)
    volumes: list[str] | None = None
    run_as_user: RunAsUser | None = None


class PodSecurityPolicy(KubernetesObject):
    """A policy."""

    api = Api(GROUP, KIND, "podsecuritypolicies", namespaced=False, also=("extensions",))
    spec: PolicySpec = PolicySpec()

    @property
    def forbids_nothing(self) -> bool:
        """Whether it lets pods do what they like, as those of managed clusters do by default."""
        spec = self.spec
        return bool(
            spec.privileged
            and spec.host_network
            and spec.host_pid
            and spec.host_ipc
            and "*" in (spec.volumes or ())
            and spec.run_as_user
            and spec.run_as_user.rule == "RunAsAny"
        )


@rule(severity=WARNING, area="apis", phase="control-plane-upgrade")
def pod_security_policy_in_use(
    policies: list[PodSecurityPolicy],
    namespaces: list[Namespace],
    lifecycle: ApiLifecycle,
    upgrade: Upgrade,
    flags: ApiServerFlags | None = None,
) -> Iterator[Finding]:
    """Pods are held back by PodSecurityPolicies, which go with 1.25.

    Why: until 1.24 the admission plugin PodSecurityPolicy refused pods that no policy allowed, and filled in what
    policies demand. 1.25 has neither the plugin nor the kind. Its successor, Pod Security Admission, goes by labels of
    namespaces, and enforces nothing where there is none.

    What happens: nothing breaks by it, and nobody says anything: from 1.25 on pods are let in that were refused before
    (privileged, with the node's network, with its directories), by whoever may make pods; and what policies filled in
    (users, groups, seccomp profiles) is missing in new pods. It is a warning, since something else may hold them back
    by then (Kyverno, Gatekeeper), which cannot be seen from here. That the API server does not start while it is told
    of the plugin is for admission-plugin-removed to say; that the policies stay behind in etcd, for
    removed-kind-still-stored; that their manifests cannot be applied, for removed-api.

    When it stays silent: the API server's flags are known and do not enable the plugin; all policies allow everything;
    each namespace but the cluster's own has the label pod-security.kubernetes.io/enforce; the upgrade does not lead
    from below 1.25 to 1.25.

    How to see it yourself: kubectl get podsecuritypolicies, and kubectl get namespaces
    -L pod-security.kubernetes.io/enforce

    References:
        https://kubernetes.io/docs/tasks/configure-pod-container/migrate-from-psp/
        https://kubernetes.io/docs/concepts/security/pod-security-admission/
        https://kubernetes.io/docs/concepts/security/pod-security-standards/

    """
    row = lifecycle.find(f"{GROUP}/v1beta1", KIND)
    hop = upgrade.hop_that_brings(row.removed) if row and row.removed else None
    kept = [one for one in policies if not one.forbids_nothing]
    enabled = None if flags is None else any(PLUGIN in flag.items for flag in flags.named(*ENABLING))
    open_ones = sorted(one.name for one in namespaces if ENFORCE not in one.labels and one.name not in OF_THE_CLUSTER)
    if hop is None or not kept or enabled is False or not open_ones:
        return
    if_so = "" if enabled else ", if the API server enforces them (its flags do not show)"
    yield finding(
        common_subject(kept, "enforcement"),
        f"Nothing enforces what {_what_is_forbidden(kept)} once the API server is at {hop.end}{if_so}: pods are then "
        f"let in that were refused before. {_namespaces(len(open_ones))} without the label {ENFORCE}: "
        f"{listed(open_ones)}.",
        remedy="Before the upgrade, see which level each namespace bears, and label it:\n"
        f"kubectl label --dry-run=server --overwrite namespace {quote(open_ones[0])} {ENFORCE}=baseline\n"
        f"kubectl label --overwrite namespace {quote(open_ones[0])} {ENFORCE}=baseline\n"
        "Write into the pods what policies filled in, then take the plugin out of the API server's flags.",
        places=kept,
        evidence={"namespaces": open_ones},
        hop=hop,
    )


def _namespaces(count: int) -> str:
    return "One namespace is" if count == 1 else f"{count} namespaces are"


def _what_is_forbidden(kept: list[PodSecurityPolicy]) -> str:
    names = listed(one.name for one in kept)
    return f"the policy {names} forbids" if len(kept) == 1 else f"the policies {names} forbid"
