"""Packages with their holds, and the repositories that could move them."""

from __future__ import annotations

import json

import pytest

from kubepreflight.host import Host, Missing, Package, Repository
from kubepreflight.sources.host.archive import read_host

HEAD = {"format": "kubepreflight.host/v1", "name": "w1", "complete": True}


def host(files: dict[str, str], *, complete: bool = True) -> Host:
    head = json.dumps(HEAD | {"complete": complete})
    return read_host({"host.json": head.encode()} | {path: text.encode() for path, text in files.items()}, "x", "x")


def command(name: str, stdout: str = "", status: int = 0, stderr: str = "") -> dict[str, str]:
    folder = f"commands/{name}"
    return {f"{folder}/stdout": stdout, f"{folder}/stderr": stderr, f"{folder}/status": f"{status}\n"}


def one_package(one: Host) -> Package:
    assert not isinstance(one.packages, Missing)
    (package,) = one.packages.values()
    return package


@pytest.mark.parametrize(
    ("line", "marked", "held", "status"),
    [
        ("kubelet\t1.36.3-1.1\tinstall\tok\tinstalled", "", False, "install ok installed"),
        ("kubelet\t1.36.3-1.1\thold\tok\tinstalled", "", True, "hold ok installed"),
        ("kubelet\t1.36.3-1.1\tinstall\tok\tinstalled", "kubeadm\nkubelet\n", True, "install ok installed"),
        ("kubelet\t1.36.3-1.1\tinstall\tok\tinstalled", "kubeadm\n", False, "install ok installed"),
        ("kubelet\t1.36.3-1.1\thold\treinstreq\thalf-configured", "", True, "hold reinstreq half-configured"),
    ],
)
def test_dpkg(line: str, marked: str, held: bool, status: str) -> None:
    one = host(command("dpkg-query", line + "\n", 1) | command("apt-mark-showhold", marked))
    assert one.package_family == "deb"
    assert one_package(one) == Package(name="kubelet", version="1.36.3-1.1", held=held, status=status)


@pytest.mark.parametrize("status", ["not-installed", "config-files"])
def test_what_dpkg_only_remembers_is_not_installed(status: str) -> None:
    assert host(command("dpkg-query", f"kubelet\t1.36.3-1.1\tdeinstall\tok\t{status}\n")).packages == {}


def test_a_node_without_any_of_the_packages_has_none() -> None:
    one = host(command("dpkg-query", "", 1, "dpkg-query: no packages found matching kubelet\n"))
    assert (one.package_family, one.packages) == ("deb", {})


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "not collected"),
        (command("dpkg-query", "", 127) | command("rpm-qa", "", 127), "the node has neither dpkg-query nor rpm"),
        (command("dpkg-query", "", 124), "dpkg-query did not end in time on the node"),
        (
            command("dpkg-query", "", 2, "dpkg-query: error: parsing file\n"),
            "dpkg-query failed there (status 2): dpkg-query: error: parsing file",
        ),
        (command("rpm-qa", "", 1), "rpm-qa failed there (status 1): it said nothing"),
    ],
)
def test_packages_that_are_not_known(files: dict[str, str], reason: str) -> None:
    assert host(files).packages == Missing(reason)


FLATCAR = {"files/etc/os-release": "ID=flatcar\nID_LIKE=coreos\n"}


@pytest.mark.parametrize("files", [{}, command("dpkg-query", "", 127) | command("rpm-qa", "", 127)])
def test_a_system_without_a_package_manager_has_no_packages(files: dict[str, str]) -> None:
    one = host(files | FLATCAR)
    assert (one.package_family, one.packages) == (Missing("the system has no package manager"), {})
    assert isinstance(host(files | FLATCAR, complete=False).packages, Missing)


def test_a_line_that_is_not_understood_is_a_gap_and_the_others_are_read() -> None:
    one = host(command("dpkg-query", "rubbish\nkubelet\t1.36.3-1.1\tinstall\tok\tinstalled\n"))
    assert one_package(one).name == "kubelet"
    assert [gap.input for gap in one.unreadable] == ["host packages"]


def test_with_both_tools_the_system_decides() -> None:
    both = command("dpkg-query", "kubelet\t1\tinstall\tok\tinstalled\n") | command("rpm-qa", "kubelet\t2\tx86_64\n")
    assert host(both).package_family == "deb"
    assert host(both | {"files/etc/os-release": 'ID=rocky\nID_LIKE="rhel fedora"\n'}).package_family == "rpm"


KUBERNETES_REPO = "[kubernetes]\nbaseurl=https://pkgs.k8s.io/core:/stable:/v1.36/rpm/\n"
LIST = "files/etc/dnf/plugins/versionlock.list"
DNF5 = (
    'version = "1.0"\n[[packages]]\nname = "{}"\n[[packages.conditions]]\nkey = "evr"\ncomparator = "{}"\nvalue = "1"\n'
)


