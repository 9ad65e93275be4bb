"""What is said of the other control-plane nodes beside a finding about one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kubepreflight.engine import Resolver
from kubepreflight.host import Certificate, Host, StaticPod
from kubepreflight.inputs import Wanted, parameters_of
from kubepreflight.semantics.certificate_timeline import CertificateTimeline
from kubepreflight.semantics.certificate_words import who_is_safe
from kubepreflight.snapshot import Collector
from kubepreflight.testing import AT, NEWEST_KNOWN
from kubepreflight.upgrade import ScanOptions, ServerVersion
from kubepreflight.version import Version

SOON, LATER = AT + timedelta(days=7), AT + timedelta(days=100)
PKI = "/etc/kubernetes/pki"


def certificate(path: str, ends: datetime, *, authority: bool = False) -> Certificate:
    return Certificate(
        path=path,
        subject="",
        issuer="",
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=ends,
        is_authority=authority,
        serial="",
        sha256="",
    )


def host(name: str, ends: datetime | None, *, version: str = "v1.36.3", key: bool = True) -> Host:
    server = StaticPod(path="", name="kube-apiserver", images=(f"registry.k8s.io/kube-apiserver:{version}",))
    leaf = () if ends is None else (certificate(f"{PKI}/apiserver.crt", ends),)
    return Host(
        name=name,
        file=f"{name}.tar",
        certificates=(*leaf, certificate(f"{PKI}/ca.crt", LATER, authority=True)),
        private_keys=frozenset({f"{PKI}/ca.key"} if key else ()),
        static_pods=(server, StaticPod(path="", name="etcd")),
    )


def timeline(*hosts: Host) -> CertificateTimeline:
    collector = Collector(Wanted.by(parameters_of(CertificateTimeline.provide)))
    collector.give(ServerVersion(Version.parse("1.36.3")))
    collector.give(
        ScanOptions(start=AT, window=timedelta(days=14), target=Version.parse("1.37"), newest_known=NEWEST_KNOWN)
    )
    for one in hosts:
        collector.add_host(one, {})
    made: CertificateTimeline = Resolver(collector.snapshot()).get(CertificateTimeline).value
    return made


SAFE = "cp1 is safe: it is taken to be upgraded first, at the planned start, and renewed then."
DONE = "cp1 has been upgraded already"


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (host("cp1", SOON), SAFE),
        (host("cp1", LATER, key=False), "cp1 is safe: its certificates outlast the window."),
        (host("cp1", SOON, key=False), ""),
        (host("cp1", AT + timedelta(minutes=5)), ""),
        (host("cp1", None), ""),
        (host("cp1", LATER, version="v1.37.2"), f"{DONE}, with certificates that outlast the window."),
        (host("cp1", SOON, version="v1.37.2"), f"{DONE}."),
        (host("cp1", None, version="v1.37.2"), f"{DONE}."),
    ],
)
def test_the_first_node_is_called_safe_only_when_it_is(first: Host, said: str) -> None:
    assert who_is_safe(timeline(first, host("cp2", SOON)), "cp2") == said


def test_nothing_is_said_of_the_node_itself() -> None:
    assert who_is_safe(timeline(host("cp1", SOON), host("cp2", SOON)), "cp1") == ""
