"""What on a node's disk makes kubeadm's renewal of certificates fail, and the upgrade with it.

kubeadm reads the certificate that it renews, for its names; where the authority's key is not on the node it demands
that all that this authority signed is whole. Source: RenewUsingLocalCA and UsingExternalCA in
cmd/kubeadm/app/phases/certs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.certificates import KnownCertificate
from kubepreflight.semantics.renewal import Circumstances, RenewalPlan, Renewer


class Fault(StrEnum):
    """What is wrong with a file, as a sentence about it goes on."""

    ABSENT = "is not there"
    BROKEN = "holds no certificate that can be read"
    NOT_EMBEDDED = "has no client certificate in it"
    NO_KEY = "has no key beside it"


class RenewalFailure(msgspec.Struct, frozen=True):
    """One file at which renewal fails; `renews` are the certificates whose renewal comes to it.

    `external`: the authority's key is not on the node.
    """

    known: KnownCertificate
    path: str
    fault: Fault
    renews: tuple[KnownCertificate, ...]
    external: bool


def renewal_failures(around: Circumstances, plan: RenewalPlan, directory: str) -> Iterator[RenewalFailure | Missing]:
    """What the upgrade of one control-plane node would stumble over; a Missing for each file that is not known."""
    renews: dict[str, list[KnownCertificate]] = {}
    needs: dict[str, KnownCertificate] = {}
    keys: set[str] = set()
    for known in plan.inventory.certificates:
        renewer, _ = plan.by_kubeadm(known, around)
        external = renewer is Renewer.EXTERNAL_AUTHORITY
        if renewer is not Renewer.UPGRADE and not external:
            continue
        read = list(_signed_by(known.authority, plan)) if external else [known]
        keys |= {one.name for one in read} if external else set()
        for one in (plan.inventory.get(known.authority), *read):
            needs[one.name] = one
            renews.setdefault(one.name, []).append(known)
    for name, known in needs.items():
        path = known.path_under(directory)
        fault = _fault(known, path, around.host, with_key=name in keys)
        if isinstance(fault, Missing):
            yield fault
        elif fault is not None:
            yield RenewalFailure(known, path, fault, tuple(renews[name]), external=name in keys)


def _signed_by(authority: str, plan: RenewalPlan) -> Iterable[KnownCertificate]:
    return (one for one in plan.inventory.certificates if one.authority == authority and _lies_in_pki(one))


def _lies_in_pki(known: KnownCertificate) -> bool:
    return known.managed_by == "kubeadm" and known.kind != "kubeconfig"


def _fault(known: KnownCertificate, path: str, host: Host, *, with_key: bool) -> Fault | Missing | None:
    fault = _of_kubeconfig(path, host) if known.kind == "kubeconfig" else _of_certificate(path, host)
    if known.optional and (fault is Fault.ABSENT or isinstance(fault, Missing)):
        return None
    keys = host.private_keys
    if fault is None and with_key and not isinstance(keys, Missing) and f"{path.removesuffix('.crt')}.key" not in keys:
        return Fault.NO_KEY
    return fault


def _of_certificate(path: str, host: Host) -> Fault | Missing | None:
    assert not isinstance(host.certificates, Missing)
    if any(one.path == path for one in host.certificates):
        return None
    return Fault.BROKEN if path in host.broken_certificates else _absent(path, host)


def _of_kubeconfig(path: str, host: Host) -> Fault | Missing | None:
    if isinstance(host.kubeconfigs, Missing):
        return host.kubeconfigs
    found = next((one for one in host.kubeconfigs if one.path == path), None)
    if found is None:
        return _absent(path, host)
    return None if found.embedded else Fault.NOT_EMBEDDED


def _absent(path: str, host: Host) -> Fault | Missing:
    """That a file is not there is only known where all of kubeadm's folder was looked through."""
    told = next((gap.reason for gap in host.unreadable if path in gap.reason), "")
    if told:
        return Missing(told)
    if isinstance(host.private_keys, Missing):
        return Missing(f"{path}: {host.private_keys.reason}")
    return Fault.ABSENT if host.complete else Missing(f"{path}: the collector was interrupted")
