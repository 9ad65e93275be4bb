"""No secret leaves a node, with every shell and awk that is here; what is harmless does, and what stays is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kubepreflight.host import Missing
from kubepreflight.sources.host.archive import read_host
from tests.collecting import files, lines, members, run
from tests.fake_node import ENDS, make_certificate, write_node

SHELLS = (["dash"], ["busybox", "sh"], ["bash", "--posix"])
AWKS = ("mawk", "gawk", "original-awk", "busybox")
"""Beside `sh` and `awk`, whatever these are here."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("node")
    return root, write_node(root)


@pytest.fixture(scope="module")
def archive_of_node(node: tuple[Path, list[str]]) -> bytes:
    done = run(node[0])
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.fixture(scope="module")
def collected(archive_of_node: bytes) -> dict[str, bytes]:
    return members(archive_of_node)


def require_another(name: str, usual: str) -> str:
    """The path of a program, when it is here and not just the usual one by another name."""
    found, known = shutil.which(name), shutil.which(usual)
    if found is None:
        pytest.skip(f"{name} is not installed")
    if known is not None and Path(found).samefile(known):
        pytest.skip(f"{usual} is {name} here")
    return found


def test_no_secret_leaves(node: tuple[Path, list[str]], archive_of_node: bytes) -> None:
    assert [secret for secret in node[1] if secret.encode() in archive_of_node] == []


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_no_secret_leaves_whatever_the_shell(
    shell: list[str], node: tuple[Path, list[str]], collected: dict[str, bytes]
) -> None:
    require_another(shell[0], "sh")
    root, secrets = node
    done = run(root, shell=shell)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [secret for secret in secrets if secret.encode() in done.stdout] == []
    archive = members(done.stdout)
    assert files(archive) == files(collected)


@pytest.mark.parametrize("awk", AWKS)
def test_no_secret_leaves_whatever_the_awk(
    awk: str, node: tuple[Path, list[str]], collected: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "awk").symlink_to(require_another(awk, "awk"))
    done = run(node[0], tools=tmp_path)
    assert [secret for secret in node[1] if secret.encode() in done.stdout] == []
    assert files(members(done.stdout)) == files(collected)


def test_a_test_for_secrets_that_can_fail(node: tuple[Path, list[str]]) -> None:
    disk = b"".join(path.read_bytes() for path in node[0].rglob("*") if path.is_file())
    assert [secret for secret in node[1] if secret.encode() not in disk] == []


def test_what_is_harmless_is_kept(collected: dict[str, bytes]) -> None:
    def has(path: str, *texts: str) -> None:
        content = collected[f"files{path}"].decode()
        assert [text for text in texts if text not in content] == []

    has("/etc/kubernetes/admin.conf", "server: https://(cut)@10.0.0.1:6443", "current-context: admin@kubernetes")
    has("/etc/kubernetes/manifests/kube-vip.yaml", "image: ghcr.io/kube-vip/kube-vip:v0.8.0", "- name: plain")
    has(
        "/etc/kubernetes/manifests/kube-vip.yaml",
        "--authorization-mode=Node,RBAC",
        "=X-Remote-User",
        "fieldRef: {fieldPath: status.podIP}",
    )
    has("/etc/kubernetes/manifests/kube-vip.yaml", "--enable-bootstrap-token-auth=true", "=/etc/kubernetes/tokens.csv")
    has(
        "/etc/kubernetes/manifests/kube-vip.yaml",
        "--feature-gates=ServiceAccountTokenCleanUp=true,Other=false",
        "--concurrent-serviceaccount-token-syncs=5",
    )
    has("/var/lib/kubelet/config.yaml", "staticPodPath: /etc/kubernetes/manifests", "rotateCertificates: true")
    has("/var/lib/kubelet/config.yaml", "configMapAndSecretChangeDetectionStrategy: Watch")
    has("/var/lib/kubelet/kubeadm-flags.env", "--feature-gates=TokenGate=true --node-ip=10.0.0.4")
    has("/etc/default/kubelet", "--v=2", "--fail-swap-on=false", "HTTP_PROXY=http://(cut)@proxy:3128")
    has(
        "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
        '"KUBELET_X=--a"',
        "ExecStart=/usr/bin/kubelet $KUBELET_X",
    )
    has(
        "/etc/containerd/config.toml",
        "SystemdCgroup = true",
        'sandbox_image = "registry.k8s.io/pause:3.8"',
        'kept = "yes"',
    )
    has("/etc/docker/daemon.json", "native.cgroupdriver=systemd")
    has(
        "/etc/apt/sources.list.d/kubernetes.sources",
        "pkgs.example.com/deb/",
        "Signed-By: /etc/apt/keyrings/kubernetes.gpg",
    )
    has("/etc/yum.repos.d/kubernetes.repo", "exclude=kubelet kubeadm", "pkgs.example.com/rpm/")


