"""The collector, run for real against a node's disk in a folder: with every shell that is here."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import pytest

from kubepreflight.host import Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.script import collect_script
from tests.fake_node import ENDS, make_certificate, write_node

SHELLS = (["sh"], ["dash"], ["busybox", "sh"], ["bash", "--posix"])
AWKS = ("mawk", "gawk", "original-awk", "busybox")


def run(
    root: Path, *options: str, shell: list[str] | None = None, tools: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    path = os.environ["PATH"] if tools is None else f"{tools}:{os.environ['PATH']}"
    return subprocess.run(
        [*(shell or ["sh"]), "-s", "--", "--root", str(root), *options],
        input=collect_script().encode(),
        capture_output=True,
        env={**os.environ, "PATH": path},
        check=False,
        timeout=60,
    )


def members(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        files = [one for one in archive if one.isfile()]
        return {one.name: stream.read() for one in files if (stream := archive.extractfile(one))}


def lines(archive: Mapping[str, bytes], name: str) -> list[str]:
    return archive[name].decode().splitlines()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("node")
    return root, write_node(root)


@pytest.fixture(scope="module")
def collected(node: tuple[Path, list[str]]) -> dict[str, bytes]:
    done = run(node[0])
    assert (done.returncode, done.stderr) == (0, b"")
    return members(done.stdout)


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_no_secret_leaves_whatever_the_shell(
    shell: list[str], node: tuple[Path, list[str]], collected: dict[str, bytes]
) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
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
    found = shutil.which(awk)
    if found is None:
        pytest.skip(f"{awk} is not installed")
    (tmp_path / "awk").symlink_to(found)
    done = run(node[0], tools=tmp_path)
    assert [secret for secret in node[1] if secret.encode() in done.stdout] == []
    assert files(members(done.stdout)) == files(collected)


def files(archive: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in archive.items() if not name.startswith(("host.json", "commands/"))}


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


@pytest.mark.parametrize(
    "line",
    [
        "configMapAndSecretChangeDetectionStrategy: not=one of its words",
        "myConfigMapAndSecretChangeDetectionStrategy: Watch",
        "configMapAndSecret: Watch",
    ],
)
def test_what_is_not_quite_such_a_setting_is_cut(line: str, tmp_path: Path) -> None:
    kubelet, _ = collected_files(tmp_path, f"kind: KubeletConfiguration\n{line}\n", CONTROLLER_MANAGER)
    assert kubelet == f"kind: KubeletConfiguration\n{line.partition(':')[0]}: (cut)\n"


@pytest.mark.parametrize(
    "argument",
    [
        "--feature-gates=LegacyServiceAccountTokenCleanUp=true,token=PLANTED",
        "--feature-gates=Token=true,Other=PLANTED",
        "--token-syncs=PLANTED",
        "--concurrent-serviceaccount-token-syncs=5,PLANTED",
    ],
)
def test_an_argument_that_only_begins_like_one_is_cut(argument: str, tmp_path: Path) -> None:
    changed = CONTROLLER_MANAGER.replace("--use-service-account-credentials=true", argument)
    _, pod = collected_files(tmp_path, KUBELET_CONFIG, changed)
    assert "PLANTED" not in pod
    assert "(cut)" in pod


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
    assert [pod.name for pod in host.static_pods] == ["kube-vip"]
    assert host.kubelet_flags == {
        "feature-gates": "TokenGate=true",
        "node-ip": "10.0.0.4",
        "cloud-token": "(cut)",
        "v": "2",
        "api-password": "(cut)",
        "fail-swap-on": "false",
    }


def test_a_real_node_comes_through_unharmed() -> None:
    root = Path(__file__).parent / "data/real-cp1/files"
    collected = read_host(members(run(root).stdout), "x", "cp1")
    copied = read_host({f"files/{path.relative_to(root)}": path.read_bytes() for path in root.rglob("*.*")}, "x", "cp1")
    assert collected.unreadable == ()
    assert collected.name == "cp1"
    for fact in ("certificates", "kubeconfigs", "static_pods", "kubelet_config", "kubelet_flags"):
        assert getattr(collected, fact) == getattr(copied, fact), fact


def test_what_stays_on_the_node_is_said(collected: dict[str, bytes]) -> None:
    unread = dict(line.split("\t") for line in lines(collected, "unreadable.txt"))
    manifests = ("anchored", "escaped", "flow", "json", "open", "quoted", "secret", "split")
    assert set(unread) == {
        *(f"/etc/kubernetes/manifests/{name}.yaml" for name in manifests),
        "/etc/kubernetes/json.conf",
        "/etc/kubernetes/pki/binary-key.der",
        "/etc/kubernetes/pki/mislabelled.crt",
        "/etc/kubernetes/pki/unclosed.crt",
    }
    host = read_host(collected, "node.tar", "node")
    said = [gap.reason for gap in host.unreadable]
    assert all(any(reason.startswith(f"{path}: ") for reason in said) for path in unread)


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("pki/apiserver.crt", make_certificate("apiserver")[1].decode(), "a private key, and no certificate"),
        ("admin.conf", "{apiVersion: v1, kind: Config, users: []}\n", "where its secrets end cannot be told safely"),
        ("scheduler.conf", "", "no mapping in it"),
        ("kubelet.conf", "- a\n", "no mapping in it"),
    ],
)
def test_a_file_of_kubeadms_that_holds_something_else_is_said(
    path: str, content: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "etc/kubernetes/pki").mkdir(parents=True)
    (tmp_path / "etc/kubernetes" / path).write_text(content)
    host = read_host(members(run(tmp_path).stdout), "", "")
    (gap,) = host.unreadable
    assert gap.reason.startswith(f"/etc/kubernetes/{path}: ")
    assert reason in gap.reason


def test_certificates_that_kubeadm_keeps_elsewhere_are_all_seen(tmp_path: Path) -> None:
    pki = tmp_path / "srv/pki/etcd"
    pki.mkdir(parents=True)
    (pki / "healthcheck-client.crt").write_bytes(make_certificate("kube-etcd-healthcheck-client")[0])
    (pki / "ca.key").write_text("")
    (tmp_path / "etc/kubernetes/manifests").mkdir(parents=True)
    server = CONTROLLER_MANAGER.replace("--use-service-account-credentials=true", "--client-ca-file=/srv/pki/ca.crt")
    (tmp_path / "etc/kubernetes/manifests/kube-apiserver.yaml").write_text(server)
    archive = members(run(tmp_path).stdout)
    assert "files/srv/pki/etcd/healthcheck-client.crt" in archive
    assert "present /srv/pki/etcd/ca.key" in lines(archive, "private-keys.txt")


def test_keys_seen_none_seen_and_not_looked_are_three_things(tmp_path: Path) -> None:
    (tmp_path / "etc/kubernetes").mkdir(parents=True)
    assert lines(members(run(tmp_path).stdout), "private-keys.txt") == [
        "looked /etc/kubernetes",
        "absent /var/lib/kubelet/pki",
    ]
    (tmp_path / "var/lib/kubelet/pki").mkdir(parents=True)
    (tmp_path / "var/lib/kubelet/pki/elsewhere").symlink_to("/etc/kubernetes")
    (tmp_path / "etc/kubernetes/ca.key").write_text("")
    assert lines(members(run(tmp_path).stdout), "private-keys.txt") == [
        "present /etc/kubernetes/ca.key",
        "looked /etc/kubernetes",
        "unreadable /var/lib/kubelet/pki",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_else_than_root_says_what_he_could_not_see(tmp_path: Path) -> None:
    pki = tmp_path / "var/lib/kubelet/pki"
    pki.mkdir(parents=True)
    (pki / "kubelet.crt").write_bytes(make_certificate("w1")[0])
    (tmp_path / "etc/kubernetes").mkdir(parents=True)
    (tmp_path / "etc/kubernetes/admin.conf").write_text("kind: Config\n")
    (tmp_path / "etc/kubernetes/admin.conf").chmod(0o600)
    pki.chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    done = subprocess.run(
        ["sh", "-s", "--", "--root", str(tmp_path)],
        input=collect_script().encode(),
        capture_output=True,
        check=True,
        user="nobody",
    )
    archive = members(done.stdout)
    assert lines(archive, "unreadable.txt") == [
        "/etc/kubernetes/admin.conf\tpermission denied",
        "/var/lib/kubelet/pki\tpermission denied",
    ]
    host = read_host(archive, "", "")
    assert host.private_keys == Missing("/var/lib/kubelet/pki could not be searched for keys")
    assert isinstance(host.certificates, Missing)


@pytest.mark.parametrize("has_timeout", [True, False])
def test_a_command_that_hangs_is_cut_off(has_timeout: bool, tmp_path: Path) -> None:
    program(tmp_path / "usr/bin", "kubelet", "exec sleep 60")
    program(tmp_path / "usr/bin", "kubeadm", "echo v1.36.3")
    if not has_timeout:
        program(tmp_path / "tools", "timeout", "exit 125")
    done = run(tmp_path, "--seconds", "1", tools=tmp_path / "tools")
    archive = members(done.stdout)
    assert (done.returncode, archive["commands/kubelet-version/status"]) == (0, b"124\n")
    host = read_host(archive, "", "")
    assert host.versions == {"kubeadm": "v1.36.3"}
    assert any("did not end in time" in gap.reason for gap in host.unreadable)


def test_what_is_too_large_stays_and_is_said(tmp_path: Path) -> None:
    program(tmp_path / "usr/bin", "kubelet", "exec yes v1.36.3")
    (tmp_path / "etc/kubernetes").mkdir(parents=True)
    certificate = make_certificate("big")[0]
    (tmp_path / "etc/kubernetes/big.crt").write_bytes(certificate * 1000)
    for number in range(60):
        (tmp_path / f"etc/kubernetes/{number}.crt").write_bytes(certificate * 200)
    done = run(tmp_path)
    assert len(done.stdout) < 5_000_000
    unread = dict(line.split("\t") for line in lines(members(done.stdout), "unreadable.txt"))
    assert unread["/etc/kubernetes/big.crt"].startswith("too large: ")
    assert unread["commands/kubelet-version/stdout"] == "too large"
    assert "the archive is full" in unread.values()


def test_out_of_time_or_interrupted_it_ends_with_what_it_has(tmp_path: Path) -> None:
    late = run(tmp_path, "--deadline", "0")
    assert late.returncode == 3
    host = read_host(members(late.stdout), "", "")
    assert (host.complete, host.packages, host.certificates) == (
        False,
        Missing("the collector was interrupted before it came to that"),
        Missing("the collector was interrupted before it came to that"),
    )
    mark = tmp_path / "began"
    program(tmp_path / "usr/bin", "kubelet", f"echo >{mark}; exec sleep 60")
    with subprocess.Popen(
        ["sh", "-c", collect_script(), "collect.sh", "--root", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        end = time.monotonic() + 30
        while not mark.exists() and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    assert not read_host(members(output), "", "").complete
    assert list(tmp_path.glob("kubepreflight.*")) == []


def test_a_script_that_arrived_in_part_does_nothing() -> None:
    script = collect_script()
    for part in (0.2, 0.5, 0.99):
        cut = script[: int(len(script) * part)]
        done = subprocess.run(["sh", "-s"], input=cut.encode(), capture_output=True, check=False)
        assert done.stdout == b""


def test_it_writes_a_file_as_well_and_knows_its_options(tmp_path: Path) -> None:
    done = run(tmp_path, "--output", str(tmp_path / "node.tar"))
    assert (done.returncode, done.stdout) == (0, b"")
    assert "host.json" in members((tmp_path / "node.tar").read_bytes())
    for wrong in (["--nonsense", "1"], ["--seconds", "ten"], ["--output"]):
        done = run(tmp_path, *wrong)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"usage:" in done.stderr
    done = run(tmp_path, "--output", str(tmp_path / "no/such/node.tar"))
    assert done.returncode == 1
    assert b"cannot write" in done.stderr


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing() -> None:
    folder = Path(str(resources.files("kubepreflight.sources.host")))
    for script in sorted(folder.glob("*.sh")):
        done = subprocess.run(
            ["shellcheck", "-x", script.name], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.stdout == ""
