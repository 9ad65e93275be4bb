import re
from datetime import date
from typing import Any

import pytest

from kubepreflight.inputs import parameters_of
from kubepreflight.knowledge.certificates import CertificateInventory
from kubepreflight.knowledge.packages import PackageSources, Recognised
from kubepreflight.knowledge.versions import KubeadmPolicy, SkewPolicy, SupportWindows
from kubepreflight.version import Minor

SKEW, KUBEADM, SUPPORT = SkewPolicy.provide(), KubeadmPolicy.provide(), SupportWindows.provide()
CERTIFICATES, PACKAGES = CertificateInventory.provide(), PackageSources.provide()


@pytest.mark.parametrize("table", [SkewPolicy, KubeadmPolicy, SupportWindows, CertificateInventory, PackageSources])
def test_a_rule_can_ask_for_each_table(table: Any) -> None:
    assert parameters_of(table.provide) == ()
    assert table.provide() is table.provide()
    assert hasattr(table, "info")
    info = table.provide().info
    assert info.start <= Minor(1, 16)
    assert info.covers(Minor(1, 37))


def test_every_row_has_its_source() -> None:
    rows: list[Any] = [*SKEW.limits, KUBEADM.addons, *SUPPORT.windows, *CERTIFICATES.certificates]
    rows += [*CERTIFICATES.renewals, CERTIFICATES.lifetimes, PACKAGES.packages, PACKAGES.legacy, PACKAGES.community]
    assert [row for row in rows if not row.source] == []


def test_no_limit_twice() -> None:
    keys = [(row.component, row.against, row.since) for row in SKEW.limits]
    assert len(set(keys)) == len(keys)
    assert len({row.since for row in KUBEADM.rows}) == len(KUBEADM.rows)
    assert len({row.since for row in CERTIFICATES.renewals}) == len(CERTIFICATES.renewals)


def test_a_pair_without_a_limit() -> None:
    with pytest.raises(KeyError, match=r"kubelet 1\.30 against kubelet"):
        SKEW.limit("kubelet", Minor(1, 30), "kubelet")


@pytest.mark.parametrize(
    ("kubeadm", "kubelets_behind", "addons_wait"),
    [("1.16", 1, False), ("1.27", 1, False), ("1.28", 1, True), ("1.29", 3, True), ("1.37", 3, True)],
)
def test_what_kubeadm_allows(kubeadm: str, kubelets_behind: int, addons_wait: bool) -> None:
    limits = KUBEADM.limits(Minor.parse(kubeadm))
    assert (limits.upgrade_minors, limits.downgrade_minors, limits.control_plane_behind) == (1, 1, 1)
    assert (limits.kubelets_behind, KUBEADM.addons_wait_for_all(Minor.parse(kubeadm))) == (kubelets_behind, addons_wait)


def test_support_ends_in_order() -> None:
    minors = [row.minor for row in SUPPORT.windows]
    assert minors == [Minor(1, number) for number in range(15, 15 + len(minors))]
    ends = [row.end_of_life for row in SUPPORT.windows]
    assert ends == sorted(ends)
    for row in SUPPORT.windows:
        dates = [day for day in (row.released, row.maintenance_from, row.end_of_life) if day is not None]
        assert dates == sorted(dates)


@pytest.mark.parametrize(
    ("minor", "end"), [("1.16", date(2020, 9, 2)), ("1.31", date(2025, 11, 11)), ("1.36", date(2027, 6, 28))]
)
def test_end_of_life(minor: str, end: date) -> None:
    window = SUPPORT.find(Minor.parse(minor))
    assert window is not None
    assert window.end_of_life == end


@pytest.mark.parametrize("minor", ["1.14", "1.38", "1.50"])
def test_an_end_that_is_not_known(minor: str) -> None:
    assert SUPPORT.find(Minor.parse(minor)) is None


def test_certificates_are_named_once_and_signed_by_one_of_them() -> None:
    names = [one.name for one in CERTIFICATES.certificates]
    paths = [one.path for one in CERTIFICATES.certificates]
    assert len(set(names)) == len(names)
    assert len(set(paths)) == len(paths)
    for one in CERTIFICATES.certificates:
        assert one.path.startswith("/")
        assert one.consequence.endswith((".", '".'))
        assert one.title[0].islower()
        assert not one.authority or CERTIFICATES.get(one.authority).kind == "authority"
        assert bool(one.renewed_with) == (one.managed_by == "kubeadm")
        assert one.kind != "authority" or not one.managed_by, "nothing renews an authority"