KUBELET_CONFIG = """\
kind: KubeletConfiguration
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 5m0s
configMapAndSecretChangeDetectionStrategy: Watch
imagePullCredentialsVerificationPolicy: "NeverVerifyPreloadedImages"
userNamespaces:
  idsPerPod: 65536
featureGates:
  LegacyServiceAccountTokenCleanUp: true
"""
CONTROLLER_MANAGER = """\
apiVersion: v1
kind: Pod
metadata:
  name: kube-controller-manager
spec:
  containers:
  - command:
    - kube-controller-manager
    - --concurrent-serviceaccount-token-syncs=5
    - --feature-gates=LegacyServiceAccountTokenCleanUp=true,Other=false
    - --use-service-account-credentials=true
    name: kube-controller-manager
"""


def collected_files(root: Path, kubelet: str, pod: str) -> list[str]:
    disk = {"var/lib/kubelet/config.yaml": kubelet, "etc/kubernetes/manifests/pod.yaml": pod}
    for path, content in disk.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    archive = members(run(root).stdout)
    return [archive[f"files/{path}"].decode() for path in disk]


def test_settings_of_kubernetes_that_are_only_named_like_secrets_are_kept(tmp_path: Path) -> None:
    assert collected_files(tmp_path, KUBELET_CONFIG, CONTROLLER_MANAGER) == [KUBELET_CONFIG, CONTROLLER_MANAGER]


def test_what_is_not_quite_such_a_setting_is_cut(tmp_path: Path) -> None:
    names = ("myConfigMapAndSecretChangeDetectionStrategy", "configMapAndSecret")
    lines = ["configMapAndSecretChangeDetectionStrategy: not=one of its words", *(f"{name}: Watch" for name in names)]
    kubelet, _ = collected_files(tmp_path, "\n".join(("kind: KubeletConfiguration", *lines, "")), CONTROLLER_MANAGER)
    cut = [f"{line.partition(':')[0]}: (cut)" for line in lines]
    assert kubelet.splitlines() == ["kind: KubeletConfiguration", *cut]


def test_an_argument_that_only_begins_like_one_is_cut(tmp_path: Path) -> None:
    arguments = [
        "--feature-gates=LegacyServiceAccountTokenCleanUp=true,token=PLANTED",
        "--feature-gates=Token=true,Other=PLANTED",
        "--token-syncs=PLANTED",
        "--concurrent-serviceaccount-token-syncs=5,PLANTED",
    ]
    last = "--use-service-account-credentials=true"
    changed = CONTROLLER_MANAGER.replace(last, "\n    - ".join(arguments))
    _, pod = collected_files(tmp_path, KUBELET_CONFIG, changed)
    assert "PLANTED" not in pod
    assert pod.count("(cut)") == len(arguments)


