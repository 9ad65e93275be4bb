"""Package repositories in the layout of pkgs.k8s.io: flat, signed, one for each minor."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from tools.packages import kubernetes
from tools.packages.deb import Package, build
from tools.packages.signing import Key

HOST = "pkgs.k8s.io"
LEGACY_HOST, LEGACY_SUITE = "apt.kubernetes.io", "kubernetes-xenial"
KEYRING = "/etc/apt/keyrings/kubernetes-apt-keyring.gpg"
"""Where Kubernetes' documentation has one put the key."""


def url(minor: str) -> str:
    """Where the repository of a minor is for apt. By http: the server here has no certificate for that name."""
    return f"http://{HOST}/core:/stable:/v{minor}/deb/"


def source_line(minor: str) -> str:
    """The line in sources.list.d of Kubernetes' documentation."""
    return f"deb [signed-by={KEYRING}] {url(minor)} /\n"


def legacy_source_line() -> str:
    """The line of the documentation before there was pkgs.k8s.io."""
    return f"deb [signed-by={KEYRING}] http://{LEGACY_HOST}/ {LEGACY_SUITE} main\n"


def publish(served: Path, minor: str, versions: Iterable[str], architecture: str, key: Key) -> None:
    """Make and publish, below the folder `served`, the repository of `minor` with the packages of some `versions`."""
    project = f"isv:kubernetes:core:stable:v{minor}"
    found = [each for version in versions for each in kubernetes.packages(version, architecture)]
    unique = {each.file_name: each for each in found}.values()
    write_flat(
        served / HOST / "core:" / "stable:" / f"v{minor}" / "deb",
        unique,
        {"Origin": f"obs://build.opensuse.org/{project}/deb", "Label": project, "Codename": "deb"},
        key,
    )


def write_flat(folder: Path, packages: Iterable[Package], words: dict[str, str], key: Key) -> None:
    """A flat repository in `folder`: the packages, Packages, Release with `words` in front, InRelease."""
    folder.mkdir(parents=True)
    _write_index(folder, "Packages", "\n".join(_entry(package, folder) for package in packages), words, key)


def publish_legacy(served: Path, packages: Iterable[Package], architecture: str, key: Key) -> None:
    """Google's former repository below the folder `served`: one suite for all minors, in the layout of an archive."""
    archive = served / LEGACY_HOST
    archive.mkdir(parents=True)
    index = "\n".join(_entry(package, archive) for package in packages)
    words = {"Origin": LEGACY_SUITE, "Label": LEGACY_SUITE, "Suite": LEGACY_SUITE, "Codename": LEGACY_SUITE}
    words |= {"Components": "main", "Architectures": architecture}
    _write_index(archive / "dists" / LEGACY_SUITE, f"main/binary-{architecture}/Packages", index, words, key)


def _write_index(folder: Path, place: str, text: str, words: dict[str, str], key: Key) -> None:
    index = text.encode()
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_bytes(index)
    fields = words | {
        "Date": format_datetime(datetime.now(UTC), usegmt=True),
        "SHA256": f"\n {hashlib.sha256(index).hexdigest()} {len(index)} {place}",
    }
    release = "".join(f"{name}: {value}\n" for name, value in fields.items()).encode()
    (folder / "Release").write_bytes(release)
    (folder / "InRelease").write_bytes(key.sign(release))


def _entry(package: Package, folder: Path) -> str:
    below = folder / package.architecture
    below.mkdir(exist_ok=True)
    made = build(package, below).read_bytes()
    where = f"Filename: {package.architecture}/{package.file_name}\nSize: {len(made)}\n"
    return f"{package.control()}{where}SHA256: {hashlib.sha256(made).hexdigest()}\n"
