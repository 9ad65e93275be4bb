"""What kubeadm says of the certificates on a disk is the oracle for our facts about the same disk.

`kubeadm certs check-expiration` over what the real kubeadm made, as it is and damaged, and `kubeadm certs renew`. Where
kubeadm fails, we must say that we could not read that file, and never pass it over.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from kubepreflight.host import Host
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from tests.real.kubeadm_pki import (
    AUTHORITIES,
    EXTERNAL_ETCD,
    KEYS,
    LEAVES,
    SHORT,
    Change,
    agree,
    configure,
    gone,
    made,
    read,
)
from tests.real.machine import Machine
from tests.real.tables import VERSIONS


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, KubeadmConfig]:
    """A node as kubeadm makes it, and beside its files, in /tmp, the same of a cluster with short lives."""
    root = tmp_path_factory.mktemp("node-")
    other, _ = made(root / "other", VERSIONS[-1], **SHORT)
    machine, config = made(root / "node", VERSIONS[-1])
    shutil.copytree(other.kubernetes, machine.root / "tmp/other")
    return machine, config


@pytest.fixture
def copy(node: tuple[Machine, KubeadmConfig], tmp_path: Path) -> tuple[Machine, KubeadmConfig]:
    """A copy of that node to change."""
    shutil.copytree(node[0].root, tmp_path / "node")
    return Machine(tmp_path / "node"), node[1]


@pytest.mark.parametrize(
    "cluster",
    [
        {},
        SHORT,
        {"certificateValidityPeriod": "1h0m0s"},
        {"certificateValidityPeriod": "90m"},
        {"certificateValidityPeriod": "8760h0m1.5s"},
        {"caCertificateValidityPeriod": "24h"},
        {"certificateValidityPeriod": "48h", "caCertificateValidityPeriod": "24h"},
        {"certificateValidityPeriod": "876000h", "caCertificateValidityPeriod": "876000h"},
        {"certificatesDir": "/etc/kubernetes/certificates"},
        {"certificatesDir": "/srv/pki/"},
        {"encryptionAlgorithm": "ECDSA-P384"},
        {"encryptionAlgorithm": "RSA-2048"},
        EXTERNAL_ETCD,
    ],
    ids=lambda cluster: " ".join(f"{name}={value}" for name, value in cluster.items())[:60] or "default",
)
def test_what_kubeadm_makes(cluster: dict[str, Any], tmp_path: Path) -> None:
    machine, config = made(tmp_path, VERSIONS[len(cluster) % 2], **cluster)
    ends = agree(machine, config).said["apiserver"].ends
    assert ends is not None
    validity = config.certificate_validity or timedelta(days=365)
    assert abs(ends - datetime.now(UTC) - validity) < timedelta(minutes=5)


def linked(path: str, target: str) -> Change:
    def change(machine: Machine) -> None:
        file = machine.kubernetes / path
        file.rename(machine.root / "tmp/moved")
        file.symlink_to(target)

    return change


def replaced(path: str, source: str) -> Change:
    return lambda machine: (machine.kubernetes / path).write_bytes(read(machine, source))


PRESENCE: dict[str, Change] = {
    "the cluster's authority is external": gone(KEYS["ca"]),
    "etcd's authority is external": gone(KEYS["etcd-ca"]),
    "the front proxy's authority is external": gone(KEYS["front-proxy-ca"]),
    "all authorities are external": gone(*KEYS.values()),
    "no cluster authority": gone(AUTHORITIES["ca"]),
    "no etcd authority": gone(AUTHORITIES["etcd-ca"]),
    "no front proxy authority": gone(AUTHORITIES["front-proxy-ca"]),
    "half of the certificates are gone": gone(*LEAVES[::2]),
    "the other half is gone": gone(*LEAVES[1::2]),
    "no key but the authorities'": gone("pki/apiserver.key", "pki/etcd/peer.key", "pki/front-proxy-client.key"),
    "an authority's key is a link": linked(KEYS["ca"], "/tmp/moved"),
    "an authority's key is a link to nowhere": linked(KEYS["ca"], "/nowhere"),
    "an authority's key is garbage": replaced(KEYS["ca"], "pki/sa.pub"),
    "a certificate is a link": linked("pki/apiserver.crt", "/tmp/moved"),
    "a certificate is a link to nowhere": linked("pki/apiserver.crt", "/nowhere"),
    "an external authority's certificate is gone": gone(KEYS["front-proxy-ca"], "pki/front-proxy-client.crt"),
}


@pytest.mark.parametrize("change", PRESENCE.values(), ids=PRESENCE.keys())
def test_what_is_there_and_what_is_not(change: Change, copy: tuple[Machine, KubeadmConfig]) -> None:
    change(copy[0])
    agree(*copy)


@pytest.fixture
def small(copy: tuple[Machine, KubeadmConfig]) -> tuple[Machine, KubeadmConfig]:
    """A node with little more than what the tables below damage, which is the quicker read."""
    machine, config = copy
    kept = {"ca.crt", "ca.key", "apiserver.crt", "admin.conf"}
    for path in machine.kubernetes.rglob("*"):
        if path.is_file() and path.name not in kept:
            path.unlink()
    shutil.rmtree(machine.kubernetes / "pki/etcd")
    return machine, config


def der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def pem(data: bytes) -> bytes:
    return ssl.DER_cert_to_PEM_cert(data).encode()


class Pem(NamedTuple):
    """A certificate to damage, another of the same name, and a private key."""

    one: bytes
    other: bytes
    key: bytes


HEAD = b"-----BEGIN CERTIFICATE-----\n"
END = b"-----END CERTIFICATE-----\n"
CONTENT: dict[str, Callable[[Pem], bytes]] = {
    "cut off": lambda it: it.one[: len(it.one) // 2],
    "cut off within its end": lambda it: it.one[:-15],
    "garbage": lambda it: b"\0garbage" + it.one[:0],
    "empty": lambda it: it.one[:0],
    "a blank line": lambda it: it.one[:0] + b"\n",
    "a private key": lambda it: it.key,
    "a request": lambda it: it.one.replace(b"CERTIFICATE", b"CERTIFICATE REQUEST"),
    "lines of DOS": lambda it: it.one.replace(b"\n", b"\r\n"),
    "lines of old Macs": lambda it: it.one.replace(b"\n", b"\r"),
    "words before it": lambda it: b"subject=CN = x\nissuer=CN = y\n\n" + it.one,
    "words behind it": lambda it: it.one + b"\nsome words\n",
    "no last newline": lambda it: it.one.rstrip(),
    "indented": lambda it: b"".join(b"  " + line for line in it.one.splitlines(keepends=True)),
    "a word before its begin": lambda it: b"x" + it.one,
    "a byte order mark": lambda it: b"\xef\xbb\xbf" + it.one,
    "UTF-16": lambda it: it.one.decode().encode("utf-16"),
    "a name in lower case": lambda it: it.one.replace(b"CERTIFICATE", b"certificate"),
    "headers": lambda it: it.one.replace(HEAD, HEAD + b"Proc-Type: 4,ENCRYPTED\n\n"),
    "a key before it": lambda it: it.key + it.one,
    "a key behind it": lambda it: it.one + it.key,
    "another behind it": lambda it: it.one + it.other,
    "a cut one behind it": lambda it: it.one + it.other[:200],
    "a broken one behind it": lambda it: it.one + it.other.replace(b"MII", b"!!!", 1),
    "another before it": lambda it: it.other + it.one,
    "an empty one before it": lambda it: HEAD + END + it.one,
    "begun twice": lambda it: HEAD + it.one,
    "one line of base64": lambda it: HEAD + b"".join(it.one.splitlines()[1:-1]) + b"\n" + END,
    "one line": lambda it: b"".join(it.one.splitlines()),
    "blank lines between": lambda it: it.one.replace(b"\n", b"\n\n"),
    "blanks at the ends": lambda it: it.one.replace(b"\n", b" \n"),
    "a letter that is no base64": lambda it: it.one.replace(b"MII", b"M!I", 1),
    "no end": lambda it: it.one.replace(END, b""),
    "four dashes": lambda it: it.one.replace(b"-----END", b"----END"),
    "bytes behind the structure": lambda it: pem(der(it.one) + b"\0\0"),
    "a structure cut off": lambda it: pem(der(it.one)[:-9]),
    "DER": lambda it: der(it.one),
    "X509": lambda it: it.one.replace(b"CERTIFICATE", b"X509 CERTIFICATE"),
    "trusted": lambda it: it.one.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
    "another name at its end": lambda it: it.one.replace(b"END CERT", b"END X509 CERT"),
    "tabs": lambda it: it.one.replace(b"\nMII", b"\n\tMII"),
}
READ_ALL_THE_SAME = (
    "OpenSSL writes or reads it, kubeadm and the API server refuse it: when it ends is known all the same"
)
CONTENT_DIFFERS = {
    "DER": READ_ALL_THE_SAME,
    "X509": READ_ALL_THE_SAME,
    "trusted": READ_ALL_THE_SAME,
    "another name at its end": READ_ALL_THE_SAME,
    "tabs": "no tool writes them: the collector lets nothing pass that is not plainly a certificate, and says so",
}


@pytest.fixture(scope="module")
def damaged(node: tuple[Machine, KubeadmConfig], tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Host]:
    """A node with a folder of certificates for each damage, and what we read of all of them at once."""
    machine = Machine(tmp_path_factory.mktemp("damaged-"))
    pki, other = node[0].kubernetes / "pki", node[0].root / "tmp/other/pki"
    for name in ("apiserver", "ca"):
        it = Pem(*(path.read_bytes() for path in (pki / f"{name}.crt", other / f"{name}.crt", pki / "sa.key")))
        for number, damage in enumerate(CONTENT.values()):
            folder = machine.kubernetes / f"{name}-{number}"
            folder.mkdir()
            for path in (*pki.glob("ca.*"), pki / "apiserver.crt"):
                shutil.copy(path, folder)
            (folder / f"{name}.crt").write_bytes(damage(it))
    return machine, machine.host()


@pytest.mark.parametrize("name", ["apiserver", "ca"])
@pytest.mark.parametrize("content", CONTENT)
def test_a_damaged_certificate(content: str, name: str, damaged: tuple[Machine, Host]) -> None:
    machine, host = damaged
    folder = f"/etc/kubernetes/{name}-{list(CONTENT).index(content)}"
    config = configure(machine, VERSIONS[-1], certificatesDir=folder)
    with as_it_differs(CONTENT_DIFFERS.get(content)):
        agree(machine, config, host)


@contextmanager
def as_it_differs(reason: str | None) -> Iterator[None]:
    """What stands within disagrees when there is a reason for it, and agrees when there is none."""
    with pytest.raises(AssertionError) if reason else nullcontext():
        yield


Kubeconfig = dict[str, Any]


class Kubeconfigs(NamedTuple):
    """An admin.conf to change, and that of another cluster."""

    one: Kubeconfig
    other: Kubeconfig


def user_of(config: Kubeconfig) -> dict[str, str]:
    found: dict[str, str] = config["users"][0]["user"]
    return found


def cluster_of(config: Kubeconfig) -> dict[str, str]:
    found: dict[str, str] = config["clusters"][0]["cluster"]
    return found


def with_file(it: Kubeconfigs) -> None:
    pair = {
        "client-certificate": "/etc/kubernetes/pki/apiserver.crt",
        "client-key": "/etc/kubernetes/pki/apiserver.key",
    }
    it.one["users"][0]["user"] = pair


def with_authority_file(it: Kubeconfigs) -> None:
    it.one["clusters"][0]["cluster"] = {
        "server": "https://192.0.2.1",
        "certificate-authority": "/etc/kubernetes/pki/ca.crt",
    }


def decoded(data: str) -> bytes:
    return base64.b64decode(data)


def with_data(config: Kubeconfig, data: bytes) -> None:
    user_of(config)["client-certificate-data"] = base64.b64encode(data).decode()


def certificate_in(config: Kubeconfig) -> bytes:
    return decoded(user_of(config)["client-certificate-data"])


KUBECONFIGS: dict[str, Callable[[Kubeconfigs], object]] = {
    "a certificate in a file": with_file,
    "a file and data": lambda it: user_of(it.one).update({"client-certificate": "/etc/kubernetes/pki/ca.crt"}),
    "another user before": lambda it: it.one["users"].insert(0, {**it.other["users"][0], "name": "other"}),
    "another user behind": lambda it: it.one["users"].append({**it.other["users"][0], "name": "other"}),
    "another context before": lambda it: it.one["contexts"].insert(0, {"name": "other", "context": {"user": "x"}}),
    "no current context": lambda it: it.one.update({"current-context": ""}),
    "no such context": lambda it: it.one.update({"current-context": "other"}),
    "no such user": lambda it: it.one["contexts"][0]["context"].update(user="other"),
    "no such cluster": lambda it: it.one["contexts"][0]["context"].update(cluster="other"),
    "an authority in a file": with_authority_file,
    "an authority that is garbage": lambda it: cluster_of(it.one).update(
        {"certificate-authority-data": "Z2FyYmFnZQ=="}
    ),
    "a token": lambda it: it.one["users"][0].update(user={"token": "abc"}),
    "no base64": lambda it: user_of(it.one).update({"client-certificate-data": "!!!"}),
    "no data": lambda it: user_of(it.one).update({"client-certificate-data": ""}),
    "garbage": lambda it: with_data(it.one, b"garbage"),
    "DER": lambda it: with_data(it.one, der(certificate_in(it.one))),
    "another behind it": lambda it: with_data(it.one, certificate_in(it.one) + certificate_in(it.other)),
    "its authority behind it": lambda it: with_data(
        it.one, certificate_in(it.one) + decoded(cluster_of(it.one)["certificate-authority-data"])
    ),
    "an authority before it": lambda it: with_data(
        it.one, decoded(cluster_of(it.other)["certificate-authority-data"]) + certificate_in(it.one)
    ),
    "a key in its certificate": lambda it: with_data(
        it.one, certificate_in(it.one) + decoded(user_of(it.one)["client-key-data"])
    ),
    "an unknown field": lambda it: it.one.update(extra=1),
    "another kind": lambda it: it.one.update(kind="Deployment", apiVersion="apps/v1"),
    "no kind": lambda it: (it.one.pop("kind"), it.one.pop("apiVersion")),
}
NOT_RENEWABLE = "kubeadm looks at more than the certificate: the upgrade will fail at renewing it; when it ends is true"
KUBECONFIG_DIFFERS = {
    "no such context": NOT_RENEWABLE,
    "no current context": NOT_RENEWABLE,
    "no such cluster": NOT_RENEWABLE,
    "an authority in a file": NOT_RENEWABLE,
    "another kind": NOT_RENEWABLE,
    "DER": READ_ALL_THE_SAME,
    "an authority before it": "kubeadm looks at the first certificate whatever it is; what a client shows is the leaf",
    "a key in its certificate": "the collector lets nothing leave the node that holds a key, and says so",
}


@pytest.mark.parametrize("change", KUBECONFIGS)
def test_a_kubeconfig(change: str, small: tuple[Machine, KubeadmConfig]) -> None:
    machine, config = small
    path = machine.kubernetes / "admin.conf"
    files = (path, machine.root / "tmp/other/admin.conf")
    it = Kubeconfigs(*(yaml.safe_load(file.read_bytes()) for file in files))
    KUBECONFIGS[change](it)
    path.write_text(yaml.safe_dump(it.one), encoding="utf-8")
    with as_it_differs(KUBECONFIG_DIFFERS.get(change)):
        agree(machine, config)


LEFT = "secrets cannot be told from the rest in this notation: the collector leaves the file on the node, and says so"
NOTATIONS: dict[str, tuple[Callable[[str], str], str | None]] = {
    "lines of DOS": (lambda text: text.replace("\n", "\r\n"), None),
    "a byte order mark": (lambda text: "\ufeff" + text, None),
    "a comment and a mark": (lambda text: f"# ours\n---\n{text}", None),
    "two documents": (lambda text: f"{text}---\nkind: Other\n", None),
    "a key twice": (lambda text: f"{text}kind: Config\n", None),
    "quotes": (lambda text: re.sub(r"(-data: )(\S+)", r'\1"\2"', text), None),
    "tabs": (lambda text: text.replace("    ", "\t"), None),
    "broken": (lambda text: f"{text[:300]}\n  : [", None),
    "empty": (lambda text: text[:0], None),
    "a list": (lambda text: f"- {text[:10]}", None),
    "lines of base64": (lambda text: re.sub(r"(client-certificate-data: )(\S{64})", r"\1\2\n      ", text), None),
    "a block of base64": (lambda text: re.sub(r"(client-certificate-data: )", r"\1|\n      ", text), LEFT),
    "JSON": (lambda text: json.dumps(yaml.safe_load(text)), LEFT),
    "flow": (lambda text: yaml.safe_dump(yaml.safe_load(text), default_flow_style=True, width=10**6), LEFT),
}


@pytest.mark.parametrize(("notation", "differs"), NOTATIONS.values(), ids=NOTATIONS.keys())
def test_a_kubeconfig_in_another_notation(
    notation: Callable[[str], str], differs: str | None, small: tuple[Machine, KubeadmConfig]
) -> None:
    machine, config = small
    path = machine.kubernetes / "admin.conf"
    path.write_bytes(notation(path.read_text(encoding="utf-8")).encode())
    host = machine.host()
    with as_it_differs(differs):
        agree(machine, config, host)
    if differs:
        assert any("/etc/kubernetes/admin.conf" in gap.reason for gap in host.unreadable)
