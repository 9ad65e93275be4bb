"""Servers that show an older certificate than the one on their disk."""

from collections.abc import Iterator

import msgspec

from kubepreflight.finding import WARNING, Finding, Gap, finding
from kubepreflight.host import Certificate, Host, Missing
from kubepreflight.knowledge.certificates import CertificateInventory
from kubepreflight.rule import rule
from kubepreflight.semantics.kubeadm_config import CERTIFICATES_DIRECTORY, KubeadmConfig
from kubepreflight.semantics.moments import against_start, exact, moment
from kubepreflight.semantics.served import NAMES, ServedCertificates, Shown, on_disk
from kubepreflight.upgrade import Upgrade


@rule(severity=WARNING, area="certificates", phase="before")
def served_certificate_is_stale(
    served: ServedCertificates,
    hosts: list[Host],
    upgrade: Upgrade,
    inventory: CertificateInventory,
    config: KubeadmConfig | None = None,
) -> Iterator[Finding | Gap]:
    """A server shows an older certificate than the one that lies on its disk.

    Why: a certificate was renewed, the file is new, and `kubeadm certs check-expiration`, which reads the file, is
    content. What clients see is what the process has loaded. An API server reads a renewed file by itself within a
    minute, etcd at each connection, a kubelet since 1.31. Where one still shows the old certificate it could not load
    the new one, because the key beside it belongs to another (somebody copied the certificate alone) or cannot be read.
    An older kubelet loads its file only when it starts.

    What happens: on the day when the old certificate ends, every client of this server is refused, though the file is
    good for a year. And an API server that cannot load the new pair goes on with the old one only until it is
    restarted, which the upgrade does: then it does not come up, and kubeadm rolls back.

    When it stays silent: the server shows what the disk has, or something that ends later, for then it was renewed
    after the node's facts were collected. It is only looked at with `--opt-in served-certificates`, and in a live scan:
    the control-plane nodes' own addresses are connected to from where the scan runs (API server, etcd, kubelet), and
    nothing is sent but a TLS handshake; etcd notes in its log that a client had no certificate. What a component shows
    as a client cannot be seen this way: the controller-manager and the scheduler read their kubeconfigs when they
    start, and `kubeadm certs renew` restarts nothing. Their own serving ports listen on 127.0.0.1.

    How to see it yourself: openssl s_client -connect NODE:6443 </dev/null | openssl x509 -noout -enddate, and
    openssl x509 -noout -enddate -in /etc/kubernetes/pki/apiserver.crt

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#manual-certificate-renewal
        https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/

    """
    yield from served.gaps
    directory = config.certificates_directory if config else CERTIFICATES_DIRECTORY
    by_name = {host.name: host for host in hosts}
    for shown in served.shown:
        host = by_name.get(shown.node)
        if host is None:
            continue
        disk = on_disk(shown, host, inventory, directory)
        if isinstance(disk, Missing):
            yield _unknown(shown, host, disk)
        elif (
            shown.certificate.sha256 not in {one.sha256 for one in disk}
            and shown.certificate.not_after < disk[0].not_after
        ):
            yield _about(shown, host, disk[0], upgrade, inventory)


def _unknown(shown: Shown, host: Host, why: Missing) -> Gap:
    gap = host.cannot_check("certificates", why)
    if isinstance(host.certificates, Missing):
        return gap
    # Of this server alone: the others of this host can be told.
    return msgspec.structs.replace(gap, input="served certificates", reason=f"{shown.server}: {why.reason}")


def _about(shown: Shown, host: Host, disk: Certificate, upgrade: Upgrade, inventory: CertificateInventory) -> Finding:
    ends = shown.certificate.not_after
    consequence = inventory.get(NAMES[shown.server][0]).consequence
    return finding(
        host,
        f"The {WHO[shown.server]} on {host.name} shows a certificate that ends at {moment(ends)}, "
        f"{against_start(ends, upgrade.start)}; {disk.path} was renewed and ends at {moment(disk.not_after)}, but the "
        f"process has not taken it up. When the old one ends: {consequence[:1].lower()}{consequence[1:]}",
        remedy=f"On {host.name}, as root: see first whether certificate and key belong together (two equal lines), for "
        f"with a wrong pair the process does not start again:\n"
        f"openssl x509 -noout -pubkey -in {disk.path} | sha256sum\n"
        f"openssl pkey -pubout -in {_key(disk.path)} | sha256sum\n"
        f"{RESTART[shown.server]}",
        field=f"{shown.server} serving certificate",
        places=[shown.place, host.at(disk.path)],
        evidence={
            "shown": f"{exact(ends)} {shown.certificate.sha256}",
            "on disk": f"{exact(disk.not_after)} {disk.sha256}",
        },
    )


def _key(path: str) -> str:
    return path if path.endswith(".pem") else f"{path.removesuffix('.crt')}.key"


WHO = {
    "kube-apiserver": "API server",
    "etcd": "etcd member",
    "etcd-peer": "etcd member",
    "kubelet": "kubelet",
}


def _restart(name: str) -> str:
    manifest = f"/etc/kubernetes/manifests/{name}.yaml"
    return (
        f"If they do, restart it: the kubelet stops it when its manifest is gone\n"
        f"mv {manifest} /root/ && sleep 20 && mv /root/{name}.yaml {manifest}"
    )


RESTART = {
    "kube-apiserver": _restart("kube-apiserver"),
    "etcd": _restart("etcd"),
    "etcd-peer": _restart("etcd"),
    "kubelet": "If they do, restart it:\nsystemctl restart kubelet",
}
