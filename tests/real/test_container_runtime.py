"""The real containerd puts its files together: what is read of the files has to be what it dumps."""

from __future__ import annotations

import subprocess
from importlib import resources
from pathlib import Path

import pytest

from kubepreflight.host import ContainerRuntime
from kubepreflight.sources.host.archive import read_host

CRI = 'plugins."io.containerd.grpc.v1.cri"'
RUNC = f"[{CRI}.containerd.runtimes.runc.options]\nSystemdCgroup = true\n"
SETTINGS = {
    "nothing set": {"config.toml": "version = 2\n"},
    "set": {"config.toml": f"version = 2\n[{CRI}]\nsandbox_image = 'p:1'\n{RUNC}"},
    "another default": {
        "config.toml": f"version = 2\n[{CRI}.containerd]\ndefault_runtime_name = 'x'\n{RUNC}"
        f"[{CRI}.containerd.runtimes.x]\nruntime_type = 'io.containerd.runc.v2'\n"
        f"[{CRI}.containerd.runtimes.x.options]\nSystemdCgroup = false\n"
    },
    # containerd 1 does not merge a plugin's section with that of an imported file.
    "imported over it": {
        "config.toml": f"version = 2\nimports = ['conf.d/1.toml']\n[{CRI}]\nsandbox_image = 'p:1'\n{RUNC}",
        "conf.d/1.toml": f"version = 2\n[{CRI}]\nsandbox_image = 'p:2'\n",
    },
    "imported from elsewhere": {
        "config.toml": "version = 2\nimports = ['conf.d/*.toml']\n",
        "conf.d/1.toml": f"version = 2\n{RUNC}",
    },
    "imported alone": {
        "config.toml": "version = 2\nimports = ['FOLDER/conf.d/*.toml']\n",
        "conf.d/1.toml": f"version = 2\n{RUNC}",
        "conf.d/2.toml": "version = 2\n[debug]\nlevel = 'info'\n",
    },
}


def runtime(folder: Path, commands: dict[str, str]) -> ContainerRuntime:
    process = {"files/proc/9/cmdline": f"containerd\n--config\n{folder}/config.toml\n"}
    members = {"host.json": '{"format": "kubepreflight.host/v1", "complete": true}'} | process
    members["files/var/lib/kubelet/config.yaml"] = "containerRuntimeEndpoint: unix:///run/containerd/containerd.sock\n"
    members |= {f"files{path}": path.read_text() for path in folder.rglob("*.toml")}
    for name, stdout in commands.items():
        members |= {f"commands/{name}/stdout": stdout, f"commands/{name}/status": "0\n"}
    return read_host({path: text.encode() for path, text in members.items()}, "w1.tar", "w1").runtime


def cut(dump: Path) -> str:
    """What leaves the node of it."""
    parts = Path(str(resources.files("kubepreflight.sources.host")))
    script = f'. "{parts}/cut.sh"; . "{parts}/stage.sh"; HAS_TIMEOUT=yes; cut_toml "{dump}"'
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", SETTINGS)
def test_files_are_read_as_containerd_reads_them(name: str, tmp_path: Path) -> None:
    for path, text in SETTINGS[name].items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text.replace("FOLDER", str(tmp_path)))
    config = ["containerd", "--config", f"{tmp_path}/config.toml", "config", "dump"]
    dump = subprocess.run(config, capture_output=True, text=True, check=True, cwd="/").stdout
    version = subprocess.run(["containerd", "--version"], capture_output=True, text=True, check=True).stdout
    of_files = runtime(tmp_path, {"containerd-version": version})
    (tmp_path / "dump").write_text(dump)
    of_dump = runtime(tmp_path, {"containerd-version": version, "containerd-config": cut(tmp_path / "dump")})
    assert of_files.cgroup_driver == of_dump.cgroup_driver
    if "sandbox_image" in "".join(SETTINGS[name].values()):
        assert of_files.sandbox_image == of_dump.sandbox_image
