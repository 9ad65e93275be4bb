"""A control-plane node's certificates as the real kubeadm makes them, and what it and we say of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml

from kubepreflight.finding import Hop
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.certificates import CertificateInventory
from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.semantics.certificate_timeline import CertificateTimeline
from kubepreflight.semantics.control_plane_order import ControlPlaneOrder
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.renewal import Renewer, absent_keys
from kubepreflight.upgrade import ApiServers, Upgrade
from kubepreflight.version import Version
from tests.real.machine import Machine
from tests.real.tables import VERSIONS

INVENTORY = CertificateInventory.provide()
CONFIGURATION = "/kubeadm.yaml"
Change = Callable[[Machine], object]


class Said(msgspec.Struct, frozen=True):
    """What is said of one certificate: its end, None when it is not there, and whether its authority is external."""

    ends: datetime | None
    external: bool = False


def configure(machine: Machine, version: str, **cluster: Any) -> KubeadmConfig:
    """Write the kubeadm configuration of a machine down; keys of elliptic curves are quickly made."""
    group = "kubeadm.k8s.io/v1beta4"
    documents: tuple[dict[str, Any], ...] = (
        {
            "apiVersion": group,
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": "192.0.2.1"},
            "nodeRegistration": {"name": "cp1", "criSocket": "unix:///var/run/none.sock"},
        },
        {
            "apiVersion": group,
            "kind": "ClusterConfiguration",
            "kubernetesVersion": f"v{version}",
            "encryptionAlgorithm": "ECDSA-P256",
            **cluster,
        },
    )
    (machine.root / CONFIGURATION[1:]).write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return KubeadmConfig.parse(yaml.safe_dump(documents[1]))


def kubeadm(machine: Machine, version: str, *arguments: str) -> str:
    done = machine.run("kubeadm", version, *arguments, "--config", CONFIGURATION)
    assert done.returncode == 0, done.stderr
    return done.stdout


def made(root: Path, version: str, **cluster: Any) -> tuple[Machine, KubeadmConfig]:
    """A control-plane node's certificates, as kubeadm makes them."""
    machine = Machine(root)
    config = configure(machine, version, **cluster)
    for what in ("certs", "kubeconfig", "control-plane"):
        kubeadm(machine, version, "init", "phase", what, "all")
    return machine, config


def kubeadm_says(machine: Machine, version: str) -> dict[str, Said] | str:
    """What check-expiration tells of each certificate; its error when it fails, as it does at the first bad file."""
    done = machine.run("kubeadm", version, "certs", "check-expiration", "-o", "json", "--config", CONFIGURATION)
    if done.returncode:
        return done.stderr
    told = json.loads(done.stdout)
    return {
        one["name"]: Said(
            None if one["missing"] else datetime.fromisoformat(one["expirationDate"]), one["externallyManaged"]
        )
        for one in (*told["certificates"], *told["certificateAuthorities"])
    }


class Ours(msgspec.Struct, frozen=True):
    """What we say of each certificate of kubeadm's, and of the files that we could not read."""

    said: Mapping[str, Said]
    gaps: tuple[str, ...]


def we_say(host: Host, config: KubeadmConfig) -> Ours:
    timeline = timeline_of(host, config)
    keys = host.private_keys
    assert not isinstance(keys, Missing)
    assert not isinstance(host.certificates, Missing)
    paths = {one.path: one for one in host.certificates}
    absent = absent_keys(INVENTORY, keys, paths, config.certificates_directory)
    said = {
        one.name: Said(None) for one in INVENTORY.certificates if one.managed_by == "kubeadm" or one.kind == "authority"
    }
    if config.etcd_is_external:
        said = {name: one for name, one in said.items() if not INVENTORY.get(name).local_etcd_only}
    for one in reversed(timeline.certificates):
        if one.name in said:
            external = one.renewer is Renewer.EXTERNAL_AUTHORITY or one.name in absent
            said[one.name] = Said(one.ends, external)
    return Ours(said, tuple(gap.reason for gap in (*host.unreadable, *timeline.gaps)))


def timeline_of(host: Host, config: KubeadmConfig) -> CertificateTimeline:
    """The certificates of a node whose next upgrade is to the newest version here."""
    start, old, new = datetime.now(UTC), Version.parse(VERSIONS[0]), Version.parse(VERSIONS[1])
    hop = Hop(old.minor_version, new.minor_version)
    upgrade = Upgrade(current=old, target=new, hops=(hop,), start=start, end=start + timedelta(days=1))
    return CertificateTimeline.provide(
        hosts=[host],
        upgrade=upgrade,
        order=ControlPlaneOrder.provide(upgrade, ApiServers({"cp1": old}, old)),
        inventory=INVENTORY,
        versions=ComponentVersions.provide(),
        config=config,
    )


def agree(machine: Machine, config: KubeadmConfig, host: Host | None = None) -> Ours:
    """Both kubeadms and we say the same, or they fail at a file that we could not read either, or that is not there."""
    ours = we_say(host or machine.host(), config)
    for version in VERSIONS:
        told = kubeadm_says(machine, version)
        if isinstance(told, str):
            path = NAMED.search(told)
            assert path is not None, told
            known = INVENTORY.at(path[0], config.certificates_directory)
            there = known is None or ours.said[known.name].ends is not None
            assert not there or any(path[0] in gap for gap in ours.gaps), f"{told}{ours}"
        else:
            assert ours.said == told
    return ours


NAMED = re.compile(r"/etc/kubernetes/[\w./-]+\.(crt|key|conf)")


SHORT = {"certificateValidityPeriod": "100h0m0s", "caCertificateValidityPeriod": "3000h0m0s"}

EXTERNAL_ETCD = {
    "etcd": {
        "external": {
            "endpoints": ["https://192.0.2.9:2379"],
            "caFile": "/etc/kubernetes/pki/etcd/ca.crt",
            "certFile": "/etc/kubernetes/pki/apiserver-etcd-client.crt",
            "keyFile": "/etc/kubernetes/pki/apiserver-etcd-client.key",
        }
    }
}


def gone(*paths: str) -> Change:
    def change(machine: Machine) -> None:
        for path in paths:
            (machine.kubernetes / path).unlink()

    return change


def read(machine: Machine, path: str) -> bytes:
    return (machine.kubernetes / path).read_bytes()


AUTHORITIES = {"ca": "pki/ca.crt", "etcd-ca": "pki/etcd/ca.crt", "front-proxy-ca": "pki/front-proxy-ca.crt"}
KEYS = {name: path.replace(".crt", ".key") for name, path in AUTHORITIES.items()}
LEAVES = tuple(
    one.path.removeprefix("/etc/kubernetes/") for one in INVENTORY.certificates if one.managed_by == "kubeadm"
)