def test_the_archive_reads_back(collected: dict[str, bytes]) -> None:
    host = read_host(collected, "node.tar", "node")
    assert (host.name, host.machine_id, host.complete) == ("worker-1", "0123456789abcdef0123456789abcdef", True)
    assert host.collected_at is not None
    assert not isinstance(host.certificates, Missing)
    ends = {(one.path, one.entry): one.not_after for one in host.certificates}
    assert set(ends.values()) == {ENDS}
    assert set(ends) == {
        ("/etc/kubernetes/pki/ca.crt", ""),
        ("/etc/kubernetes/pki/apiserver.crt", ""),
        ("/etc/kubernetes/pki/etcd/ca.crt", ""),
        ("/etc/kubernetes/pki/binary.der", ""),
        ("/var/lib/kubelet/pki/kubelet-client-current.pem", ""),
        ("/srv/vip/tls.crt", ""),
        ("/etc/kubernetes/admin.conf", "admin"),
        ("/etc/kubernetes/admin.conf", "kubernetes"),
    }
    assert not isinstance(host.private_keys, Missing)
    assert set(host.private_keys) == {
        "/etc/kubernetes/pki/apiserver.key",
        "/etc/kubernetes/pki/ca.key",
        "/etc/kubernetes/pki/etcd/ca.key",
        "/etc/kubernetes/pki/unclosed.crt",
        "/srv/vip/tls-key.pem",
        "/var/lib/kubelet/pki/kubelet-client-2026-03-04-05-06-07.pem",
        "/var/lib/kubelet/pki/kubelet-client-current.pem",
    }
    assert not isinstance(host.static_pods, Missing)
    assert [pod.name for pod in host.static_pods] == ["own"]
    assert host.kubelet.given == {
        "feature-gates": "TokenGate=true",
        "node-ip": "10.0.0.4",
        "cloud-token": "(cut)",
        "a": "",
        "max-pods": "50",
        "token": "(cut)",
        "config": "/etc/kubelet/config.yaml",
        "config-dir": "/etc/kubelet/conf.d",
        "v": "2",
        "api-password": "(cut)",
        "fail-swap-on": "false",
    }


def test_what_stays_on_the_node_is_said(collected: dict[str, bytes]) -> None:
    unread = dict(line.split("\t") for line in lines(collected, "unreadable.txt"))
    manifests = ("anchored", "escaped", "flow", "json", "open", "quoted", "secret", "split")
    assert set(unread) == {
        *(f"/etc/kubernetes/manifests/{name}.yaml" for name in manifests),
        "/etc/kubernetes/json.conf",
        "/etc/kubernetes/pki/binary-key.der",
        "/etc/kubernetes/pki/mislabelled.crt",
        "/etc/kubernetes/pki/unclosed.crt",
        *(f"/etc/apt/trusted.gpg.d/{name}" for name in ("behind.gpg", "mislabelled.asc", "secret.asc", "secret.gpg")),
        *(f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{name}" for name in ("behind", "unclosed")),
    }
    host = read_host(collected, "node.tar", "node")
    said = [gap.reason for gap in host.unreadable]
    assert all(any(reason.startswith(f"{path}: ") for reason in said) for path in unread)


def test_a_file_of_kubeadms_that_holds_something_else_is_said(tmp_path: Path) -> None:
    wrong = {
        "pki/apiserver.crt": (make_certificate("apiserver")[1].decode(), "a private key, and no certificate"),
        "admin.conf": (
            "{apiVersion: v1, kind: Config, users: []}\n",
            "its values or secrets end cannot be told safely",
        ),
        "scheduler.conf": ("", "no mapping in it"),
        "kubelet.conf": ("- a\n", "no mapping in it"),
    }
    (tmp_path / "etc/kubernetes/pki").mkdir(parents=True)
    for path, (content, _) in wrong.items():
        (tmp_path / "etc/kubernetes" / path).write_text(content)
    said = [gap.reason for gap in read_host(members(run(tmp_path).stdout), "", "").unreadable]
    assert len(said) == len(wrong)
    for path, (_, reason) in wrong.items():
        assert any(one.startswith(f"/etc/kubernetes/{path}: ") and reason in one for one in said), path
