"""What unattended-upgrades itself would take, in a dry run of the real one, is what the rule says of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubepreflight.finding import Finding
from kubepreflight.host import Host
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import load_rules
from tests.real.package_nodes import collected
from tools.packages import forgotten_hold
from tools.packages.forgotten_hold import NODE, World
from tools.packages.kubernetes import HELD
from tools.packages.root import Root

REACH = next(one for one in load_rules() if one.name == "unattended-upgrades-reach-kubernetes")
SETTINGS = "/etc/apt/apt.conf.d/52ours"
STRICT = 'Unattended-Upgrade::Package-Whitelist-Strict "true";\n'
ALL = set(HELD)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with forgotten_hold.world("unattended-upgrades") as made:
        yield made


@pytest.fixture
def node(world: World, tmp_path: Path) -> Iterator[Root]:
    root = Root.copy(world.node.folder, tmp_path / NODE, NODE)
    yield root
    shutil.rmtree(root.folder)


def said(host: Host) -> set[str]:
    """The packages that the rule says are reached."""
    found = list(REACH.judge(hosts=[host], sources=PackageSources.provide()))
    assert all(isinstance(one, Finding) for one in found), found
    return {name for one in found if isinstance(one, Finding) for name in HELD if name in one.subject.field}


def taken(node: Root) -> set[str]:
    """The packages of Kubernetes that a dry run says it would upgrade."""
    done = node.run("unattended-upgrade", "--dry-run", "-d")
    text = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0, text
    listed = re.findall(r"Packages that will be upgraded: ?(.*)", text)
    return ALL & {name for line in listed for name in line.split()}


def lists(**items: str) -> str:
    return "".join(f'Unattended-Upgrade::{name.replace("_", "-")} {{"{item}";}};\n' for name, item in items.items())


@pytest.mark.parametrize(
    ("settings", "held", "expected"),
    [
        pytest.param("", (), set(), id="as Debian has it"),
        pytest.param(lists(Origins_Pattern="origin=*"), (), ALL, id="every origin"),
        pytest.param(lists(Origins_Pattern="site=pkgs.k8s.io"), (), ALL, id="by its site"),
        pytest.param(lists(Origins_Pattern="l=isv:kubernetes:core:stable:v1.36"), (), ALL, id="by its label"),
        pytest.param(lists(Origins_Pattern="o=obs:*,n=deb"), (), ALL, id="by origin and codename"),
        pytest.param(lists(Origins_Pattern="o=obs:*,n=other"), (), set(), id="another codename"),
        pytest.param(lists(Allowed_Origins="*:*"), (), ALL, id="all allowed origins"),
        pytest.param(lists(Origins_Pattern="origin=*"), HELD, set(), id="held"),
        pytest.param(lists(Origins_Pattern="origin=*"), ("kubeadm", "kubectl"), {"kubelet"}, id="one forgotten"),
        pytest.param(lists(Origins_Pattern="origin=*", Package_Blacklist="kube"), (), set(), id="a blacklist"),
        pytest.param(
            lists(Origins_Pattern="origin=*", Package_Blacklist="kube(let|adm)$"), (), {"kubectl"}, id="one let through"
        ),
        pytest.param(
            lists(Origins_Pattern="origin=*", Package_Blacklist="let"), (), ALL, id="the beginning of a name counts"
        ),
        pytest.param(lists(Origins_Pattern="origin=*", Package_Whitelist="kubec"), (), ALL, id="a lax whitelist"),
        pytest.param(
            lists(Origins_Pattern="origin=*", Package_Whitelist="kubec") + STRICT, (), {"kubectl"}, id="a strict one"
        ),
    ],
)  # fmt: skip
def test_it_takes_what_the_rule_says(
    settings: str, held: tuple[str, ...], expected: set[str], node: Root, tmp_path: Path
) -> None:
    node.hold_only(held)
    node.write(SETTINGS, settings)
    assert said(collected(node, tmp_path)) == expected
    assert taken(node) == expected


def test_switched_off_it_is_not_said(node: Root, tmp_path: Path) -> None:
    node.write(SETTINGS, lists(Origins_Pattern="origin=*") + 'APT::Periodic::Unattended-Upgrade "0";\n')
    assert said(collected(node, tmp_path)) == set()


def test_what_the_finding_tells_to_type_keeps_it_out(node: Root, tmp_path: Path) -> None:
    node.write(SETTINGS, lists(Origins_Pattern="origin=*"))
    (finding,) = REACH.judge(hosts=[collected(node, tmp_path)], sources=PackageSources.provide())
    assert isinstance(finding, Finding)
    _, hold, lists_out = finding.remedy.splitlines()
    assert hold == "apt-mark hold kubelet kubeadm kubectl"
    node.said("sh", "-ec", lists_out)
    assert taken(node) == said(collected(node, tmp_path)) == set()


def test_no_password_of_apts_leaves_the_node(node: Root, tmp_path: Path) -> None:
    node.write("/etc/apt/apt.conf", 'Acquire::http::Proxy::example.com "http://user:PLANTED@proxy:3128";\n')
    node.write("/etc/apt/apt.conf.d/99mail", 'Unattended-Upgrade::Mail "PLANTED";\nAPT::Sandbox::Seccomp "false";\n')
    node.write("/etc/apt/sources.list.d/ours.list", "deb http://user:PLANTED@example.com/debian bookworm main\n")
    archive = node.archive(tmp_path / "node.tar").read_bytes()
    assert b"PLANTED" not in archive
    assert b"example.com/debian" in archive
