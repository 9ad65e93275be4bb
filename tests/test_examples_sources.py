"""The example clusters are what their sources say, and nothing in them is secret."""

import base64
import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from kubepreflight.sources.host.script import collect_script

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = ("home-cluster", "healthy-cluster", "half-collected")
PLANNED = datetime(2020, 3, 21, 17, tzinfo=UTC)
NIGHT_AFTER = PLANNED + timedelta(hours=12)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("examples")
    subprocess.run([sys.executable, EXAMPLES / "make_examples.py", "--to", target], check=True)
    return target


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["dump", "hosts"])
def test_what_is_committed_is_what_the_sources_make(made: Path, name: str, part: str) -> None:
    fresh, committed = files_below(made / name / part), files_below(EXAMPLES / name / part)
    assert fresh.keys() == committed.keys()
    assert [path for path in fresh if fresh[path] != committed[path]] == [], "run: python examples/make_examples.py"


@pytest.mark.parametrize("name", NAMES)
def test_no_private_key_is_in_them(name: str) -> None:
    for path, content in files_below(EXAMPLES / name).items():
        assert b"PRIVATE KEY" not in content, path
        if path.endswith(".conf") and "kubernetes/" in path:
            for user in yaml.safe_load(content)["users"]:
                assert user["user"].get("client-key-data", "(cut)") == "(cut)", path


@pytest.mark.parametrize("name", NAMES)
def test_they_can_be_reviewed(name: str) -> None:
    assert sum(len(content) for content in files_below(EXAMPLES / name).values()) < 1_500_000
    long = [path.name for path in (EXAMPLES / "sources").glob("*.py") if len(path.read_text().splitlines()) > 400]
    assert long == []


@pytest.mark.parametrize(
    ("name", "node"), [("home-cluster", "cp2"), ("home-cluster", "w3"), ("healthy-cluster", "cp1")]
)
def test_the_collector_would_have_left_these_files(tmp_path: Path, name: str, node: str) -> None:
    archive, disk, left = EXAMPLES / name / "hosts" / node, tmp_path / "disk", tmp_path / "left"
    for path, content in files_below(archive / "files").items():
        (disk / path).parent.mkdir(parents=True, exist_ok=True)
        (disk / path).write_bytes(content)
    listed = (archive / "private-keys.txt").read_text().splitlines()
    marked = [line.removeprefix("present ") for line in listed if line.startswith("present ")]
    for path in marked:
        with (disk / path.lstrip("/")).open("ab") as file:
            file.write(b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n")

    script: list[str | Path] = ["sh", "-s", "--", "--root", disk, "--output", tmp_path / "node.tar"]
    subprocess.run(script, input=collect_script(), text=True, check=True, capture_output=True)
    left.mkdir()
    subprocess.run(["tar", "-C", left, "-xf", tmp_path / "node.tar"], check=True)

    assert files_below(left / "files") == files_below(archive / "files")
    for listing in ("private-keys.txt", "unreadable.txt"):
        assert (left / listing).read_text() == (archive / listing).read_text()


def ends(host: str, *paths: str) -> set[datetime]:
    """When the certificates in these files of a home-cluster node end."""
    found = set()
    for path in paths:
        content = (EXAMPLES / "home-cluster/hosts" / host / "files/etc/kubernetes" / path).read_bytes()
        if path.endswith(".conf"):
            content = base64.b64decode(yaml.safe_load(content)["users"][0]["user"]["client-certificate-data"])
        found |= {one.not_valid_after_utc for one in x509.load_pem_x509_certificates(content)}
    return found


@pytest.mark.parametrize(
    ("host", "in_the_night"), [("cp1", False), ("cp2", True), ("cp3", True)], ids=["upgraded first", "second", "third"]
)
def test_certificates_end_between_the_first_control_plane_and_the_others(host: str, in_the_night: bool) -> None:
    leaves = ("pki/apiserver.crt", "pki/etcd/server.crt", "pki/front-proxy-client.crt", "admin.conf", "scheduler.conf")
    for end in ends(host, *leaves):
        assert (PLANNED < end < NIGHT_AFTER) == in_the_night
        assert in_the_night or end > PLANNED + timedelta(days=300)
    assert min(ends(host, "pki/ca.crt", "pki/etcd/ca.crt")) > PLANNED + timedelta(days=7 * 365)


@pytest.mark.parametrize("name", NAMES)
def test_every_host_is_a_node_of_its_cluster(name: str) -> None:
    nodes = json.loads((EXAMPLES / name / "dump/nodes.json").read_text())["items"]
    by_name = {node["metadata"]["name"]: node["status"] for node in nodes}
    for path in (EXAMPLES / name / "hosts").glob("*/host.json"):
        head = json.loads(path.read_text())
        status = by_name[head["name"]]
        assert head["format"] == "kubepreflight.host/v1"
        assert head["name"] == path.parent.name
        assert head["machine_id"] == status["nodeInfo"]["machineID"]
        assert head["addresses"] == [one["address"] for one in status["addresses"] if one["type"] == "InternalIP"]


def test_on_one_worker_the_hold_was_forgotten() -> None:
    holds = {
        path.parent.parent.parent.name: path.read_text().split()
        for path in (EXAMPLES / "home-cluster/hosts").glob("*/commands/apt-mark-showhold/stdout")
    }
    assert holds.pop("w3") == ["kubeadm", "kubectl"]
    assert set(map(tuple, holds.values())) == {("kubeadm", "kubectl", "kubelet")}


def test_half_of_it_did_not_come() -> None:
    hosts = EXAMPLES / "half-collected/hosts"
    assert sorted(path.name for path in hosts.iterdir()) == ["cp1", "cp2", "cp3.tar.gz", "w2"]
    with gzip.open(hosts / "cp3.tar.gz") as damaged, pytest.raises(EOFError):
        damaged.read()
    with pytest.raises(yaml.YAMLError):
        list(yaml.safe_load_all((EXAMPLES / "half-collected/manifests/notes.yaml").read_text()))
