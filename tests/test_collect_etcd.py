"""How the collector asks etcd: with which words, and what it does where it cannot. The tools are stubs."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from kubepreflight.host import EtcdListed, EtcdStatus, Missing
from kubepreflight.sources.host.etcd import read_etcd
from kubepreflight.sources.host.host_files import HostFiles

PARTS = resources.files("kubepreflight.sources.host")
MANIFEST = Path(__file__).parent / "data/real-cp1/files/etc/kubernetes/manifests/etcd.yaml"
FLAGS = (
    "--endpoints https://127.0.0.1:2379 --command-timeout=5s --dial-timeout=2s"
    " --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/server.crt"
    " --key /etc/kubernetes/pki/etcd/server.key"
)
STATUS = """[{"Endpoint":"https://127.0.0.1:2379","Status":{"header":{"cluster_id":17237436991929493444,\
"member_id":9372538179322589801,"revision":1,"raft_term":2},"version":"3.6.8","dbSize":20480,\
"leader":9372538179322589801,"raftIndex":4,"raftTerm":2,"raftAppliedIndex":4,\
"errors":["memberID:9372538179322589801 alarm:NOSPACE "],"dbSizeInUse":16384}}]"""
MEMBERS = """{"header":{"cluster_id":17237436991929493444,"member_id":9372538179322589801,"raft_term":2},"members":\
[{"ID":1043731304294443827,"peerURLs":["https://10.0.0.2:2380"],"isLearner":true},\
{"ID":9372538179322589801,"name":"cp1","peerURLs":["https://10.0.0.1:2380"],"clientURLs":["https://10.0.0.1:2379"]}]}"""
"""As etcdctl 3.6 and 3.7 print them, but for the names and addresses."""

ANSWERS = (
    f"""case "$*" in *"endpoint status"*) echo '{STATUS}' ;; *"member list"*) echo '{MEMBERS}' ;; *) exit 9 ;; esac"""
)
NEEDED = (
    "awk",
    "cat",
    "date",
    "dirname",
    "dd",
    "env",
    "find",
    "grep",
    "head",
    "mkdir",
    "mktemp",
    "rm",
    "sed",
    "sleep",
    "tail",
    "tar",
    "tr",
    "wc",
)

STRAY = {"ETCDCTL_ENDPOINTS": "https://10.0.0.9:2379", "ETCDCTL_OLD_PASSWORD": "a secret\nof two lines"}
"""From somebody's profile. etcdctl stops where a variable is in a flag's way, and prints the value of one that it does
not know (pkg/flags/flag.go, verifyEnv)."""


def ask(tmp_path: Path, manifest: Path, root: str = "", **tools: str) -> HostFiles:
    """What the collector's part about etcd leaves, where the node has `tools` and what every node has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, script in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    left = tmp_path / "files/etc/kubernetes/manifests/etcd.yaml"
    left.parent.mkdir(parents=True)
    if manifest.exists():
        left.write_text(manifest.read_text())
    parts = "".join((PARTS / name).read_text() for name in ("stage.sh", "etcd.sh"))
    script = (
        f'{parts}\ntake_etcd_files() {{ :; }}\nprepare\nARCHIVE=$1\nROOT=$2\nmkdir -p "$ARCHIVE/commands"\ntake_etcd\n'
    )
    environment = {"PATH": str(folder), "TMPDIR": str(tmp_path), **STRAY}
    done = subprocess.run(
        ["/bin/sh", "-s", "--", tmp_path, root],
        input=script,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = {str(one.relative_to(tmp_path)): one.read_bytes() for one in tmp_path.glob("commands/*/*")}
    return HostFiles({"host.json": b"{}", **found}, "cp1")


def words(node: HostFiles, name: str) -> str:
    return node.members[f"commands/{name}/command"].decode().strip()


EXPECTED = EtcdStatus(
    member_id=9372538179322589801,
    cluster_id=17237436991929493444,
    version="3.6.8",
    size=20480,
    size_in_use=16384,
    errors=("memberID:9372538179322589801 alarm:NOSPACE",),
    members=(EtcdListed(id=1043731304294443827, is_learner=True), EtcdListed(id=9372538179322589801, name="cp1")),
)


def test_with_etcdctl_on_the_node(tmp_path: Path) -> None:
    node = ask(tmp_path, MANIFEST, etcdctl=f'[ "$ETCDCTL_API" = 3 ] || exit 8; {ANSWERS}', crictl="exit 7")
    assert words(node, "etcd-status") == f"etcdctl {FLAGS} endpoint status -w json"
    assert words(node, "etcd-members") == f"etcdctl {FLAGS} member list -w json"
    assert read_etcd(node) == EXPECTED


def test_what_the_environment_says_to_etcdctl_is_not_heard(tmp_path: Path) -> None:
    node = ask(tmp_path, MANIFEST, etcdctl=f"env | grep ^ETCDCTL_ >&2; {ANSWERS}")
    assert node.members["commands/etcd-status/stderr"] == b"ETCDCTL_API=3\n"
    assert read_etcd(node) == EXPECTED


OF_KUBE_SYSTEM = """case $* in
    "ps "*"--label io.kubernetes.pod.namespace=kube-system "*) printf 'c0ffee\\nbeef\\n'; exit ;;
    "ps "*) echo somebody-elses; exit ;;
esac"""


def test_with_crictl_in_the_container(tmp_path: Path) -> None:
    node = ask(tmp_path, MANIFEST, crictl=f"""{OF_KUBE_SYSTEM}; {ANSWERS}""")
    assert (
        words(node, "etcd-status") == f"crictl exec --sync --timeout 8 c0ffee etcdctl {FLAGS} endpoint status -w json"
    )
    assert read_etcd(node) == EXPECTED


@pytest.mark.parametrize(
    ("listens", "asked"),
    [
        ("https://0.0.0.0:2379", "https://127.0.0.1:2379"),
        ("https://[::]:2379", "https://[::1]:2379"),
        ("https://[::1]:2379,https://[fd00::1]:2379", "https://[::1]:2379"),
        ("http://10.0.0.1:2379", "http://10.0.0.1:2379"),
    ],
)
def test_it_asks_at_the_first_address_at_which_etcd_listens(tmp_path: Path, listens: str, asked: str) -> None:
    manifest = tmp_path / "etcd.yaml"
    manifest.write_text(
        f"kind: Pod\nspec:\n  containers:\n  - command:\n    - etcd\n    - --listen-client-urls={listens}\n"
    )
    node = ask(tmp_path, manifest, etcdctl=ANSWERS)
    assert words(node, "etcd-status").startswith(
        f"etcdctl --endpoints {asked} --command-timeout=5s --dial-timeout=2s end"
    )


@pytest.mark.parametrize("crictl", [None, "exit 1", "exit 0"], ids=["no crictl", "no runtime", "no container"])
def test_where_there_is_no_way_in(tmp_path: Path, crictl: str | None) -> None:
    node = ask(tmp_path, MANIFEST, **({} if crictl is None else {"crictl": crictl}))
    assert isinstance(found := read_etcd(node), Missing)
    assert "the node has no etcdctl, and no running container of etcd" in found.reason
    assert node.gaps == []


def test_a_member_that_does_not_answer_is_said_and_not_asked_again(tmp_path: Path) -> None:
    node = ask(tmp_path, MANIFEST, etcdctl="echo 'context deadline exceeded' >&2; exit 1")
    assert isinstance(found := read_etcd(node), Missing)
    assert "context deadline exceeded" in found.reason
    assert [gap.input for gap in node.gaps] == ["host etcd"]
    assert not [path for path in node.members if "etcd-members" in path]


@pytest.mark.parametrize("text", ["", "{", "[]", "[{}]", '[{"Status":{"header":{"member_id":-1.5}}}]', "[" * 5000])
def test_an_answer_that_is_none_is_no_answer(tmp_path: Path, text: str) -> None:
    said = tmp_path / "said"
    said.write_text(text)
    node = ask(
        tmp_path, MANIFEST, etcdctl=f'while IFS= read -r line || [ -n "$line" ]; do printf \'%s\' "$line"; done <{said}'
    )
    assert isinstance(read_etcd(node), Missing)


def test_a_list_that_does_not_come_leaves_the_status(tmp_path: Path) -> None:
    node = ask(tmp_path, MANIFEST, etcdctl=f"""case "$*" in *member*) exit 1 ;; esac; {ANSWERS}""")
    found = read_etcd(node)
    assert isinstance(found, EtcdStatus)
    assert isinstance(found.members, Missing)


@pytest.mark.parametrize("root", ["", "/mnt"])
def test_a_node_without_etcd_and_a_mounted_disk_are_not_asked(tmp_path: Path, root: str) -> None:
    node = ask(tmp_path, MANIFEST if root else tmp_path / "none", root, etcdctl=ANSWERS)
    assert [path for path in node.members if path.startswith("commands/")] == []
    assert isinstance(read_etcd(node), Missing)


def test_the_samples_are_json() -> None:
    assert json.loads(STATUS)
    assert json.loads(MEMBERS)
