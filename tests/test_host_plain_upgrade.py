"""What a plain upgrade would do, as the package manager's simulation says it."""

from __future__ import annotations

import pytest

from kubepreflight.host import Change, Missing, PlainUpgrade
from tests.test_host_packages import command, host

KUBELET = Change(name="kubelet", installed="1.36.3-1.1", candidate="1.37.2-1.1")
SAID = """\
Reading package lists...
The following packages have been kept back:
  kubeadm kubectl
  linux-image-amd64
The following packages will be upgraded:
  kubelet
Inst kubelet [1.36.3-1.1] (1.37.2-1.1 isv:kubernetes:core:stable:v1.37:pkgs.k8s.io [amd64])
Conf kubelet (1.37.2-1.1 isv:kubernetes:core:stable:v1.37:pkgs.k8s.io [amd64])
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Inst kubelet [1.36.3-1.1] (1.37.2-1.1 isv:kubernetes [amd64])", KUBELET),
        ("Inst libc6:i386 [2.3] (2.4 Debian:12 [i386]) []", Change(name="libc6", installed="2.3", candidate="2.4")),
        ("Inst cri-tools (1.37.0-1.1 isv:kubernetes [amd64])", Change(name="cri-tools", candidate="1.37.0-1.1")),
        ("Remv kubelet [1.36.3-1.1]", Change(name="kubelet", installed="1.36.3-1.1")),
        ("Purg kubelet [1.36.3-1.1] [kubeadm:amd64 ]", Change(name="kubelet", installed="1.36.3-1.1")),
        ("Conf kubelet (1.37.2-1.1 isv:kubernetes [amd64])", None),
        ("Inst", None),
        ("  Inst kubelet [1]", None),
    ],
)
def test_a_step(line: str, expected: Change | None) -> None:
    said = host(command("apt-upgrade", line + "\n") | command("apt-dist-upgrade")).plain_upgrade
    assert said == PlainUpgrade(upgrade=(expected,) if expected else (), full_upgrade=())


def test_both_and_what_is_kept_back() -> None:
    said = host(command("apt-upgrade", SAID) | command("apt-dist-upgrade", SAID)).plain_upgrade
    assert said == PlainUpgrade(
        upgrade=(KUBELET,), full_upgrade=(KUBELET,), kept_back=("kubeadm", "kubectl", "linux-image-amd64")
    )


UNMET = "E: Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution)."


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (command("apt-upgrade", "", 100, f"\n{UNMET}\n"), f"apt-upgrade failed there (status 100): {UNMET}"),
        (command("apt-upgrade", "", 124), "apt-upgrade did not end in time on the node"),
        (command("apt-upgrade", "", 127), "the node has no apt-get"),
        (
            command("apt-upgrade") | {"unreadable.txt": "commands/apt-upgrade/stdout\ttoo large\n"},
            "commands/apt-upgrade/stdout: too large",
        ),
    ],
)
def test_what_is_not_known(files: dict[str, str], reason: str) -> None:
    said = host(files).plain_upgrade
    assert isinstance(said, PlainUpgrade)
    assert said.upgrade == Missing(reason)
    assert said.full_upgrade == Missing("apt-dist-upgrade was not asked on the node")


def test_an_archive_without_it() -> None:
    assert host({}).plain_upgrade == Missing("the collector did not ask the package manager for it")
    assert host({}, complete=False).plain_upgrade == Missing("the collector was interrupted before it came to that")
