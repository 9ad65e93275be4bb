"""What the collector asks of the container runtime, and that none of its registry credentials comes along."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from importlib import resources
from pathlib import Path

from tests.collecting import program

PARTS = Path(str(resources.files("kubepreflight.sources.host")))
INFO = {
    "status": {"conditions": [{"type": "RuntimeReady", "status": True, "message": 'PLANTED " \\ message'}]},
    "config": {
        "containerd": {
            "defaultRuntimeName": "runc",
            "runtimes": {"runc": {"options": {"BinaryName": "", "SystemdCgroup": True}, "annotations": []}},
        },
        "registry": {
            "configs": {"r.example.com": {"auth": {"username": "PLANTED", "password": "PLANTED", "auth": "PLANTED"}}},
            "headers": {"Authorization": ["PLANTED", "PLANTED"]},
            "mirrors": {"docker.io": {"endpoint": ["https://u:PLANTED@mirror"]}},
        },
        "sandboxImage": "https://u:PLANTED@registry.k8s.io/pause:3.8",
    },
}


def parts(tmp_path: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run shell lines with the collector's parts at hand."""
    sourced = "\n".join(f'. "{PARTS}/{name}.sh"' for name in ("cut", "stage", "kubelet", "runtime"))
    prepared = f"WORK={tmp_path}/work ARCHIVE={tmp_path}/archive; mkdir -p $WORK $ARCHIVE/files $ARCHIVE/commands"
    return subprocess.run(
        [
            "sh",
            "-uc",
            f"{sourced}\nHAS_TIMEOUT=yes; now; STARTED=$NOW; {prepared}\n: >$ARCHIVE/unreadable.txt\n{script}",
        ],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=60,
    )


def test_of_what_a_runtime_says_only_harmless_values_are_kept(tmp_path: Path) -> None:
    (tmp_path / "info").write_text(json.dumps(INFO, indent=2))
    done = parts(tmp_path, f"cut_info {tmp_path}/info")
    assert (done.returncode, done.stderr) == (0, "")
    assert "PLANTED" not in done.stdout
    config = json.loads(done.stdout)["config"]
    assert config["containerd"]["runtimes"]["runc"]["options"] == {"BinaryName": "(cut)", "SystemdCgroup": True}
    assert config["sandboxImage"].endswith("@registry.k8s.io/pause:3.8")


def test_what_it_cannot_take_apart_stays_on_the_node(tmp_path: Path) -> None:
    for text in (json.dumps(INFO), '{\n"a": "PLANTED\nPLANTED"\n}'):
        (tmp_path / "info").write_text(text)
        done = parts(tmp_path, f"cut_info {tmp_path}/info")
        assert done.returncode == 9, text
        assert "PLANTED" not in done.stdout


def test_it_asks_over_the_kubelets_socket_and_only_asks(tmp_path: Path) -> None:
    path = tmp_path / "runtime.sock"
    asked = tmp_path / "asked"
    (tmp_path / "info").write_text(json.dumps(INFO, indent=2))
    program(
        tmp_path / "tools",
        "crictl",
        f'echo "$*" >>{asked}; case $* in *info) cat {tmp_path}/info; echo StatusResponse: PLANTED >&2 ;; esac',
    )
    (tmp_path / "work").mkdir()
    (tmp_path / "work/told").write_text(f"KUBELET_ARGS=--container-runtime-endpoint=unix://{path} --v=2\n")
    environment = {"PATH": f"{tmp_path}/tools:{os.environ['PATH']}"}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        done = parts(tmp_path, "ask_runtime", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    begin = f"--runtime-endpoint unix://{path} --image-endpoint unix://{path} --timeout 5s --debug=false "
    questions = ("version", "info", "runtime-config", "images -o json")
    assert asked.read_text().splitlines() == [begin + question for question in questions]
    archive = [one.read_text() for one in (tmp_path / "archive").rglob("*") if one.is_file()]
    assert [text for text in archive if "PLANTED" in text] == []


def test_one_that_does_not_answer_is_asked_once(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    program(tmp_path / "tools", "crictl", f'echo "$*" >>{asked}; exit 1')
    (tmp_path / "work").mkdir()
    (tmp_path / "work/told").write_text(f"--container-runtime-endpoint {tmp_path}/runtime.sock\n")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "runtime.sock"))
        parts(tmp_path, "ask_runtime", PATH=f"{tmp_path}/tools:{os.environ['PATH']}")
    assert len(asked.read_text().splitlines()) == 1
