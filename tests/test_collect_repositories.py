"""What the collector takes of repositories and caches, run against a node's disk in a folder. apt is not there."""

from __future__ import annotations

import gzip
import io
import lzma
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kubepreflight.host import Offer
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.script import collect_script
from tests.openpgp_keys import armor, packet, public_key

PRIMARY = """\
<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="2">
<package type="rpm">
  <name>kubelet</name>
  <arch>x86_64</arch>
  <version epoch="0" ver="1.36.4" rel="150500.1.1"/>
  <format><rpm:provides><rpm:entry name="kubeadm" flags="EQ" epoch="0" ver="1.36.9" rel="1"/></rpm:provides></format>
</package>
<package type="rpm"><name>other</name><arch>x86_64</arch><version epoch="0" ver="9" rel="1"/></package>
</metadata>
"""
"""As createrepo_c writes it."""


def collect(root: Path) -> dict[str, bytes]:
    command = ["sh", "-s", "--", "--root", str(root)]
    done = subprocess.run(command, input=collect_script().encode(), capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        files = [one for one in archive if one.isfile()]
        return {one.name: stream.read() for one in files if (stream := archive.extractfile(one))}


def put(root: Path, path: str, content: bytes | str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(content.encode() if isinstance(content, str) else content)


SOURCES = {
    "one line": ("sources.list.d/k.list", "deb [arch=amd64 signed-by={0},{1}] https://x/core:/stable:/v1.36/deb/ /\n"),
    "first in line": ("sources.list", "deb [ SIGNED-BY={0} arch=amd64 ] x /\ndeb [signed-by={1}] y /\n"),
    "deb822": ("sources.list.d/k.sources", "Types: deb\nSigned-By: {0}, {1}\nURIs: https://x/\nSuites: /\n"),
    "commented": ("sources.list", "deb [signed-by={0}] http://x/ / # signed-by={2}\n#deb [signed-by={2}] x /\n"),
}  # fmt: skip


@pytest.mark.parametrize("style", SOURCES)
def test_the_keyrings_that_sources_name_come_and_no_other(style: str, tmp_path: Path) -> None:
    keyrings = ("/etc/apt/keyrings/k.gpg", "/usr/share/keyrings/old.asc", "/opt/other.gpg")
    file, text = SOURCES[style]
    put(tmp_path, f"etc/apt/{file}", text.format(*keyrings))
    for path in keyrings:
        put(tmp_path, path[1:], armor(public_key()) if path.endswith(".asc") else public_key())
    archive = collect(tmp_path)
    taken = [path for path in keyrings if f"files{path}" in archive]
    assert taken == list(keyrings[: 1 if style == "commented" else 2])
    assert archive[f"files{keyrings[0]}"] == public_key()
    assert archive["unreadable.txt"] == b""


def test_dnfs_keyring_on_the_disk_comes(tmp_path: Path) -> None:
    put(
        tmp_path,
        "etc/yum.repos.d/k.repo",
        "[k]\ngpgkey=https://x/repomd.xml.key file:///opt/keys/k.asc\nbaseurl=https://x/\n",
    )
    put(tmp_path, "opt/keys/k.asc", armor(public_key()))
    put(tmp_path, "etc/pki/rpm-gpg/RPM-GPG-KEY-k", b"A note.\n" + armor(public_key()))
    archive = collect(tmp_path)
    assert b"made for a test" not in archive["files/opt/keys/k.asc"]
    assert archive["files/opt/keys/k.asc"] == archive["files/etc/pki/rpm-gpg/RPM-GPG-KEY-k"]
    archive["commands/rpm-keys/status"] = b"1\n"
    rings = read_host(archive, "", "").supply.keyrings
    assert isinstance(rings, tuple)
    assert [one.file for one in rings] == ["/etc/pki/rpm-gpg/RPM-GPG-KEY-k", "/opt/keys/k.asc"]


@pytest.mark.parametrize(
    "keyring",
    [
        packet(5, bytes(60)),
        packet(7, bytes(60)),
        public_key() + packet(7, bytes(60)),
        public_key() + b"\x95\x00\x3c" + bytes(60),
        public_key() + b"\xc5\x3c" + bytes(60),
        b"\x9b" + bytes(60),
        b"\xc6\xe5" + bytes(60),
        public_key()[:-1],
        armor(packet(5, bytes(60))),
        armor(public_key()) + armor(packet(5, bytes(60)), "PRIVATE KEY BLOCK"),
        armor(public_key()).replace(b"\n\n", b"\n\n!\n", 1),
        b"\x00\x00\x00\x20\x01\x01\x00\x02KBXf" + bytes(60),
    ],
    ids=lambda one: one[:12].hex(),
)
def test_what_may_be_secret_stays(keyring: bytes, tmp_path: Path) -> None:
    put(tmp_path, "etc/apt/trusted.gpg", keyring)
    archive = collect(tmp_path)
    assert "files/etc/apt/trusted.gpg" not in archive or archive["files/etc/apt/trusted.gpg"] == b""


@pytest.mark.parametrize("pad", [0, 1, 2, 3])
def test_armor_of_every_length_comes_whole(pad: int, tmp_path: Path) -> None:
    put(tmp_path, "etc/apt/trusted.gpg", armor(public_key("a" * pad)))
    kept = collect(tmp_path)["files/etc/apt/trusted.gpg"]
    assert kept == armor(public_key("a" * pad)).replace(b"Comment: made for a test\n", b"")


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "xz": lzma.compress, "": bytes}


@pytest.mark.parametrize("end", PACKERS)
def test_what_dnf_read_is_told_of_our_packages(end: str, tmp_path: Path) -> None:
    name = f"abc-primary.xml{'.' if end else ''}{end}"
    put(tmp_path, f"var/cache/dnf/kube-0123456789abcdef/repodata/{name}", PACKERS[end](PRIMARY.encode()))
    put(tmp_path, "etc/os-release", "ID=rocky\n")
    database = tmp_path / "var/lib/rpm/rpmdb.sqlite"
    put(tmp_path, str(database.relative_to(tmp_path)))
    archive = collect(tmp_path)
    lines = archive["commands/cached-metadata/stdout"].decode().splitlines()
    assert [line.split("\t")[1:] for line in lines] == [
        ["kubelet", 'version epoch="0" ver="1.36.4" rel="150500.1.1"/>']
    ]
    archive |= {"commands/rpm-qa/status": b"0", "commands/rpm-qa/stdout": b"kubelet\t1.36.3-150500.1.1\tx86_64\n"}
    assert read_host(archive, "", "").supply.offers == (
        Offer(package="kubelet", version="1.36.4-150500.1.1", sources=("kube",)),
    )


@pytest.mark.parametrize("name", ["x-primary.xml.gz", "x-primary.xml.xz"])
def test_what_cannot_be_unpacked_is_said(name: str, tmp_path: Path) -> None:
    put(tmp_path, f"var/cache/dnf/kube-0123456789abcdef/repodata/{name}", b"no such thing")
    archive = collect(tmp_path)
    assert f"{name}: not unpacked\n" in archive["commands/cached-metadata/stderr"].decode()


def test_a_whole_distributions_metadata_may_hold_them(tmp_path: Path) -> None:
    package = "<package type='rpm'><name>kubeadm</name><version epoch='0' ver='1.37.2' rel='1.1'/></package>"
    put(tmp_path, "var/cache/dnf/all-0123456789abcdef/repodata/x-primary.xml", "<x/>" * 800_000 + package)
    said = collect(tmp_path)["commands/cached-metadata/stdout"].decode()
    assert "\tkubeadm\tversion epoch='0' ver='1.37.2' rel='1.1'/>" in said


def test_cached_package_files_are_named_and_those_that_are_not_whole_are_not(tmp_path: Path) -> None:
    for name in ("kubelet_1.36.3-1.1_amd64.deb", "vim_9_amd64.deb", "partial/kubeadm_1.36.3-1.1_amd64.deb"):
        put(tmp_path, f"var/cache/apt/archives/{name}")
    put(tmp_path, "var/cache/dnf/k-0123456789abcdef/packages/cri-tools-1.36.0-150500.1.1.x86_64.rpm")
    found = read_host(collect(tmp_path), "", "").supply.cached
    assert isinstance(found, tuple)
    assert sorted(one.package for one in found) == ["cri-tools", "kubelet"]


def test_apts_lists_of_kubernetes_come_and_no_other(tmp_path: Path) -> None:
    kept = ["pkgs.k8s.io_core:_stable:_v1.36_deb_InRelease", "a_core_stable_v1.37_deb_Release.gpg"]
    for name in (*kept, "deb.debian.org_debian_dists_trixie_InRelease", "pkgs.k8s.io_core:_stable:_v1.36_deb_Packages"):
        put(tmp_path, f"var/lib/apt/lists/{name}", "Date: x\n")
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    archive = collect(tmp_path)
    assert sorted(path for path in archive if "/lists/" in path) == sorted(
        f"files/var/lib/apt/lists/{one}" for one in kept
    )


@pytest.mark.skipif(shutil.which("busybox") is None, reason="busybox is not installed")
def test_busybox_tells_secret_keys_too(tmp_path: Path) -> None:
    put(tmp_path, "etc/apt/trusted.gpg", armor(public_key() + packet(5, b"PLANTED")))
    put(tmp_path, "etc/apt/trusted.gpg.d/k.asc", armor(public_key()))
    command = ["busybox", "sh", "-s", "--", "--root", str(tmp_path)]
    done = subprocess.run(command, input=collect_script().encode(), capture_output=True, check=True, timeout=60)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        names = archive.getnames()
    assert ("files/etc/apt/trusted.gpg" in names, "files/etc/apt/trusted.gpg.d/k.asc" in names) == (False, True)
