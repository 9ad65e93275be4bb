"""The cluster's certificate authorities, as nodes and ConfigMaps show them, and what each has signed."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.host import Certificate
from kubepreflight.inputs import Unavailable
from kubepreflight.objects import Api, KubernetesObject
from kubepreflight.semantics.bundles import newest_of_each
from kubepreflight.semantics.certificate_timeline import CertificateTimeline, HostCertificate
from kubepreflight.semantics.certificates import parse_certificates

_EMBEDDED = re.compile(r"certificate-authority-data[\"']?:\s*[\"']?([A-Za-z0-9+/=]+)")


class ConfigMapData(KubernetesObject):
    """A ConfigMap's texts."""

    data: dict[str, str] | None = None


class ClusterInfo(ConfigMapData):
    """What a node reads that is about to join."""

    api = Api("", "ConfigMap", "configmaps", namespace="kube-public", name="cluster-info")


class RootCertificates(ConfigMapData):
    """What every namespace has for its pods."""

    api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name="kube-root-ca.crt")


class ExtensionAuthentication(ConfigMapData):
    """What aggregated API servers read."""

    api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name="extension-apiserver-authentication")


class Authority(msgspec.Struct, frozen=True):
    """One authority where it was seen. `name` is kubeadm's: `ca`, `etcd-ca`, `front-proxy-ca`."""

    name: str
    certificate: Certificate
    place: Subject


class Authorities(msgspec.Struct, frozen=True):
    """All of them, the certificates on the nodes that they may have signed, and what could not be seen."""

    seen: tuple[Authority, ...]
    leaves: tuple[HostCertificate, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(
        cls,
        timeline: CertificateTimeline | None,
        cluster_infos: list[ClusterInfo] | None,
        roots: list[RootCertificates] | None,
        authentications: list[ExtensionAuthentication] | None,
    ) -> Authorities:
        """From wherever they can be seen. Raises Unavailable when nothing was read that could show one."""
        if timeline is None and cluster_infos is None and roots is None and authentications is None:
            raise Unavailable
        on_hosts = [one for one in timeline.certificates if one.is_authority] if timeline else []
        seen = [Authority(one.name, one.certificate, one.place) for one in on_hosts]
        gaps = list(timeline.gaps) if timeline else []
        for name, bundle, place in _bundles(cluster_infos or (), roots or (), authentications or ()):
            found, problems = parse_certificates(bundle, str(place))
            seen += [Authority(name, certificate, place) for certificate in found]
            if not found:
                gaps.append(_gap(place, "; ".join(problems)))
        return cls(
            seen=tuple(_newest(seen)),
            leaves=tuple(one for one in timeline.certificates if not one.is_authority) if timeline else (),
            gaps=tuple(gaps),
        )

    def signed_by(self, authority: Certificate) -> tuple[HostCertificate, ...]:
        """What an authority has signed, by its key where both sides name it, else by its name."""
        return tuple(one for one in self.leaves if _signed(one.certificate, authority))


def cluster_authorities(
    cluster_infos: Iterable[ClusterInfo],
    roots: Iterable[RootCertificates],
    authentications: Iterable[ExtensionAuthentication],
) -> Iterator[Certificate]:
    """The authorities that a cluster says it trusts, as far as they can be read."""
    for _, bundle, place in _bundles(cluster_infos, roots, authentications):
        yield from parse_certificates(bundle, str(place))[0]


def _signed(leaf: Certificate, authority: Certificate) -> bool:
    if leaf.authority_key and authority.subject_key:
        return leaf.authority_key == authority.subject_key
    return leaf.issuer == authority.subject and leaf.subject != leaf.issuer


def _bundles(
    cluster_infos: Iterable[ClusterInfo],
    roots: Iterable[RootCertificates],
    authentications: Iterable[ExtensionAuthentication],
) -> Iterator[tuple[str, bytes, Subject]]:
    for info in cluster_infos:
        embedded = _EMBEDDED.search((info.data or {}).get("kubeconfig", ""))
        if embedded:
            yield "ca", _decoded(embedded[1]), _place(info, "kubeconfig")
    for root in roots:
        if text := (root.data or {}).get("ca.crt"):
            yield "ca", text.encode(), _place(root, "ca.crt")
    for one in authentications:
        for field, name in (("client-ca-file", "ca"), ("requestheader-client-ca-file", "front-proxy-ca")):
            if text := (one.data or {}).get(field):
                yield name, text.encode(), _place(one, field)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _place(config_map: ConfigMapData, field: str) -> Subject:
    return msgspec.structs.replace(config_map.subject, field=field)


def _gap(place: Subject, problem: str) -> Gap:
    reason = f"no certificate could be read: {problem}"
    how = f"kubectl -n {place.namespace} get configmap {place.name} -o yaml"
    return cannot_check("authorities", reason, subject=str(place), how=how, asked=True)


def _newest(seen: Iterable[Authority]) -> Iterator[Authority]:
    by_place: dict[Subject, list[Authority]] = {}
    for one in seen:
        by_place.setdefault(one.place, []).append(one)
    for at_place in by_place.values():
        newest = newest_of_each(one.certificate for one in at_place)
        yield from (one for one in at_place if one.certificate in newest)
