"""Kubelets whose requests for certificates nobody answers."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec

from kubepreflight.finding import WARNING, Finding, Subject, finding
from kubepreflight.objects import Api, Condition, KubernetesObject, Node
from kubepreflight.rule import rule
from kubepreflight.semantics.last_report import last_report
from kubepreflight.semantics.moments import moment
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade

SERVING = "kubernetes.io/kubelet-serving"
CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
PATIENCE = timedelta(minutes=15)
"""The kubelet itself gives up on a request after this time, and makes another one."""

NODE = "system:node:"
BOOTSTRAP = "system:bootstrap:"


class RequestSpec(msgspec.Struct, rename="camel", frozen=True):
    """Who asks, and whom; requests of the API's first version name no signer."""

    signer_name: str | None = None
    username: str | None = None


class RequestStatus(msgspec.Struct, rename="camel", frozen=True):
    """What was decided; `certificate` is there when it was signed."""

    conditions: list[Condition] | None = None
    certificate: str | None = None


class CertificateSigningRequest(KubernetesObject):
    """A request to sign a certificate."""

    api = Api("certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests", namespaced=False)
    spec: RequestSpec = RequestSpec()
    status: RequestStatus = RequestStatus()

    @property
    def username(self) -> str:
        """Who asks."""
        return self.spec.username or ""

    @property
    def signer(self) -> str:
        """Which of the kubelet's two signers is asked; empty for any other request."""
        if self.spec.signer_name in (SERVING, CLIENT):
            return self.spec.signer_name
        is_kubelets = self.username.startswith((NODE, BOOTSTRAP))
        return CLIENT if self.spec.signer_name is None and is_kubelets else ""

    @property
    def waits_for(self) -> str:
        """`approval`, `signature`, or empty when it was answered."""
        decided = {one.type for one in self.status.conditions or ()}
        if self.status.certificate or decided & {"Denied", "Failed"}:
            return ""
        return "signature" if "Approved" in decided else "approval"


@rule(severity=WARNING, area="certificates", phase="before")
def signing_request_pending(
    requests: list[CertificateSigningRequest], upgrade: Upgrade, nodes: list[Node] | None = None
) -> Iterator[Finding]:
    """Kubelets ask for certificates, and nobody answers.

    Why: a kubelet renews its certificates by a request that must be approved and then signed. Kubernetes approves
    requests for client certificates by itself; those for serving certificates it never approves, somebody else has to.
    It signs only where the controller-manager has the key of the cluster's authority.

    What happens: the kubelet goes on with its old certificate until that ends. Then a client certificate takes the node
    out of the cluster, and a serving certificate takes `kubectl logs`, `exec` and metrics away from it. A node that is
    made anew during the upgrade does not join at all.

    When it stays silent: every request was younger than 15 minutes when the nodes last reported (or, where that is not
    known, will be at the planned start), or was approved and signed, or was denied, which is
    somebody's decision. Kubernetes itself forgets a request that nobody answers after a day, and the kubelet makes a
    new one.

    How to see it yourself: kubectl get certificatesigningrequests

    References:
        https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#kubelet-serving-certs

    """
    now = last_report(nodes or ()) or upgrade.start
    waiting: dict[tuple[str, str], list[CertificateSigningRequest]] = {}
    for one in requests:
        made = one.metadata.creation_timestamp
        if one.signer and one.waits_for and (made is None or now - made >= PATIENCE):
            waiting.setdefault((one.signer, one.waits_for), []).append(one)
    for (signer, missing), group in sorted(waiting.items()):
        yield _about(signer, missing, group)


def _about(signer: str, missing: str, group: list[CertificateSigningRequest]) -> Finding:
    askers = listed(sorted({one.username.removeprefix(NODE) for one in group}))
    oldest = min((made for one in group if (made := one.metadata.creation_timestamp)), default=None)
    what = "serving certificate" if signer == SERVING else "client certificate"
    since = f", the oldest since {moment(oldest)}" if oldest else ""
    wait = "wait for somebody to approve them" if missing == "approval" else "were approved, and nothing signs them"
    return finding(
        Subject(kind="CertificateSigningRequest", field=f"{signer} {missing}"),
        f"Requests for the kubelet's {what} {wait}: {len(group)} by {askers}{since}. When the certificates that the "
        f"kubelets have now end, {LOST[signer]}.",
        remedy=REMEDIES[missing],
        places=group,
    )


LOST = {
    SERVING: "`kubectl logs`, `exec` and metrics fail on these nodes",
    CLIENT: "these nodes drop out of the cluster",
}
REMEDIES = {
    "approval": "Look at each request (the names in it must be the node's own), then approve it:\n"
    "kubectl get certificatesigningrequests\n"
    "kubectl certificate approve NAME\n"
    "For good: a controller that approves them.",
    "signature": "See whether the controller-manager runs, and has the authority's key (--cluster-signing-key-file):\n"
    "kubectl -n kube-system logs --selector component=kube-controller-manager\n"
    "kubectl -n kube-system get pods --selector component=kube-controller-manager -o yaml",
}
