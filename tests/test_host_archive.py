"""Host archives: from members to facts, with what is missing, absent and unreadable kept apart."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kubepreflight.host import Host, Kubeconfig, Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.host_files import CUT_OFF
from tests.fake_node import ENDS, make_certificate

REAL = Path(__file__).parent / "data/real-cp1"
HEAD: dict[str, Any] = {
    "format": "kubepreflight.host/v1",
    "name": "W1",
    "machine_id": "abc",
    "collected_at": "2026-11-23T10:00:00+02:00",
    "complete": True,
    "addresses": ["10.0.0.4"],
}
CERTIFICATE, _ = make_certificate("system:node:node-1", "system:nodes")
EMBEDDED = base64.b64encode(CERTIFICATE).decode()
NOT_COLLECTED = Missing("not collected")


def host(files: dict[str, str | bytes] | None = None, *, head: dict[str, Any] | None = None, **changes: Any) -> Host:
    """A complete archive that the collector made, holding `files`."""
    members = {path: data.encode() if isinstance(data, str) else data for path, data in (files or {}).items()}
    return read_host({"host.json": json.dumps(head or HEAD | changes).encode(), **members}, "w1.tar", "given")


def bare(files: dict[str, str | bytes]) -> Host:
    """A copy of some of a node's files."""
    members = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
    return read_host(members, "hosts/w1", "w1")


def reasons(one: Host) -> list[str]:
    return [f"{gap.input}: {gap.reason}" for gap in one.unreadable]


def real() -> Host:
    files = REAL / "files"
    members = {f"files/{path.relative_to(files)}": path.read_bytes() for path in files.rglob("*") if path.is_file()}
    return read_host(members, "real", "cp1")


def test_every_end_that_the_real_kubeadm_tells_is_read_equally() -> None:
    told = json.loads((REAL / "kubeadm-certs-check-expiration.json").read_text())
    certificates = real().certificates
    assert not isinstance(certificates, Missing)
    leaves = {
        one.path.removeprefix("/etc/kubernetes/"): one
        for one in certificates
        if one.entry == "" or not one.is_authority
    }
    files = {"ca": "ca", "etcd-ca": "etcd/ca", "front-proxy-ca": "front-proxy-ca"}
    files |= {f"etcd-{name}": f"etcd/{name}" for name in ("server", "peer", "healthcheck-client")}
    for one in (*told["certificates"], *told["certificateAuthorities"]):
        name = one["name"]
        path = name if name.endswith(".conf") else f"pki/{files.get(name, name)}.crt"
        assert leaves[path].not_after.strftime("%Y-%m-%dT%H:%M:%SZ") == one["expirationDate"], name


def test_a_real_control_plane_node() -> None:
    one = real()
    assert (one.name, one.file, one.complete, one.collected_at) == ("cp1", "real", True, None)
    assert not isinstance(one.static_pods, Missing)
    assert [pod.name for pod in one.static_pods] == [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ]
    assert one.static_pods[0].images == ("registry.k8s.io/etcd:3.7.0-0",)
    assert one.static_pods[0].flag("data-dir") == "/var/lib/etcd"
    assert one.static_pods[0].spec is not None
    assert [volume["name"] for volume in one.static_pods[0].spec.volumes or ()] == ["etcd-certs", "etcd-data"]
    assert not isinstance(one.kubelet.config, Missing)
    assert one.kubelet.config["rotateCertificates"] is True
    assert not isinstance(one.kubeconfigs, Missing)
    by_path = {config.path: config for config in one.kubeconfigs}
    assert by_path["/etc/kubernetes/admin.conf"] == Kubeconfig(
        path="/etc/kubernetes/admin.conf", server="https://cp1:6443", user="kubernetes-admin", embedded=True
    )
    assert by_path["/etc/kubernetes/kubelet.conf"].client_certificate == (
        "/var/lib/kubelet/pki/kubelet-client-current.pem"
    )
    # What no copy of files can tell is not known, rather than not there.
    unknown = (one.packages, one.package_family, one.repositories, one.private_keys, one.versions, one.os, one.kernel)
    assert set(unknown) == {NOT_COLLECTED}


def test_the_self_made_serving_certificate_is_a_bundle() -> None:
    certificates = real().certificates
    assert not isinstance(certificates, Missing)
    serving = [one for one in certificates if one.path == "/var/lib/kubelet/pki/kubelet.crt"]
    assert [(one.entry, one.is_authority) for one in serving] == [("1", False), ("2", True)]


def test_the_head() -> None:
    one = host()
    assert (one.name, one.machine_id, one.addresses, one.file) == ("w1", "abc", ("10.0.0.4",), "w1.tar")
    assert one.collected_at == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert one.collected_at.tzinfo is UTC


