"""What the rules about the kubelets' client certificates say alike: one finding for one cause, and its remedy."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.knowledge.names import Names
from kubepreflight.semantics.certificate_timeline import HostCertificate
from kubepreflight.semantics.renewal import Renewer
from kubepreflight.upgrade import Upgrade

FIELD = "kubelet client certificate"
CURRENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"

_POINT_TO_CURRENT = (
    f"sed -i -E 's#client-(certificate|key)-data:.*#client-\\1: {CURRENT}#' /etc/kubernetes/kubelet.conf\n"
    "systemctl restart kubelet"
)


class KubeletConfigMap(msgspec.Struct, frozen=True):
    """The ConfigMap in kube-system from which kubeadm gives the kubelets their configuration."""

    name: str

    @classmethod
    def provide(cls, names: Names, upgrade: Upgrade) -> KubeletConfigMap:
        """The one that kubeadm reads next: where the upgrade has begun, it has written that of the next version."""
        hop = upgrade.first_hop
        return cls(names.kubelet_config(hop.end if upgrade.half_upgraded else hop.start))

    def at(self, field: str) -> Subject:
        """One of its settings."""
        return Subject(api_version="v1", kind="ConfigMap", namespace="kube-system", name=self.name, field=field)

    @property
    def edit(self) -> str:
        """The command that changes it."""
        return f"kubectl -n kube-system edit configmap {self.name}"


def by_cause(certificates: Iterable[HostCertificate], config: KubeletConfigMap) -> dict[Subject, list[HostCertificate]]:
    """The certificates by what has to be changed: one setting for all nodes, or one node each."""
    for_all = config.at("rotateCertificates")
    causes: dict[Subject, list[HostCertificate]] = {}
    for one in certificates:
        node = Subject(kind="Node", name=one.node, node=one.node, field=FIELD)
        causes.setdefault(for_all if one.renewer is Renewer.ROTATION_OFF else node, []).append(one)
    return causes


def while_it_is_valid(certificates: list[HostCertificate], config: KubeletConfigMap) -> str:
    """What to do as long as the certificate has not ended."""
    (renewer, *_), node = (one.renewer for one in certificates), certificates[0].node
    if renewer is Renewer.ROTATION_OFF:
        return (
            "Set rotateCertificates: true in the ConfigMap, and in /var/lib/kubelet/config.yaml on each of these nodes "
            "(and take --rotate-certificates=false out of the flags, if it is there). The kubelet then rotates by "
            "itself when it starts:\n"
            f"{config.edit}\n"
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
