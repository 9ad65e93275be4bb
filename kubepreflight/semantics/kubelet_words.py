"""What the rules about the kubelets' client certificates say alike: one finding for one cause, and its remedy."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from kubepreflight.finding import Subject
from kubepreflight.semantics.certificate_timeline import HostCertificate
from kubepreflight.semantics.renewal import Renewer

FIELD = "kubelet client certificate"
CURRENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"

_KUBELET_CONFIG = Subject(
    api_version="v1", kind="ConfigMap", namespace="kube-system", name="kubelet-config", field="rotateCertificates"
)
_POINT_TO_CURRENT = (
    f"sed -i -E 's#client-(certificate|key)-data:.*#client-\\1: {CURRENT}#' /etc/kubernetes/kubelet.conf\n"
    "systemctl restart kubelet"
)


def by_cause(certificates: Iterable[HostCertificate]) -> dict[Subject, list[HostCertificate]]:
    """The certificates by what has to be changed: one setting for all nodes, or one node each."""
    causes: dict[Subject, list[HostCertificate]] = {}
    for one in certificates:
        node = Subject(kind="Node", name=one.node, node=one.node, field=FIELD)
        causes.setdefault(_KUBELET_CONFIG if one.renewer is Renewer.ROTATION_OFF else node, []).append(one)
    return causes


def while_it_is_valid(certificates: list[HostCertificate]) -> str:
    """What to do as long as the certificate has not ended."""
    (renewer, *_), node = (one.renewer for one in certificates), certificates[0].node
    if renewer is Renewer.ROTATION_OFF:
        return (
            "Set rotateCertificates: true in the ConfigMap, and in /var/lib/kubelet/config.yaml on each of these nodes "
            "(and take --rotate-certificates=false out of the flags, if it is there). The kubelet then rotates by "
            "itself when it starts:\n"
            "kubectl -n kube-system edit configmap kubelet-config\n"
            "systemctl restart kubelet"
        )
    if renewer is Renewer.EMBEDDED:
        return f"On {node}, as root, when {CURRENT} is there and valid:\n{_POINT_TO_CURRENT}"
    return (
        "See whether the request is there and who should approve and sign it, and what the kubelet says:\n"
        "kubectl get certificatesigningrequests\n"
        f"ssh {quote(node)} journalctl --unit kubelet --grep certificate\n"
        f"ssh {quote(node)} systemctl restart kubelet"
    )


def after_its_end(node: str) -> str:
    """What to do when it has ended, as kubeadm's troubleshooting page has it."""
    return (
        f"On {node}, as root:\n"
        "mkdir -p /root/kubelet-before\n"
        "mv /etc/kubernetes/kubelet.conf /var/lib/kubelet/pki/kubelet-client* /root/kubelet-before/\n"
        "On a control-plane node (`kubeadm alpha kubeconfig user` where kubeadm does not know this command):\n"
        f"kubeadm kubeconfig user --org system:nodes --client-name {quote(f'system:node:{node}')} > kubelet.conf\n"
        f"Copy that file to /etc/kubernetes/kubelet.conf on {node}, and there, the last two when {CURRENT} is back:\n"
        f"systemctl restart kubelet\n{_POINT_TO_CURRENT}"
    )
