"""What the real API server and etcd show when the real kubeadm has renewed their files, and what a scan says of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from kubepreflight.sources.handshakes import Target, shake_hands
from kubepreflight.sources.host.script import collect_script
from tests.real.cluster import PLAN, Cluster
from tests.real.machine import NODE, mirror
from tests.real.objects import Object, node
from tools.kubernetes.control_plane import ControlPlane
from tools.kubernetes.programs import program
from tools.waiting import until

RULE = "served-certificate-is-stale"
NAMES = {"kube-apiserver": "apiserver", "etcd": "etcd-server"}
HERE = "127.0.0.1"


class Served:
    """A control plane whose files may be renewed, with a node's disk that is a copy of them."""

    def __init__(self, control_plane: ControlPlane, root: Path) -> None:
        self.control_plane = control_plane
        self.cluster = Cluster(control_plane)
        self.root = root
        self.pki = control_plane.folder / "pki"
        self.ports = {"kube-apiserver": port_of(control_plane.url), "etcd": port_of(control_plane.etcd_url)}
        manifests = {one.stem: one for one in (control_plane.folder / "manifests").rglob("*.yaml")}
        me: Object = node(NODE, control_plane=True)
        me["status"]["addresses"] = [{"type": "InternalIP", "address": HERE}]
        self.cluster.holds(me, *(self._pod(manifests[name]) for name in ("kube-apiserver", "etcd")))

    def _pod(self, manifest: Path) -> Object:
        """Its mirror, with the ports on which the program listens here."""
        pod = mirror(manifest)
        command = pod["spec"]["containers"][0]["command"]
        command += [f"--secure-port={self.ports['kube-apiserver']}"] if "apiserver" in manifest.stem else []
        command += [f"--advertise-client-urls={self.control_plane.etcd_url}"] if manifest.stem == "etcd" else []
        return pod

    def renew(self, name: str, pki: Path | None = None) -> None:
        """`kubeadm certs renew`, over the files that the running programs were started with, or over a copy of them."""
        config = self.root / "renewal.yaml"
        documents = list(yaml.safe_load_all((self.control_plane.folder / "kubeadm.yaml").read_text(encoding="utf-8")))
        documents[1] |= {"certificateValidityPeriod": "8760h0m0s", "certificatesDir": str(pki or self.pki)}
        config.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
        command = [str(program("kubeadm", self.control_plane.version)), "certs", "renew", name, "--config", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})
        assert done.returncode == 0, done.stderr

    def shown(self, server: str) -> str:
        """The fingerprint of what a server shows now; empty when it refuses the handshake."""
        target = Target(NODE, "etcd" if server == "etcd" else "kube-apiserver", HERE, self.ports[server])
        return next((one.certificate.sha256 for one in shake_hands([target]).shown), "")

    def shows_another(self, server: str, old: str) -> bool:
        """Whether it shows one that is not the old one."""
        return self.shown(server) not in ("", old)

    def collect(self) -> Path:
        """The host archive of now."""
        disk = self.root / "disk"
        shutil.rmtree(disk, ignore_errors=True)
        (disk / "etc/kubernetes").mkdir(parents=True)
        (disk / "etc/hostname").write_text(NODE)
        shutil.copytree(self.pki, disk / "etc/kubernetes/pki")
        archive = self.root / "hosts.tar"
        command = ["sh", "-s", "--", "--root", str(disk)]
        archive.write_bytes(
            subprocess.run(command, input=collect_script().encode(), capture_output=True, check=True).stdout
        )
        return archive

    def said(self, archive: Path) -> list[str]:
        """What the rule says of each server, in a live scan with that archive."""
        options = ("--live", str(archive), "--opt-in", "served-certificates", *PLAN)
        scan = self.cluster.scan(*options)
        assert scan.coverage(RULE)["status"] in ("checked", "partial"), scan.error
        return sorted(one["subject"]["field"] for one in scan.findings(RULE))


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    short = {"certificateValidityPeriod": "100h0m0s", "encryptionAlgorithm": "ECDSA-P256"}
    with ControlPlane(tmp_path / "cluster", cluster=short) as control_plane:
        yield Served(control_plane, tmp_path)


def test_renewed_certificates_are_taken_up_where_the_keys_fit(served: Served) -> None:
    before = served.collect()
    first = {server: served.shown(server) for server in served.ports}
    # etcd shows its certificate to a client that has none.
    assert all(first.values())
    assert served.said(before) == []
    for server, old in first.items():
        served.renew(NAMES[server])
        assert until(partial(served.shows_another, server, old), 90), f"{server} keeps the old one"
    # The archive of before is the older one now, which is no fault of the server's.
    assert served.said(before) == []
    assert served.said(served.collect()) == []


def test_a_certificate_whose_key_is_anothers_is_not_taken_up(served: Served) -> None:
    first = served.shown("kube-apiserver")
    renewed = served.pki / "apiserver.crt"
    aside = served.root / "aside"
    shutil.copytree(served.pki, aside)
    served.renew("apiserver", pki=aside)
    # Somebody brought the new certificate from elsewhere, and not its key.
    shutil.copy(aside / "apiserver.crt", renewed)
    log = served.control_plane.process("kube-apiserver").log
    assert until(lambda: "private key does not match public key" in log.read_text(errors="replace"), 90)
    assert served.shown("kube-apiserver") == first
    assert served.said(served.collect()) == ["kube-apiserver serving certificate"]
    shutil.copy(aside / "apiserver.key", served.pki)
    assert until(partial(served.shows_another, "kube-apiserver", first), 90)
    assert served.said(served.collect()) == []


def test_an_etcd_with_such_a_pair_answers_nobody(served: Served) -> None:
    aside = served.root / "aside"
    shutil.copytree(served.pki, aside)
    served.renew("etcd-server", pki=aside)
    shutil.copy(aside / "etcd/server.crt", served.pki / "etcd/server.crt")
    assert until(lambda: not served.shown("etcd"))
