"""A root with a real rpm and dnf, Debian's own, and without dpkg and apt; small packages and a repository in it.

The repository has the layout of pkgs.k8s.io. The packages are not signed (`gpgcheck=0`), its metadata is, for those
who have dnf look (`repo_gpgcheck=1`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from tools.packages import kubernetes
from tools.packages.base import architecture, base
from tools.packages.deb import Package
from tools.packages.root import Root
from tools.packages.signing import Key

TOOLS = ("createrepo-c", "dnf", "dnf-plugins-core", "rpm")
RELEASE = "150500.1.1"
REPOSITORY = "/etc/yum.repos.d/kubernetes.repo"
EXCLUDED = "kubelet kubeadm kubectl cri-tools kubernetes-cni"
"""As Kubernetes' documentation has it in the repository's file."""

OS = 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.6"\nPRETTY_NAME="A stand-in for Rocky Linux 9.6"\n'
SETTINGS = {
    "/etc/rpm/macros": "%_dbpath /var/lib/rpm\n",
    "/etc/dnf/vars/releasever": "9\n",
    "/etc/dnf/plugins/local.conf": "[main]\nenabled=0\n",
}
"""What Debian's packages lack to be a system's own."""
SPEC = """\
Name: {name}
Version: {version}
Release: {release}
Summary: {name}, a stand-in for the real package
License: Apache-2.0
BuildArch: noarch
AutoReqProv: no
%description
{name}, a stand-in for the real package.
%install
cp -a {tree}/. %{{buildroot}}/
%files
{files}
"""
BUILD = 'for spec in /build/*.spec; do rpmbuild -bb --quiet --define "_rpmdir /build/rpms" "$spec"; done'


def make(folder: Path, name: str) -> Root:
    """A node with rpm and dnf, in `folder`, without any repository or package. Raises PackagesError."""
    root = Root.copy(base(*TOOLS), folder, name)
    (root.folder / "etc/os-release").unlink()
    root.write("/etc/os-release", OS)
    for path, text in SETTINGS.items():
        root.write(path, text)
    (root.folder / "etc/yum.repos.d").mkdir(exist_ok=True)
    for path in ("etc/apt", "etc/dpkg", "var/lib/dpkg", "var/lib/apt", "var/cache/apt"):
        shutil.rmtree(root.folder / path, ignore_errors=True)
    for pattern in ("dpkg*", "apt*"):
        for program in (root.folder / "usr/bin").glob(pattern):
            program.unlink()
    root.said("rpm", "--initdb")
    return root


def publish(served: Path, minor: str, versions: Iterable[str], root: Root, key: Key) -> None:
    """Make and publish, below the folder `served`, the repository of `minor` with the packages of some `versions`.

    Built in `root`, which has rpmbuild and createrepo_c. Raises PackagesError.
    """
    found = [each for version in versions for each in kubernetes.packages(version, architecture())]
    for number, package in enumerate({each.file_name: each for each in found}.values()):
        _spec(root, package, number)
    root.said("sh", "-ec", f"{BUILD}\ncreaterepo_c -q /build/rpms")
    target = served / "pkgs.k8s.io" / "core:" / "stable:" / f"v{minor}" / "rpm"
    shutil.copytree(root.folder / "build/rpms", target)
    shutil.rmtree(root.folder / "build")
    metadata = target / "repodata" / "repomd.xml"
    metadata.with_name("repomd.xml.asc").write_bytes(key.detached(metadata.read_bytes()))
    metadata.with_name("repomd.xml.key").write_bytes(key.armored())


def _spec(root: Root, package: Package, number: int) -> None:
    tree = f"/build/{number}"
    for path, text in package.files.items():
        root.write(f"{tree}{path}", text)
        (root.folder / f"{tree}{path}"[1:]).chmod(0o755 if text.startswith("#!") else 0o644)
    (root.folder / tree[1:]).mkdir(parents=True, exist_ok=True)
    version = package.version.partition("-")[0]
    spec = SPEC.format(name=package.name, version=version, release=RELEASE, tree=tree, files="\n".join(package.files))
    root.write(f"{tree}.spec", spec)


def use_repository(root: Root, minor: str, proxy: str, *, excluded: str = EXCLUDED, check: bool = False) -> None:
    """Configure the repository of a minor and no other, as Kubernetes' documentation does, and read what it has."""
    url = f"http://pkgs.k8s.io/core:/stable:/v{minor}/rpm/"
    lines = (
        "[kubernetes]",
        "name=Kubernetes",
        f"baseurl={url}",
        "enabled=1",
        "gpgcheck=0",
        f"repo_gpgcheck={int(check)}",
        f"gpgkey={url}repodata/repomd.xml.key",
        *([f"exclude={excluded}"] if excluded else []),
    )
    root.write(REPOSITORY, "".join(f"{line}\n" for line in lines))
    root.write("/etc/dnf/dnf.conf", f"[main]\nkeepcache=True\nproxy={proxy}\n")
    root.said("dnf", "-q", "-y", "makecache", "--refresh")
