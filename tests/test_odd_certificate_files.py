"""Odd certificate files on a node, through the collector: read, or said, and never taken for a good one."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from kubepreflight.host import Host, Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.script import collect_script
from tests.fake_node import make_certificate

PKI = "/etc/kubernetes/pki"
ONE, KEY = make_certificate("one")
OTHER, _ = make_certificate("other")
LOADED = serialization.load_pem_private_key(KEY, None)
PKCS1 = LOADED.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
PKCS8_DER = LOADED.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
ENCRYPTED = LOADED.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
DER = x509.load_pem_x509_certificate(ONE).public_bytes(Encoding.DER)

FILES: dict[str, tuple[bytes, int]] = {
    "pem.crt": (ONE, 1),
    "der.crt": (DER, 1),
    "der.der": (DER, 1),
    "bundle-of-many.crt": (ONE * 150, 150),
    "one-and-a-broken-one.crt": (ONE + OTHER.replace(b"MII", b"!!!", 1), 1),
    "with-its-key.pem": (ONE + KEY, 1),
    "with-a-key-of-old-form.pem": (PKCS1 + ONE, 1),
    "with-an-encrypted-key.pem": (ENCRYPTED + ONE, 1),
    "empty.crt": (b"", 0),
    "garbage.crt": (b"\xff\xfe\0garbage", 0),
    "cut-off.crt": (ONE[: len(ONE) // 2], 0),
    "a-request.crt": (ONE.replace(b"CERTIFICATE", b"CERTIFICATE REQUEST"), 0),
    "a-key.crt": (KEY, 0),
    "an-encrypted-key.crt": (ENCRYPTED, 0),
    "a-key-as-der.crt": (PKCS8_DER, 0),
    "wrapped-der-cut-off.crt": (DER[:-20], 0),
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> tuple[Host, bytes]:
    """What is read of all of them, and the archive."""
    root = tmp_path_factory.mktemp("node-")
    folder: Path = root / PKI[1:]
    folder.mkdir(parents=True)
    (root / "var/lib/kubelet/pki").mkdir(parents=True)
    for name, (content, _) in FILES.items():
        (folder / name).write_bytes(content)
    command = ["sh", "-s", "--", "--root", str(root)]
    done = subprocess.run(command, input=collect_script().encode(), capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        streams = {one.name: archive.extractfile(one) for one in archive if one.isfile()}
        members = {name: stream.read() for name, stream in streams.items() if stream}
    return read_host(members, "n.tar", "n"), done.stdout


@pytest.mark.parametrize("name", FILES)
def test_each_is_read_or_known_to_hold_none(name: str, node: tuple[Host, bytes]) -> None:
    host, path, count = node[0], f"{PKI}/{name}", FILES[name][1]
    assert not isinstance(host.certificates, Missing)
    assert len([one for one in host.certificates if one.path == path]) == count
    assert (path in host.broken_certificates) == (count == 0)
    said = any(path in gap.reason for gap in host.unreadable)
    assert said == (count == 0 or "broken" in name)


def test_no_key_has_left_the_node(node: tuple[Host, bytes]) -> None:
    host, archive = node
    for private in (KEY, PKCS1, ENCRYPTED):
        assert not any(line in archive for line in private.splitlines()[1:-2])
    assert PKCS8_DER[10:60] not in archive
    assert not isinstance(host.private_keys, Missing)
    assert {path.rpartition("/")[2] for path in host.private_keys} >= {"a-key.crt", "with-its-key.pem"}


def test_a_copy_of_files_tells_it_too() -> None:
    host = read_host({f"files{PKI}/a.crt": b"garbage", f"files{PKI}/b.crt": ONE}, "n", "n")
    assert host.broken_certificates == {f"{PKI}/a.crt"}