@pytest.mark.parametrize(
    ("files", "held"),
    [
        ({}, False),
        ({LIST: "kubelet-0:1.36.3-150500.1.1.*\n"}, True),
        ({LIST: "0:kubelet-1.18.2-0.*\n"}, True),
        ({LIST: "kubelet\n"}, True),
        ({LIST: "kubelet-wrapper-0:1.2-1.*\n# kubelet-0:1\n"}, False),
        ({LIST: "!kubelet-0:1.37.0-150500.1.1.*\n"}, False),
        ({LIST: "kubelet-0:1.36.3-1.*\n", "files/etc/dnf/plugins/versionlock.conf": "[main]\nenabled = 0\n"}, False),
        ({"files/etc/yum/pluginconf.d/versionlock.list": "0:kubelet-1.18.2-0.*\n"}, True),
        (command("versionlock", "kubelet-0:1.36.3-1.*\n"), True),
        ({"files/etc/dnf/versionlock.toml": DNF5.format("kubelet", "=")}, True),
        ({"files/etc/dnf/versionlock.toml": DNF5.format("kubelet", "<")}, True),
        ({"files/etc/dnf/versionlock.toml": DNF5.format("kubelet", "!=")}, False),
        ({"files/etc/dnf/versionlock.toml": DNF5.format("kubeadm", "=")}, False),
        ({"files/etc/dnf/versionlock.toml": "[[packages"}, False),
        ({"files/etc/dnf/dnf.conf": "[main]\nexclude=kernel*, kube*\n"}, True),
        ({"files/etc/dnf/dnf.conf": "[other]\nexclude=kube*\n"}, False),
        ({"files/etc/yum.conf": "[main]\nexcludepkgs=kubeadm\n  kubelet\n"}, True),
        ({"files/etc/yum.repos.d/k.repo": KUBERNETES_REPO}, False),
        ({"files/etc/yum.repos.d/k.repo": KUBERNETES_REPO + "exclude=kubelet kubeadm kubectl\n"}, True),
        ({"files/etc/yum.repos.d/k.repo": KUBERNETES_REPO + "exclude=kubeadm\n"}, False),
        (
            {
                "files/etc/yum.repos.d/k.repo": KUBERNETES_REPO + "exclude=kubelet\n",
                "files/etc/yum.repos.d/l.repo": KUBERNETES_REPO.replace("36", "37"),
            },
            False,
        ),
        (
            {
                "files/etc/yum.repos.d/k.repo": KUBERNETES_REPO,
                "files/etc/yum.repos.d/o.repo": "[other]\nbaseurl=https://x/\nexclude=kubelet\n",
            },
            False,
        ),
        ({"files/etc/yum.repos.d/o.repo": "[mirror]\nbaseurl=https://x/\nexclude=kubelet\n"}, True),
    ],
)
def test_what_holds_an_rpm(files: dict[str, str], held: bool) -> None:
    one = host(command("rpm-qa", "kubelet\t1.36.3-150500.1.1\tx86_64\n") | files)
    assert one.package_family == "rpm"
    assert one_package(one) == Package(name="kubelet", version="1.36.3-150500.1.1", held=held)


def test_an_rpm_whose_locks_were_not_collected_is_not_known_to_be_loose() -> None:
    one = host(command("rpm-qa", "kubelet\t1.36.3-1\tx86_64\n"), complete=False)
    assert one_package(one).held == Missing("the collector was interrupted before it came to that")
    bare = read_host(
        {f"{path}": text.encode() for path, text in command("rpm-qa", "kubelet\t1\tx\n").items()}, "x", "x"
    )
    assert one_package(bare).held == Missing("not collected")


SLES = {"files/etc/os-release": 'ID="sles"\nID_LIKE="suse"\n'}


def test_where_zypper_has_the_packages_neither_sources_nor_locks_are_known() -> None:
    one = host(command("rpm-qa", "kubelet\t1.36.3-150500.1.1\tx86_64\n") | SLES)
    unread = Missing("packages come by zypper there, whose sources and locks are not read")
    assert (one.repositories, one_package(one).held) == (unread, unread)


APT = """\
# deb https://example.com/ commented out
deb [arch=amd64 signed-by=/etc/apt/keyrings/kubernetes.gpg] https://pkgs.k8s.io/core:/stable:/v1.36/deb/ /
deb-src http://deb.debian.org/debian bookworm main
deb\thttp://deb.debian.org/debian   bookworm main contrib # a word
deb http://apt.kubernetes.io/
nonsense
"""
DEB822 = """\
# Kubernetes
Types: deb deb-src
URIs: https://pkgs.k8s.io/core:/stable:/v1.36/deb/
 https://pkgs.k8s.io/core:/stable:/v1.37/deb/
Suites: /
Signed-By: /etc/apt/keyrings/kubernetes.gpg

Types: deb
URIs: https://off.example.com
Suites: stable
Enabled: no

Types: deb
URIs: https://download.docker.com/linux/debian
Suites: bookworm trixie
Components: stable
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
"""
YUM = """\
[main]
gpgcheck=1
[kubernetes]
name=Kubernetes
; a comment
baseurl=https://pkgs.k8s.io/core:/stable:/v1.36/rpm/
 https://mirror.example.com/rpm/
enabled=1
gpgkey=https://pkgs.k8s.io/key
exclude=kubelet, kubeadm
[off]
baseurl=https://off.example.com
enabled = 0
[linked]
metalink=https://mirrors.example.com/$basearch
"""
KEYRING = "/etc/apt/keyrings/kubernetes.gpg"
V136 = "https://pkgs.k8s.io/core:/stable:/v1.36"
DEBIAN = "http://deb.debian.org/debian"
DOCKER = "https://download.docker.com/linux/debian"


