"""The report's table of certificates: what is drawn, under which name, and whether the upgrade renews it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kubepreflight.engine import Resolver
from kubepreflight.host import Certificate, Host, KubeletConfigFile, KubeletSettings, StaticPod
from kubepreflight.inputs import Wanted, parameters_of
from kubepreflight.overview import Overview
from kubepreflight.report import CertificateRow
from kubepreflight.snapshot import Collector
from kubepreflight.testing import AT, NEWEST_KNOWN
from kubepreflight.upgrade import ScanOptions
from kubepreflight.version import Version


def certificate(path: str, entry: str = "", *, authority: bool = False, days: float = 100) -> Certificate:
    return Certificate(
        path=path,
        entry=entry,
        subject="CN=some",
        common_name="some",
        issuer="CN=kubernetes",
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=AT + timedelta(days=days),
        is_authority=authority,
        serial="1",
        sha256="",
    )


def rows(*certificates: Certificate, target: str = "1.37", image: str = "v1.36.3") -> list[CertificateRow]:
    server = StaticPod(path="", name="kube-apiserver", images=(f"registry.k8s.io/kube-apiserver:{image}",))
    host = Host(
        name="cp1",
        file="cp1.tar",
        certificates=certificates,
        private_keys=frozenset({"/etc/kubernetes/pki/ca.key"}),
        static_pods=(server, StaticPod(path="", name="etcd")),
        kubelet=KubeletSettings(files=(KubeletConfigFile(path="", values={"rotateCertificates": True}),)),
    )
    collector = Collector(Wanted.by(parameters_of(Overview.provide)))
    collector.give(
        ScanOptions(start=AT, window=timedelta(days=14), target=Version.parse(target), newest_known=NEWEST_KNOWN)
    )
    collector.add_host(host, {})
    overview: Overview = Resolver(collector.snapshot()).get(Overview).value
    return list(overview.certificates)


@pytest.mark.parametrize(
    ("path", "name", "renewed"),
    [
        ("/etc/kubernetes/pki/apiserver.crt", "apiserver", True),
        ("/etc/kubernetes/admin.conf", "admin.conf", True),
        ("/var/lib/kubelet/pki/kubelet-client-current.pem", "kubelet-client", None),
        ("/var/lib/kubelet/pki/kubelet.crt", "kubelet-serving-self-signed", False),
        ("/srv/mine.crt", "some", None),
    ],
)
def test_each_has_kubeadms_name_and_says_whether_the_upgrade_renews_it(
    path: str, name: str, renewed: bool | None
) -> None:
    (row,) = rows(certificate(path))
    assert (row.node, row.name, row.path, row.renewed_by_upgrade) == ("cp1", name, path, renewed)


@pytest.mark.parametrize(("days", "renewed_at"), [(1, AT), (400, AT), (0.01, None), (-1, None)])
def test_the_first_nodes_turn_is_known_and_counts_when_it_comes_before_the_end(
    days: float, renewed_at: datetime | None
) -> None:
    (row,) = rows(certificate("/etc/kubernetes/pki/apiserver.crt", days=days))
    assert row.renewed_at == renewed_at


def test_a_node_at_the_target_is_not_renewed_again() -> None:
    (row,) = rows(certificate("/etc/kubernetes/pki/apiserver.crt"), image="v1.37.2")
    assert row.renewed_by_upgrade is False


def test_copies_of_the_authorities_in_kubeconfigs_are_not_drawn() -> None:
    found = rows(
        certificate("/etc/kubernetes/pki/ca.crt", authority=True),
        certificate("/etc/kubernetes/admin.conf", "kubernetes", authority=True),
        certificate("/etc/kubernetes/admin.conf", "kubernetes-admin"),
    )
    assert [(row.name, row.path) for row in found] == [
        ("ca", "/etc/kubernetes/pki/ca.crt"),
        ("admin.conf", "/etc/kubernetes/admin.conf#kubernetes-admin"),
    ]


def test_beyond_the_knowledge_they_are_drawn_and_nothing_is_said_of_renewal() -> None:
    (row,) = rows(certificate("/etc/kubernetes/pki/apiserver.crt"), target="1.40")
    assert (row.name, row.renewed_by_upgrade) == ("some", None)
