"""What the node's repositories and caches can give, as the collector brings it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.host import CachedPackage, Host, Keyring, Missing, Offer, PackageList, SigningKey, Supply
from kubepreflight.sources.host.archive import read_host
from tests.openpgp_keys import CREATED, YEAR, armor, fingerprint, material, public_key, signature

POLICY = """\
kubeadm:
  Installed: (none)
  Candidate: 1.36.4-1.1
  Version table:
     1.36.4-1.1 500
        500 https://pkgs.k8s.io/core:/stable:/v1.36/deb  Packages
     1.36.3-1.1 500
        500 https://pkgs.k8s.io/core:/stable:/v1.36/deb  Packages
kubelet:
  Installed: 1.36.3-1.1
  Candidate: 1.36.4-1.1
  Package pin: 1.36.3-1.1
  Version table:
 *** 1.36.3-1.1 -1
        100 /var/lib/dpkg/status
cri-tools:
  Installed: (none)
  Candidate: 1.30.0-1
  Version table:
     1.30.0-1 500
        500 http://deb.debian.org/debian trixie/main amd64 Packages
        500 http://mirror.example.com/debian trixie/main amd64 Packages
"""
"""As apt 2.6 and 3.0 print it."""
PKGS = "https://pkgs.k8s.io/core:/stable:/v1.36/deb"
RING = "/etc/apt/keyrings/kubernetes.gpg"
SOURCE = {"files/etc/apt/sources.list.d/k.list": f"deb [signed-by={RING}] {PKGS}/ /\n".encode()}
OWN = fingerprint(material())
KEY = SigningKey(
    fingerprint=OWN, user_id="isv:kubernetes", ends=datetime.fromtimestamp(CREATED, UTC) + timedelta(seconds=2 * YEAR)
)
RELEASE = """\
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: obs://build.opensuse.org/isv:kubernetes:core:stable:v1.36/deb
Date: Fri, 27 Nov 2026 13:48:40 GMT
Valid-Until: Fri, 04 Dec 2026 13:48:40 UTC
SHA256:
"""


def command(name: str, stdout: str = "", status: int = 0, stderr: str = "") -> dict[str, bytes]:
    parts = {"stdout": stdout, "stderr": stderr, "status": f"{status}\n"}
    return {f"commands/{name}/{part}": text.encode() for part, text in parts.items()}


DEB = command("dpkg-query", "kubelet\t1.36.3-1.1\tinstall\tok\tinstalled\n", 1) | command("apt-cache-policy", POLICY)
RPM = command("rpm-qa", "kubelet\t1.36.3-150500.1.1\tx86_64\n")


def host(*files: dict[str, bytes], complete: bool = True) -> Host:
    head = {"format": "kubepreflight.host/v1", "name": "w1", "complete": complete}
    members = {"host.json": json.dumps(head).encode()}
    for some in files:
        members |= some
    return read_host(members, "x", "x")


def supply(*files: dict[str, bytes]) -> Supply:
    return host(*files).supply


def test_what_apt_offers_is_what_a_repository_has() -> None:
    assert supply(DEB).offers == (
        Offer(package="kubeadm", version="1.36.4-1.1", sources=(PKGS,)),
        Offer(package="kubeadm", version="1.36.3-1.1", sources=(PKGS,)),
        Offer(
            package="cri-tools",
            version="1.30.0-1",
            sources=("http://deb.debian.org/debian trixie/main", "http://mirror.example.com/debian trixie/main"),
        ),
    )


METADATA = "/var/cache/dnf/kubernetes-93ef0015ed0ae167/repodata/3c0c-primary.xml.gz"


def test_what_dnf_has_read() -> None:
    line = f'{METADATA}\tkubelet\tversion epoch="0" ver="1.36.4" rel="150500.1.1"/>\n'
    assert supply(RPM, command("cached-metadata", line)).offers == (
        Offer(package="kubelet", version="1.36.4-150500.1.1", sources=("kubernetes",)),
    )


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (RPM | command("cached-packages"), "dnf's cache holds no repository's list of packages"),
        (
            RPM
            | command("cached-metadata", "", 0, "sh: zstd: not found\n/var/cache/x-primary.xml.zst: not unpacked\n"),
            "the node could not unpack what dnf cached: sh: zstd: not found",
        ),
        (DEB | command("apt-cache-policy", "", 127), "the node has no apt-cache"),
        (
            DEB | command("apt-cache-policy", "", 100, "E: The list of sources could not be read."),
            "apt-cache-policy failed there (status 100): E: The list of sources could not be read.",
        ),
        ({}, "not collected"),
    ],
)
def test_why_the_offers_are_not_known(files: dict[str, bytes], reason: str) -> None:
    assert supply(files).offers == Missing(reason)


def test_an_archive_of_an_earlier_collector_says_nothing_of_it() -> None:
    found = host(SOURCE, command("dpkg-query", "kubelet\t1.36.3-1.1\tinstall\tok\tinstalled\n", 1))
    nothing = Missing("not collected")
    assert found.supply == Supply(offers=nothing, cached=nothing, keyrings=nothing, lists=nothing)
    assert found.unreadable == ()


def test_cached_package_files() -> None:
    said = """\