def test_the_node_is_called_what_its_kubelet_calls_itself() -> None:
    current = "files/var/lib/kubelet/pki/kubelet-client-current.pem"
    assert host({current: CERTIFICATE}).name == "node-1"
    assert bare({current: CERTIFICATE}).name == "w1"
    assert host(name="").name == "given"


def test_what_a_whole_archive_lacks_the_node_lacks() -> None:
    one = host({"private-keys.txt": "looked /etc/kubernetes\nabsent /var/lib/kubelet/pki\n"})
    assert (one.repositories, one.certificates, one.kubeconfigs, one.static_pods) == ((), (), (), ())
    assert (one.private_keys, one.kubelet.given, one.unreadable) == (frozenset(), {}, ())
    assert one.kubelet.config == Missing("the node has no /var/lib/kubelet/config.yaml")


def test_what_an_interrupted_archive_lacks_is_not_known() -> None:
    one = host({"private-keys.txt": "present /etc/kubernetes/pki/ca.key\n"}, complete=False)
    facts = (one.repositories, one.certificates, one.kubeconfigs, one.static_pods, one.private_keys)
    assert {*facts, one.kubelet.command_line} == {Missing("the collector was interrupted before it came to that")}
    assert reasons(one) == ["host files: not complete: the collector was interrupted before its end"]


def test_what_the_collector_could_not_read_is_missing_and_said() -> None:
    one = host({"unreadable.txt": "/var/lib/kubelet/config.yaml\tpermission denied\n"})
    assert one.kubelet.config == Missing("/var/lib/kubelet/config.yaml: permission denied")
    assert reasons(one) == ["host kubelet settings: /var/lib/kubelet/config.yaml: permission denied"]
    assert all(gap.asked and gap.subject == "w1" and gap.how for gap in one.unreadable)


@pytest.mark.parametrize(
    ("lines", "keys"),
    [
        ("looked /etc/kubernetes\nlooked /var/lib/kubelet/pki\n", frozenset()),
        ("present /a.key\nlooked /etc/kubernetes\nabsent /var/lib/kubelet/pki\n", frozenset({"/a.key"})),
        (
            "looked /etc/kubernetes\nunreadable /var/lib/kubelet/pki\n",
            Missing("/var/lib/kubelet/pki could not be searched for keys"),
        ),
        ("present /a.key\n", NOT_COLLECTED),
        ("", NOT_COLLECTED),
    ],
)
def test_private_keys(lines: str, keys: frozenset[str] | Missing) -> None:
    assert host({"private-keys.txt": lines}).private_keys == keys


def test_certificates_that_nothing_uses_are_left_out() -> None:
    pki = "files/var/lib/kubelet/pki"
    one = host(
        {
            f"{pki}/kubelet-client-current.pem": CERTIFICATE,
            f"{pki}/kubelet-client-2025-01-01-00-00-00.pem": CERTIFICATE,
            f"{pki}/kubelet-server-2025-01-01-00-00-00.pem": CERTIFICATE,
            "files/etc/kubernetes/tmp/kubeadm-backup/pki/apiserver.crt": CERTIFICATE,
            "files/etc/kubernetes/tmp/kubeadm-backup/admin.conf": "kind: Config\nusers: []\n",
            "files/etc/ssl/etcd/member.pem": CERTIFICATE,
            "files/etc/ssl/certs/ca-certificates.crt": CERTIFICATE,
        }
    )
    assert not isinstance(one.certificates, Missing)
    assert {certificate.path for certificate in one.certificates} == {
        "/etc/ssl/etcd/member.pem",
        "/var/lib/kubelet/pki/kubelet-client-current.pem",
        # No server certificate is current, so this may be the one in use.
        "/var/lib/kubelet/pki/kubelet-server-2025-01-01-00-00-00.pem",
    }
    assert one.kubeconfigs == ()


def test_a_broken_certificate_is_a_gap_and_the_others_are_read() -> None:
    one = host({"files/etc/kubernetes/pki/a.crt": "garbage", "files/etc/kubernetes/pki/b.crt": CERTIFICATE})
    assert not isinstance(one.certificates, Missing)
    assert [(it.path, it.not_after) for it in one.certificates] == [("/etc/kubernetes/pki/b.crt", ENDS)]
    assert reasons(one) == ["host certificates: /etc/kubernetes/pki/a.crt: no certificate in it"]


