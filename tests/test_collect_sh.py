"""The collector, run for real against a node's disk in a folder: what it takes, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from kubepreflight.host import Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.script import collect_script
from tests.collecting import lines, members, program, run, run_as_nobody
from tests.fake_node import make_certificate
from tests.openpgp_keys import public_key


def test_a_real_node_comes_through_unharmed() -> None:
    root = Path(__file__).parent / "data/real-cp1/files"
    collected = read_host(members(run(root).stdout), "x", "cp1")
    copied = read_host({f"files/{path.relative_to(root)}": path.read_bytes() for path in root.rglob("*.*")}, "x", "cp1")
    assert collected.unreadable == ()
    assert collected.name == "cp1"
    for fact in ("certificates", "kubeconfigs", "static_pods"):
        assert getattr(collected, fact) == getattr(copied, fact), fact
    assert (collected.kubelet.config, collected.kubelet.given) == (copied.kubelet.config, copied.kubelet.given)


def test_certificates_that_kubeadm_keeps_elsewhere_are_all_seen(tmp_path: Path) -> None:
    pki = tmp_path / "srv/pki/etcd"
    pki.mkdir(parents=True)
    (pki / "healthcheck-client.crt").write_bytes(make_certificate("kube-etcd-healthcheck-client")[0])
    (pki / "ca.key").write_text("")
    (tmp_path / "etc/kubernetes/manifests").mkdir(parents=True)
    server = "kind: Pod\nspec:\n  containers:\n  - command:\n    - --client-ca-file=/srv/pki/ca.crt\n"
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
    done = run_as_nobody(tmp_path)
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


def test_a_program_below_root_that_cannot_run_here_is_not_taken_for_absent(tmp_path: Path) -> None:
    program(tmp_path / "usr/bin", "kubeadm", "echo v1.36.3")
    program(tmp_path / "usr/bin", "containerd", "")
    (tmp_path / "usr/bin/containerd").write_text("#!/lib/of/another/system\n")
    host = read_host(members(run(tmp_path).stdout), "", "")
    assert host.versions == {"kubeadm": "v1.36.3"}
    assert any("containerd-version failed there (status 126)" in gap.reason for gap in host.unreadable)


def test_what_programs_write_in_between_goes_into_the_scratch_directory(tmp_path: Path) -> None:
    program(tmp_path / "usr/bin", "kubelet", 'echo "$TMPDIR"')
    said = members(run(tmp_path).stdout)["commands/kubelet-version/stdout"].decode().strip()
    assert Path(said).name.startswith("kubepreflight.")
    assert not Path(said).exists()


def test_garbage_is_taken_as_it_lies_and_read_without_harm(tmp_path: Path) -> None:
    garbage = bytes(range(256)) * 20
    for path in ("etc/apt/sources.list", "etc/apt/sources.list.d/a.sources", "etc/yum.repos.d/a.repo", "etc/hostname"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(garbage)
    (tmp_path / "etc/apt/sources.list.d/b.list").write_bytes(b"deb https://pkgs.example.com/\xe9\xff/ /\n")
    done = run(tmp_path)
    assert done.returncode == 0
    host = read_host(members(done.stdout), "", "node")
    assert not isinstance(host.repositories, Missing)
    assert any("pkgs.example.com" in str(one) for one in host.repositories)


def test_a_command_has_no_more_time_than_is_left_of_the_whole(tmp_path: Path) -> None:
    program(tmp_path / "usr/bin", "kubelet", "exec sleep 60")
    began = time.monotonic()
    late = run(tmp_path, "--deadline", "6", "--seconds", "50")
    assert time.monotonic() - began < 30
    archive = members(late.stdout)
    assert (late.returncode, archive["commands/kubelet-version/status"]) == (3, b"124\n")


def test_a_path_that_leads_upwards_is_not_followed_and_said(tmp_path: Path) -> None:
    node, scratch = tmp_path / "node", tmp_path / "a/b/c"
    scratch.mkdir(parents=True)
    (node / "etc/apt").mkdir(parents=True)
    (node / "planted").mkdir()
    (node / "planted/key.gpg").write_bytes(public_key())
    upwards = "/../../../planted/key.gpg"
    (node / "etc/apt/sources.list").write_text(f"deb [signed-by={upwards}] http://mirror/ x y\n")
    script = ["env", f"TMPDIR={scratch}", "sh"]
    archive = members(run(node, shell=script).stdout)
    assert list(tmp_path.rglob("planted")) == [node / "planted"]
    assert f"{upwards}\ta path with .. in it, which is not followed" in lines(archive, "unreadable.txt")


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