PIN = "Pin: version 1.36.*\nPin-Priority: 1000\n"


@pytest.mark.parametrize(
    ("file", "text", "pinned"),
    [
        ("preferences", f"Package: kubelet\n{PIN}", True),
        ("preferences.d/kubernetes", f"Package: kubeadm kubelet\n{PIN}", True),
        ("preferences.d/kubernetes.pref", f"# ours\nPackage: kube*\n{PIN}", True),
        ("preferences.d/kubernetes", f"Package: kubelet:amd64\n{PIN}", True),
        ("preferences.d/kubernetes", f"Package: other\n{PIN}\nPackage: kubelet\n{PIN}", True),
        ("preferences.d/kubernetes", f"Package: kubectl\n{PIN}", False),
        ("preferences.d/kubernetes", "Package: *\nPin: release a=stable-backports\nPin-Priority: 100\n", False),
        ("preferences.d/kubernetes", f"Package: /^kube/\n{PIN}", False),
        ("preferences.d/kubernetes.bak", f"Package: kubelet\n{PIN}", False),
        ("preferences.d/kubernetes", "Package: kubelet\n", False),
    ],
)
def test_what_pins_a_deb(file: str, text: str, pinned: bool) -> None:
    path = f"/etc/apt/{file}"
    listed = command("dpkg-query", "kubelet\t1.36.3-1.1\tinstall\tok\tinstalled\n")
    assert one_package(host({f"files{path}": text} | listed)).pinned_by == (path if pinned else "")


@pytest.mark.parametrize(
    ("file", "text", "expected", "gaps"),
    [
        (
            "/etc/apt/sources.list",
            APT,
            [
                {"url": f"{V136}/deb/", "suite": "/", "line": 2, "signed_by": KEYRING},
                {"url": DEBIAN, "suite": "bookworm", "line": 4, "components": ("main", "contrib")},
            ],
            ["line 5 has no address or no suite", "line 6 is no package source"],
        ),
        (
            "/etc/apt/sources.list.d/x.sources",
            DEB822,
            [
                {"url": f"{V136}/deb/", "suite": "/", "line": 3, "signed_by": KEYRING},
                {"url": f"{V136[:-2]}37/deb/", "suite": "/", "line": 3, "signed_by": KEYRING},
                {"url": DOCKER, "suite": "bookworm", "line": 14, "components": ("stable",), "signed_by": "(embedded)"},
                {"url": DOCKER, "suite": "trixie", "line": 14, "components": ("stable",), "signed_by": "(embedded)"},
            ],
            ["there is no OpenPGP public key in it"],
        ),
        ("/etc/apt/sources.list.d/x.sources", "URIs: https://x\n", [], ["line 1: a paragraph without Types"]),
        ("/etc/apt/sources.list.d/x.sources", "Types: deb\n", [], ["line 1: a paragraph without URIs or Suites"]),
        ("/etc/apt/sources.list.d/x.list.save", APT, [], []),
        ("/etc/apt/sources.list.d/deeper/x.list", APT, [], []),
        (
            "/etc/yum.repos.d/x.repo",
            YUM,
            [
                {
                    "url": url,
                    "line": 6,
                    "name": "kubernetes",
                    "signed_by": "https://pkgs.k8s.io/key",
                    "excludes": ("kubelet", "kubeadm"),
                }
                for url in (f"{V136}/rpm/", "https://mirror.example.com/rpm/")
            ]
            + [{"url": "https://mirrors.example.com/$basearch", "line": 15, "name": "linked"}],
            [],
        ),
        ("/etc/yum.repos.d/x.repo.bak", YUM, [], []),
        ("/etc/yum.repos.d/x.repo", "\udcff[[[\n  x\n=\n", [], []),
    ],
)
def test_repositories(file: str, text: str, expected: list[dict[str, object]], gaps: list[str]) -> None:
    members = {"host.json": json.dumps(HEAD).encode(), f"files{file}": text.encode(errors="surrogateescape")}
    one = read_host(members, "x", "x")
    family = "deb" if "/apt/" in file else "rpm"
    assert one.repositories == tuple(Repository(family=family, file=file, **fields) for fields in expected)  # type: ignore[arg-type] # a table of fields
    assert [gap.reason.removeprefix(f"{file}: ").partition(": '")[0] for gap in one.unreadable] == gaps


def test_repositories_that_are_not_known() -> None:
    assert host({}, complete=False).repositories == Missing("the collector was interrupted before it came to that")
    one = host({"unreadable.txt": "/etc/apt/sources.list.d\tpermission denied\n"})
    assert one.repositories == Missing("/etc/apt/sources.list.d: permission denied")