KUBECONFIG = f"""\
clusters:
- name: c
  cluster: {{server: "https://10.0.0.1:6443", certificate-authority-data: {EMBEDDED}}}
contexts:
- name: x
  context: {{cluster: c, user: u}}
current-context: x
users:
- name: u
  user: {{client-certificate-data: {EMBEDDED}, client-key-data: (cut)}}
- name: cut
  user: {{client-certificate-data: (cut)}}
- name: rubbish
  user: {{client-certificate-data: "%%%"}}
- name: typed
  user: {{client-certificate-data: 7}}
"""


def test_kubeconfigs() -> None:
    one = host({"files/etc/kubernetes/admin.conf": KUBECONFIG})
    path = "/etc/kubernetes/admin.conf"
    assert one.kubeconfigs == (Kubeconfig(path=path, server="https://10.0.0.1:6443", user="u", embedded=True),)
    assert not isinstance(one.certificates, Missing)
    assert [(it.path, it.entry) for it in one.certificates] == [(path, "c"), (path, "u")]
    assert [reason.partition("client-certificate-data of ")[2] for reason in reasons(one)] == [
        "'cut': left on the node, because a private key stands in it, or because it is not on one line",
        "'rubbish': not base64",
        "'typed': empty",
    ]


@pytest.mark.parametrize(
    ("files", "pods", "said"),
    [
        ({"/etc/kubernetes/manifests/a.yaml": "kind: Pod\nmetadata: {name: a}\n"}, ["a"], 0),
        ({"/etc/kubernetes/manifests/a.yaml.old": "kind: Pod\nmetadata: {name: old}\n"}, ["old"], 0),
        ({"/etc/kubernetes/manifests/.a.yaml": "kind: Pod\nmetadata: {name: hidden}\n"}, [], 0),
        ({"/etc/kubernetes/manifests/sub/a.yaml": "kind: Pod\nmetadata: {name: deeper}\n"}, [], 0),
        ({"/etc/kubernetes/manifests/a.yaml": "kind: ConfigMap\n"}, [], 1),
        ({"/etc/kubernetes/manifests/a.yaml": "kind: Pod\n\tx: 1\n"}, [], 1),
        ({"/etc/kubernetes/manifests/a.yaml": "[]\n"}, [], 1),
        ({"/etc/kubernetes/manifests/a.yaml": "kind: Pod\nspec: {containers: 7}\nmetadata: []\n"}, [""], 1),
        (
            {
                "/var/lib/kubelet/config.yaml": "staticPodPath: /srv/pods\n",
                "/srv/pods/b.yaml": "kind: Pod\nmetadata: {name: b}\n",
                "/etc/kubernetes/manifests/a.yaml": "kind: Pod\nmetadata: {name: a}\n",
            },
            ["b"],
            0,
        ),
    ],
)
def test_static_pods(files: dict[str, str], pods: list[str], said: int) -> None:
    one = host({f"files{path}": text for path, text in files.items()})
    assert not isinstance(one.static_pods, Missing)
    assert [pod.name for pod in one.static_pods] == pods
    assert len([reason for reason in reasons(one) if reason.startswith("host static pods: ")]) == said


@pytest.mark.parametrize(
    ("kubeadm", "defaults", "flags"),
    [
        ('KUBELET_KUBEADM_ARGS="--a=1 --b 2 --bare --c"', "", {"a": "1", "b": "2", "bare": "", "c": ""}),
        ("KUBELET_KUBEADM_ARGS=--a=1 --b=2", "", {"a": "1", "b": "2"}),
        ("KUBELET_KUBEADM_ARGS=\"--a='x y' -v=4\"", "", {"a": "x y", "v": "4"}),
        ("KUBELET_KUBEADM_ARGS=--a=1", "# no\nKUBELET_EXTRA_ARGS='--a=2'\nOTHER=--z", {"a": "2"}),
        # A shell would read it so, systemd does not: `export KUBELET_EXTRA_ARGS` is no name.
        ("KUBELET_KUBEADM_ARGS=--a=1", "export KUBELET_EXTRA_ARGS=--a=2", {"a": "1"}),
        # systemd splits the value with EXTRACT_RELAX: a quote that does not end goes to the end.
        ("", 'KUBELET_EXTRA_ARGS="--a=\'1 2"', {"a": "1 2"}),
        (
            "KUBELET_KUBEADM_ARGS=--node_ip=1",
            "KUBELET_EXTRA_ARGS=--x=1 \\\n --y=2",
            {"node-ip": "1", "x": "1", "y": "2"},
        ),
        (
            "KUBELET_KUBEADM_ARGS=--feature-gates=A=true",
            "KUBELET_EXTRA_ARGS=--feature-gates=B=false",
            {"feature-gates": "A=true,B=false"},
        ),
        ("", "", {}),
    ],
)
def test_kubelet_flags(kubeadm: str, defaults: str, flags: dict[str, str]) -> None:
    files: dict[str, str | bytes] = {
        "files/var/lib/kubelet/kubeadm-flags.env": kubeadm,
        "files/etc/default/kubelet": defaults,
    }
    assert host(files).kubelet.given == flags


