"""What upgrades a node's packages by itself, as its settings say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import process_time

import pytest

from kubepreflight.host import AutomaticTool, AutomaticUpgrades, Host, Missing, Release
from kubepreflight.semantics.unattended import begins_like, matches
from kubepreflight.sources.host.repositories import ini_sections, paragraphs
from tests.test_host_packages import command, host

INSTALLED = "unattended-upgrades\t2.9.1\tinstall\tok\tinstalled\n"
SETTINGS = """\
APT::Periodic "";
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
Unattended-Upgrade::Allowed-Origins "";
Unattended-Upgrade::Allowed-Origins:: "${distro_id}:${distro_codename}-security";
Unattended-Upgrade::Origins-Pattern "";
Unattended-Upgrade::Origins-Pattern:: "origin=Debian,codename=${distro_codename},label=Debian";
Unattended-Upgrade::Package-Blacklist "";
Unattended-Upgrade::Package-Blacklist:: "linux-";
Unattended-Upgrade::Package-Whitelist:: "openssl";
"""
SYSTEM = {"files/etc/os-release": "ID=debian\nVERSION_CODENAME=bookworm\n"}
TIMER = "apt-daily-upgrade.timer enabled enabled\n"


def automatic(one: Host) -> AutomaticUpgrades:
    assert isinstance(one.automatic_upgrades, AutomaticUpgrades)
    return one.automatic_upgrades


def apt(settings: str, timers: str = TIMER, status: int = 0, packages: str = INSTALLED) -> AutomaticTool:
    said = command("apt-automatic", settings) | command("upgrade-timers", timers, status)
    tools = automatic(host(command("dpkg-query", packages) | said | SYSTEM)).tools
    assert not isinstance(tools, Missing)
    (tool,) = tools
    return tool


def test_unattended_upgrades() -> None:
    assert apt(SETTINGS) == AutomaticTool(
        tool="unattended-upgrades",
        runs=True,
        origins=("o=Debian,a=bookworm-security", "origin=Debian,codename=bookworm,label=Debian"),
        blacklist=("linux-",),
    )


@pytest.mark.parametrize(("strict", "whitelist"), [("true", ("openssl",)), ("false", ()), ("", ())])
def test_only_a_strict_whitelist_keeps_something_out(strict: str, whitelist: tuple[str, ...]) -> None:
    assert apt(f'{SETTINGS}Unattended-Upgrade::Package-Whitelist-Strict "{strict}";\n').whitelist == whitelist


@pytest.mark.parametrize(
    ("settings", "timers", "status", "packages", "runs"),
    [
        (SETTINGS, "", 0, INSTALLED, True),
        (SETTINGS, "", 127, INSTALLED, True),
        (SETTINGS, "apt-daily-upgrade.timer masked enabled\n", 0, INSTALLED, False),
        (SETTINGS, "apt-daily-upgrade.timer disabled enabled\n", 0, INSTALLED, False),
        (SETTINGS + 'APT::Periodic::Enable "0";\n', TIMER, 0, INSTALLED, False),
        (SETTINGS + 'APT::Periodic::Unattended-Upgrade "0";\n', TIMER, 0, INSTALLED, False),
        (SETTINGS + 'APT::Periodic::Unattended-Upgrade "always";\n', TIMER, 0, INSTALLED, True),
        ("", TIMER, 0, INSTALLED, False),
        (SETTINGS, TIMER, 0, "", False),
        ("nonsense\n\x00\n", TIMER, 0, INSTALLED, False),
    ],
)
def test_whether_it_runs(settings: str, timers: str, status: int, packages: str, runs: bool) -> None:
    assert apt(settings, timers, status, packages).runs is runs


POLICY = """\
Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 http://pkgs.k8s.io/core:/stable:/v1.37/deb  Packages
     release o=obs://build.opensuse.org/isv:kubernetes:core:stable:v1.37/deb,n=deb,l=isv:kubernetes:core:stable:v1.37,c=
     origin pkgs.k8s.io
 -1 http://deb.debian.org/debian bookworm/main amd64 Packages
     release v=12.15,o=Debian,a=oldstable,n=bookworm,l=Debian, Inc.,c=main,b=amd64
     origin deb.debian.org
