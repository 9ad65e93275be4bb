"""To which cluster a host archive belongs, by the authorities that lie on the node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubepreflight.host import Certificate, Host, Missing

_OF_THE_CLUSTER = tuple(
    f"/etc/kubernetes/{name}"
    for name in ("pki/ca.crt", "kubelet.conf", "admin.conf", "controller-manager.conf", "scheduler.conf")
)


def keys_of(authorities: Iterable[Certificate]) -> frozenset[str]:
    """What tells authorities apart: their fingerprints, and their keys, which stay when a certificate is made anew."""
    return frozenset(key for one in authorities for key in (one.sha256, one.subject_key) if key)


def is_of_another(host: Host, cluster: frozenset[str]) -> bool:
    """Whether nothing on a host is of the cluster with these `keys_of` its authorities; False where nobody can know."""
    return bool(cluster and _trusted(host) and not _all_keys(host) & cluster)


def clusters_of(hosts: Sequence[Host]) -> tuple[tuple[Host, ...], ...]:
    """Hosts that share an authority, together; those that show none are left out."""
    groups: list[tuple[frozenset[str], tuple[Host, ...]]] = []
    for host in hosts:
        if not _trusted(host):
            continue
        keys, apart = _all_keys(host), list[tuple[frozenset[str], tuple[Host, ...]]]()
        together: tuple[Host, ...] = (host,)
        for other, members in groups:
            if other & keys:
                keys, together = keys | other, members + together
            else:
                apart.append((other, members))
        groups = [*apart, (keys, together)]
    return tuple(members for _, members in groups)


def _certificates(host: Host) -> tuple[Certificate, ...]:
    return () if isinstance(host.certificates, Missing) else host.certificates


def _trusted(host: Host) -> bool:
    """Whether it shows what kubeadm's cluster it belongs to: others' kubeconfigs may lie on a node, too."""
    return any(one.is_authority and one.path in _OF_THE_CLUSTER for one in _certificates(host))


def _all_keys(host: Host) -> frozenset[str]:
    certificates = _certificates(host)
    signers = (one.authority_key for one in certificates if not one.is_authority)
    return keys_of(one for one in certificates if one.is_authority) | frozenset(filter(None, signers))