def test_a_bare_copy_without_the_defaults_file_says_so() -> None:
    one = bare({"files/var/lib/kubelet/kubeadm-flags.env": "KUBELET_KUBEADM_ARGS=--a=1\n"})
    assert one.kubelet.given == {"a": "1"}
    assert reasons(one) == ["host kubelet settings: /etc/default/kubelet or /etc/sysconfig/kubelet: not collected"]


@pytest.mark.parametrize(
    ("program", "said", "version"),
    [
        ("kubelet", "Kubernetes v1.36.3\n", "v1.36.3"),
        ("kubeadm", "v1.37.2\n", "v1.37.2"),
        ("kubectl", '{"clientVersion": {"major": "1", "gitVersion": "v1.36.3", "goVersion": "go1.26"}}', "v1.36.3"),
        ("kubectl", "Client Version: v1.28.2\nKustomize Version: v5.0.4\n", "v1.28.2"),
        ("kubelet", "Kubernetes v1.30.2+k3s1\n", "v1.30.2+k3s1"),
        ("containerd", "containerd github.com/containerd/containerd/v2 v2.1.4 75cb2b7193e4\n", "v2.1.4"),
        ("containerd", "containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1\n", "1.6.20~ds1"),
        ("docker", "Docker version 24.0.7, build afdd53b\n", "24.0.7"),
        ("crio", "crio version 1.28.0\nVersion: 1.28.0\n", "1.28.0"),
        ("cri-dockerd", "cri-dockerd 0.3.4 (e88b1605)\n", "0.3.4"),
        ("runc", "runc version 1.1.12\ncommit: v1.1.12-0-g51d5e946\n", "1.1.12"),
    ],
)
def test_versions(program: str, said: str, version: str) -> None:
    folder = f"commands/{program}-version"
    assert host({f"{folder}/stdout": said, f"{folder}/status": "0\n"}).versions == {program: version}


def test_versions_of_what_is_not_installed_or_failed() -> None:
    one = host(
        {
            "commands/crio-version/status": "127\n",
            "commands/docker-version/status": "1\n",
            "commands/docker-version/stderr": "docker: broken\n",
            "commands/runc-version/status": "124\n",
        }
    )
    assert one.versions == {}
    assert reasons(one) == [
        "host versions: commands/docker-version: docker-version failed there (status 1): docker: broken",
        "host versions: commands/runc-version: runc-version did not end in time on the node",
    ]


def test_the_system() -> None:
    one = host(
        {
            "files/etc/os-release": 'ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04 LTS"\nBROKEN=\'\n# no\n',
            "commands/uname/stdout": "Linux w1 6.8.0-45-generic #45-Ubuntu SMP x86_64 GNU/Linux\n",
            "commands/uname/status": "0\n",
        }
    )
    assert one.os == {"ID": "ubuntu", "PRETTY_NAME": "Ubuntu 24.04 LTS", "BROKEN": "'"}
    assert one.kernel == "6.8.0-45-generic"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"{",
        b"[]",
        b'{"name": 7}',
        b'{"format": "other/v1"}',
        b'{"collected_at": "yesterday"}',
        b"\xff",
        b"[" * 9999,
    ],
)
def test_a_broken_head_is_a_gap(head: bytes) -> None:
    one = read_host({"host.json": head}, "x", "given")
    assert one.name == "given"
    assert any(gap.input == "host identity" for gap in one.unreadable)


def test_what_a_cut_archive_lacks_is_never_said_to_be_absent_from_the_node() -> None:
    folder = Path(__file__).parents[1] / "examples/healthy-cluster/hosts/cp1"
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    members = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    first = {name: members.pop(name) for name in ("host.json", "unreadable.txt", "private-keys.txt")}
    whole = set(absences(read_host({**first, **members}, "", "")))
    for end in range(0, len(members), 5):
        begun = dict(list(members.items())[:end])
        found = set(absences(read_host({**first, **begun, CUT_OFF: b""}, "", "")))
        assert found <= whole, f"after {end} of {len(members)} members"


def absences(one: Host) -> list[str]:
    """Every reason in which something is not there, or was not asked for."""
    text = msgspec.json.encode(one).decode()
    return re.findall(r'"reason":"([^"]*(?:the node has no|did not ask|not collected)[^"]*)"', text)