Pinned packages:
"""


def test_the_repositories() -> None:
    known = automatic(host(command("apt-automatic") | command("apt-releases", POLICY))).releases
    assert not isinstance(known, Missing)
    assert known[-2:] == (
        Release(
            url="http://pkgs.k8s.io/core:/stable:/v1.37/deb",
            site="pkgs.k8s.io",
            origin="obs://build.opensuse.org/isv:kubernetes:core:stable:v1.37/deb",
            label="isv:kubernetes:core:stable:v1.37",
            codename="deb",
        ),
        Release(
            url="http://deb.debian.org/debian",
            suite="bookworm",
            site="deb.debian.org",
            origin="Debian",
            label="Debian, Inc.",
            archive="oldstable",
            codename="bookworm",
            component="main",
        ),
    )


YES, NO, SECURITY = "apply_updates = yes\n", "apply_updates = no\n", "upgrade_type = security\n"
DNF, YUM = "/etc/dnf/automatic.conf", "/etc/yum/yum-cron.conf"


@pytest.mark.parametrize(
    ("path", "settings", "enabled", "runs", "only_security"),
    [
        (DNF, YES, "dnf-automatic.timer", True, False),
        (DNF, YES + SECURITY, "dnf5-automatic.timer", True, True),
        (DNF, NO, "dnf-automatic.timer", False, False),
        (DNF, NO, "dnf-automatic-install.timer", True, False),
        (DNF, YES, "other.timer", False, False),
        (YUM, YES + "update_cmd = default\n", "yum-cron.service", True, False),
        (YUM, YES + "update_cmd = security\n", "yum-cron.service", True, True),
    ],
)
def test_the_rpm_family(path: str, settings: str, enabled: str, runs: bool, only_security: bool) -> None:
    file = {f"files{path}": f"[emitters]\napply_updates = x\n[commands]\n{settings}"}
    tools = automatic(host(command("upgrade-timers", f"{enabled} enabled disabled\n") | file)).tools
    assert not isinstance(tools, Missing)
    assert [(one.runs, one.only_security) for one in tools] == [(runs, only_security)]


def test_what_is_not_known() -> None:
    assert host({}).automatic_upgrades == Missing("the collector did not look at it")
    one = automatic(host(command("apt-automatic", SETTINGS)))
    assert one == AutomaticUpgrades(tools=Missing("not collected"), releases=())
    failed = automatic(host(command("apt-automatic") | command("apt-releases", "", 124)))
    assert failed.releases == Missing("apt-releases did not end in time on the node")


KUBERNETES = Release(
    url="https://pkgs.k8s.io/core:/stable:/v1.36/deb", site="pkgs.k8s.io", origin="obs://a,b", label="isv:kubernetes"
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("origin=*", True),
        ("o=obs:*,l=isv:*", True),
        ("o=obs://a\\,b", True),
        ("site = pkgs.k8s.io", True),
        ("o=Debian,site=pkgs.k8s.io", False),
        ("a=", True),
        ("a=*", True),
        ("a=stable", False),
        ("", False),
        ("  ", False),
        ("origin", False),
        ("colour=*", False),
        ("origin=*,colour=*", False),
        ("o=" + "*" * 300, False),
    ],
)
def test_a_pattern(pattern: str, expected: bool) -> None:
    assert matches(pattern, KUBERNETES) is expected


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        ([], False),
        (["kube"], True),
        (["^kubelet$"], True),
        (["kube(let|adm|ctl)$"], True),
        (["kube[a-z]*"], True),
        (["let"], False),
        ([".*let"], True),
        (["linux-", "kubelet"], True),
        (["(k*)*x"], None),
        (["(k*)*x", "kubelet"], True),
        ([".*.*.*.*x"], None),
        (["k{1000}{1000}"], None),
        (["("], None),
        (["k" * 300], None),
    ],
)
def test_the_lists(expressions: list[str], expected: bool | None) -> None:
    assert begins_like("kubelet", expressions) is expected


def test_an_address_of_nothing_but_colons_takes_no_time() -> None:
    said = command("apt-automatic", SETTINGS) | command(
        "apt-releases", f" 500 {':' * 200_000}\n 500 a{':' * 200_000}\n"
    )
    began = process_time()
    assert automatic(host(command("dpkg-query", INSTALLED) | said | SYSTEM)).releases == ()
    assert process_time() - began < 5


@pytest.mark.parametrize("read", [paragraphs, ini_sections])
def test_a_value_that_goes_on_for_ever_takes_no_time(read: Callable[[str], Iterator[object]]) -> None:
    began = process_time()
    assert len(list(read("[a]\na: b\na=b\n" + " c\n" * 345_000))) == 1
    assert process_time() - began < 2