@pytest.mark.parametrize(
    ("name", "path", "renewed_with"),
    [
        ("apiserver", "/etc/kubernetes/pki/apiserver.crt", "kube-apiserver"),
        ("apiserver-kubelet-client", "/etc/kubernetes/pki/apiserver-kubelet-client.crt", "kube-apiserver"),
        ("apiserver-etcd-client", "/etc/kubernetes/pki/apiserver-etcd-client.crt", "kube-apiserver"),
        ("front-proxy-client", "/etc/kubernetes/pki/front-proxy-client.crt", "kube-apiserver"),
        ("etcd-server", "/etc/kubernetes/pki/etcd/server.crt", "etcd"),
        ("etcd-peer", "/etc/kubernetes/pki/etcd/peer.crt", "etcd"),
        ("etcd-healthcheck-client", "/etc/kubernetes/pki/etcd/healthcheck-client.crt", "etcd"),
        ("controller-manager.conf", "/etc/kubernetes/controller-manager.conf", "kube-controller-manager"),
        ("scheduler.conf", "/etc/kubernetes/scheduler.conf", "kube-scheduler"),
        ("admin.conf", "/etc/kubernetes/admin.conf", "upgrade"),
        ("super-admin.conf", "/etc/kubernetes/super-admin.conf", "upgrade"),
        ("kubelet-client", "/var/lib/kubelet/pki/kubelet-client-current.pem", ""),
        ("kubelet-serving-self-signed", "/var/lib/kubelet/pki/kubelet.crt", ""),
        ("ca", "/etc/kubernetes/pki/ca.crt", ""),
    ],
)
def test_certificate_and_what_renews_it(name: str, path: str, renewed_with: str) -> None:
    found = CERTIFICATES.at(path)
    assert found is not None
    assert (found.name, found.renewed_with) == (name, renewed_with)


def test_another_certificates_dir() -> None:
    found = CERTIFICATES.at("/srv/pki/etcd/peer.crt", "/srv/pki/")
    assert found is not None
    assert found.name == "etcd-peer"
    assert CERTIFICATES.at("/etc/kubernetes/pki/etcd/peer.crt", "/srv/pki") is None
    assert CERTIFICATES.at("/etc/ssl/other.crt") is None


@pytest.mark.parametrize(
    ("kubeadm", "node_renews", "etcd_renewed_when", "authority_skipped"),
    [
        ("1.16", False, "version-rises", False),
        ("1.17", True, "version-rises", False),
        ("1.19", True, "version-rises", False),
        ("1.20", True, "manifest-changes", False),
        ("1.24", True, "manifest-changes", True),
        ("1.30", True, "manifest-changes", True),
        ("1.31", True, "api-server-changes", True),
        ("1.37", True, "api-server-changes", True),
    ],
)
def test_what_an_upgrade_renews(
    kubeadm: str, node_renews: bool, etcd_renewed_when: str, authority_skipped: bool
) -> None:
    renewal = CERTIFICATES.renewal(Minor.parse(kubeadm))
    assert renewal.node_renews_by_default is node_renews
    assert renewal.etcd_renewed_when == etcd_renewed_when
    assert renewal.external_etcd_authority_skipped is authority_skipped


LEGACY = Recognised("legacy")


@pytest.mark.parametrize(
    ("url", "suite", "expected"),
    [
        ("https://pkgs.k8s.io/core:/stable:/v1.28/deb/", "/", Recognised("community", Minor(1, 28), "stable")),
        ("https://pkgs.k8s.io/core:/stable:/v1.30/rpm/", "", Recognised("community", Minor(1, 30), "stable")),
        ("http://packages.kubernetes.io/core:/stable:/v1.9/deb", "/", Recognised("community", Minor(1, 9), "stable")),
        ("https://pkgs.k8s.io/core:/prerelease:/v1.38/deb/", "/", Recognised("community", Minor(1, 38), "prerelease")),
        (
            "https://mirrors.example.org/kubernetes-new/core/stable/v1.29/deb/",
            "/",
            Recognised("community", Minor(1, 29), "stable"),
        ),
        ("https://apt.kubernetes.io/", "kubernetes-xenial", LEGACY),
        ("http://apt.kubernetes.io", "kubernetes-xenial", LEGACY),
        ("https://packages.cloud.google.com/apt", "kubernetes-xenial", LEGACY),
        ("https://packages.cloud.google.com/yum/repos/kubernetes-el7-$basearch", "", LEGACY),
        ("https://packages.cloud.google.com/apt", "cloud-sdk", None),
        ("https://packages.cloud.google.com/yum/repos/cloud-sdk-el8-x86_64", "", None),
        ("https://download.docker.com/linux/debian", "bookworm", None),
        ("https://apt.kubernetes.io.example.org/", "kubernetes-xenial", None),
        ("https://pkgs.k8s.io/core:/stable:/v01.999999/deb/", "/", None),
        ("", "", None),
    ],
)
def test_what_a_repository_is(url: str, suite: str, expected: Recognised | None) -> None:
    assert PACKAGES.recognise(url, suite) == expected


def test_legacy_repositories_end() -> None:
    legacy = PACKAGES.legacy
    assert legacy.deprecated < legacy.frozen < legacy.gone == date(2024, 3, 4)
    assert str(legacy.last_of(Minor(1, 28))) == "1.28.2"
    assert legacy.last_of(Minor(1, 24)) is None


def test_where_the_packages_of_a_minor_are() -> None:
    community = PACKAGES.community
    assert community.url_for(Minor(1, 37), "deb") == "https://pkgs.k8s.io/core:/stable:/v1.37/deb/"
    assert community.url_for(Minor(1, 24), "rpm") == "https://pkgs.k8s.io/core:/stable:/v1.24/rpm/"
    assert community.url_for(Minor(1, 23), "deb") is None


def test_expressions_are_anchored() -> None:
    for pattern in (*PACKAGES.legacy.urls, PACKAGES.community.url):
        assert re.compile(pattern)
        assert pattern.startswith("^")
        assert pattern.endswith("$")
