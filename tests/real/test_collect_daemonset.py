"""The DaemonSet: a real API server takes it, and its container sees a node's disk, changes nothing there, and says what
it could not see."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from kubepreflight.host import Host, Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.daemonset import daemonset_with_script
from kubepreflight.sources.host.script import collect_script
from tests.collecting import members
from tests.fake_node import write_node
from tests.real.busybox import PATH, busybox_root
from tests.real.cluster import VERSIONS
from tests.real.conftest import Clusters
from tests.real.container import Container
from tools.packages.base import LOGIN, base
from tools.packages.machine import APART
from tools.waiting import until

NAMESPACE = "kubepreflight-collect"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_api_server_takes_it_as_it_is(version: str, clusters: Clusters) -> None:
    cluster = clusters(version)
    manifests = daemonset_with_script("registry.example.com/tools/busybox:1.37")
    for _ in range(2):
        done = cluster.kubectl("apply", "--validate=strict", "-f", "-", text=manifests)
        assert (done.returncode, done.stderr) == (0, "")
    found = cluster.client.json(f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/collector")
    written = next(one for one in yaml.safe_load_all(manifests) if one["kind"] == "DaemonSet")
    assert contains(found["spec"], written["spec"])
    data = cluster.client.json(f"/api/v1/namespaces/{NAMESPACE}/configmaps/collector")["data"]
    assert data == {"collect.sh": collect_script()}
    # Pod Security lets such a pod in there, and in no namespace that keeps to `baseline`.
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": written["spec"]["template"]["spec"]}
    strict = {"pod-security.kubernetes.io/enforce": "baseline"}
    cluster.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict", "labels": strict}})
    for namespace, status in ((NAMESPACE, 0), ("strict", 1)):
        done = cluster.kubectl("-n", namespace, "create", "--dry-run=server", "-f", "-", text=yaml.safe_dump(pod))
        assert done.returncode == status, done.stderr


def contains(found: Any, written: Any) -> bool:
    """Whether the server kept what was written; it fills in more."""
    if isinstance(written, dict):
        return all(key in found and contains(found[key], value) for key, value in written.items())
    if isinstance(written, list):
        return len(found) == len(written) and all(map(contains, found, written))
    return bool(found == written)


def collected(disk: str, folder: Path) -> tuple[bytes, str]:
    """What its container makes of a machine with this disk (as the layers of one), and says; it wrote nothing there."""
    documents = {one["kind"]: one for one in yaml.safe_load_all(daemonset_with_script())}
    spec = documents["DaemonSet"]["spec"]["template"]["spec"]
    data = {"collector": documents["ConfigMap"]["data"]}
    container = Container(spec, busybox_root(folder / "image"), disk, folder / "run", data)
    with container.running() as process:
        ready = container.volume("scratch") / "node.tar"
        assert until(lambda: ready.exists() or process.poll() is not None, 120)
        assert ready.exists(), container.log()
        archive = ready.read_bytes()
    assert [path for path in container.written.rglob("*") if not path.is_dir()] == []
    return archive, container.log()


def read(archive: bytes) -> Host:
    return read_host(members(archive), "node.tar", "node")


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """The disk of a Debian node with secrets in every place: its layers, the upper one first, and the secrets."""
    disk = tmp_path_factory.mktemp("disk")
    secrets = write_node(disk)
    return f"{disk}:{base(*LOGIN)}", secrets


def test_a_nodes_own_programs_are_asked_in_its_own_root(debian: tuple[str, list[str]], tmp_path: Path) -> None:
    disk, secrets = debian
    archive, said = collected(disk, tmp_path)
    assert said == ""
    assert [secret for secret in secrets if secret.encode() in archive] == []
    host = read(archive)
    assert (host.name, host.complete, host.package_family) == ("worker-1", True, "deb")
    assert not isinstance(host.os, Missing)
    assert host.os["ID"] == "debian"
    assert not isinstance(host.certificates, Missing)
    assert len(host.certificates) == 8
    assert members(archive)["commands/apt-mark-showhold/status"] == b"0\n"
    assert differences(host, read(by_hand(disk, tmp_path))) == {"collected_at"}


def differences(one: Host, other: Host) -> set[str]:
    """The facts that differ; how much room there is, and how long the disks are waited for, changes with every test."""
    facts = ({name: getattr(host, name) for name in Host.__struct_fields__} for host in (one, other))
    changing = {"file_systems": (), "io_stall": None}
    first, second = (known | {"machine": msgspec.structs.replace(known["machine"], **changing)} for known in facts)
    return {name for name, value in first.items() if second[name] != value}


def by_hand(disk: str, folder: Path) -> bytes:
    """What the collector makes of the same machine when somebody logs in there."""
    for name in ("upper", "work", "root"):
        (folder / name).mkdir()
    script = f"""
        mount -t overlay overlay -o lowerdir={disk},upperdir={folder}/upper,workdir={folder}/work {folder}/root
        mount --rbind /dev {folder}/root/dev && mount -t proc proc {folder}/root/proc
        exec chroot {folder}/root sh -s"""
    command = [*APART, "sh", "-ec", script]
    done = subprocess.run(command, input=collect_script().encode(), capture_output=True, check=True, env={"PATH": PATH})
    return done.stdout


def test_of_a_node_without_a_shell_its_files_come_and_the_rest_is_said(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    write_node(disk)
    for name in ("dev", "proc", "tmp"):
        (disk / name).mkdir(exist_ok=True)
    archive, said = collected(str(disk), tmp_path)
    assert said == ""
    host = read(archive)
    assert (host.name, host.complete) == ("worker-1", True)
    assert not isinstance(host.certificates, Missing)
    assert len(host.certificates) == 8
    assert isinstance(host.packages, Missing)