/mnt/var/cache/apt/archives/kubelet_1.36.3-1.1_amd64.deb
/mnt/var/cache/apt/archives/kubectl_1%3a528.0.0-0_all.deb
/mnt/var/cache/dnf/kubernetes-93ef0015ed0ae167/packages/cri-tools-1.36.0-150500.1.1.x86_64.rpm
/mnt/var/cache/apt/archives/nonsense.deb
"""
    assert supply(DEB, command("cached-packages", said)).cached == (
        CachedPackage(
            package="kubelet", version="1.36.3-1.1", file="/var/cache/apt/archives/kubelet_1.36.3-1.1_amd64.deb"
        ),
        CachedPackage(
            package="kubectl", version="1:528.0.0-0", file="/var/cache/apt/archives/kubectl_1%3a528.0.0-0_all.deb"
        ),
        CachedPackage(
            package="cri-tools",
            version="1.36.0-150500.1.1",
            file="/var/cache/dnf/kubernetes-93ef0015ed0ae167/packages/cri-tools-1.36.0-150500.1.1.x86_64.rpm",
        ),
    )
    assert supply(DEB).cached == ()


@pytest.mark.parametrize("keyring", [public_key(), armor(public_key())])
def test_the_keyring_that_a_source_names(keyring: bytes) -> None:
    assert supply(DEB, SOURCE, {f"files{RING}": keyring}).keyrings == (Keyring(file=RING, keys=(KEY,)),)


def test_absent_unreadable_and_broken_keyrings_are_three_things() -> None:
    assert supply(DEB, SOURCE).keyrings == ()
    unread = {"unreadable.txt": f"{RING}\tpermission denied\n".encode()}
    assert supply(DEB, SOURCE, unread).keyrings == (Keyring(file=RING, keys=Missing(f"{RING}: permission denied")),)
    broken = host(DEB, SOURCE, {f"files{RING}": b"<html>404</html>"})
    reason = f"{RING}: there is no OpenPGP public key in it"
    assert broken.supply.keyrings == (Keyring(file=RING, keys=Missing(reason)),)
    assert [gap.reason for gap in broken.unreadable] == [reason]


def test_a_key_in_the_source_itself() -> None:
    key = armor(public_key()).decode().replace("\n\n", "\n.\n")
    text = "Types: deb\nURIs: https://x/\nSuites: /\nSigned-By:\n" + "".join(f" {line}\n" for line in key.splitlines())
    file = "/etc/apt/sources.list.d/k.sources"
    assert supply(DEB, {f"files{file}": text.encode()}).keyrings == (Keyring(file=file, keys=(KEY,)),)


def test_what_is_trusted_anyhow_and_what_rpm_imported() -> None:
    trusted = "/etc/apt/trusted.gpg.d/a.asc"
    assert supply(DEB, {f"files{trusted}": armor(public_key())}).keyrings == (Keyring(file=trusted, keys=(KEY,)),)
    imported = supply(RPM, command("rpm-keys", armor(public_key()).decode() + "\n"))
    assert imported.keyrings == (Keyring(file="rpm's database", keys=(KEY,)),)
    none = supply(RPM, command("rpm-keys", "package gpg-pubkey is not installed\n", 1))
    assert none.keyrings == ()


@pytest.mark.parametrize("detached", [True, False])
def test_the_list_that_was_fetched(detached: bool) -> None:
    file = "/var/lib/apt/lists/pkgs.k8s.io_core:_stable:_v1.36_deb"
    signed = armor(signature(0x01, OWN), "SIGNATURE")
    files = (
        {f"files{file}_Release": RELEASE.encode(), f"files{file}_Release.gpg": signed}
        if detached
        else {f"files{file}_InRelease": RELEASE.encode() + signed}
    )
    assert supply(DEB, files).lists == (
        PackageList(
            file=file,
            date=datetime(2026, 11, 27, 13, 48, 40, tzinfo=UTC),
            valid_until=datetime(2026, 12, 4, 13, 48, 40, tzinfo=UTC),
            signers=(OWN,),
        ),
    )


@given(
    st.sampled_from(["apt-cache-policy", "cached-metadata", "cached-packages", "rpm-keys"]),
    st.text(alphabet=st.sampled_from("kubelet:_-. \t\n*0159/v\x00é")),
    st.binary(max_size=60),
)
def test_nothing_in_an_archive_raises(name: str, text: str, data: bytes) -> None:
    listed = "files/var/lib/apt/lists/x_core:_stable:_v1.36_deb_InRelease"
    files = {**DEB, **SOURCE, f"files{RING}": data, listed: b"Date: " + data}
    assert host(files, command(name, text)).name == host(RPM, command(name, text)).name == "w1"
