"""What the real kubeadm renews, and where its renewal stops, is the oracle for what we say that an upgrade does."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubepreflight.host import Missing
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.renewal import Renewer
from kubepreflight.semantics.renewal_failures import RenewalFailure, renewal_failures
from kubepreflight.version import Version
from tests.real.kubeadm_pki import (
    AUTHORITIES,
    CONFIGURATION,
    EXTERNAL_ETCD,
    INVENTORY,
    KEYS,
    SHORT,
    Change,
    Said,
    agree,
    configure,
    gone,
    kubeadm,
    kubeadm_says,
    made,
    timeline_of,
)
from tests.real.machine import Machine
from tests.real.tables import VERSIONS


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, KubeadmConfig]:
    """A node as kubeadm makes it."""
    return made(tmp_path_factory.mktemp("node-"), VERSIONS[-1])


@pytest.fixture
def copy(node: tuple[Machine, KubeadmConfig], tmp_path: Path) -> tuple[Machine, KubeadmConfig]:
    """A copy of that node to change."""
    shutil.copytree(node[0].root, tmp_path / "node")
    return Machine(tmp_path / "node"), node[1]


@pytest.mark.parametrize("absent", [(), ("ca",), ("etcd-ca",), ("front-proxy-ca", "etcd-ca")], ids=" ".join)
@pytest.mark.parametrize("cluster", [{}, EXTERNAL_ETCD], ids=["own etcd", "external etcd"])
def test_what_is_renewed_is_what_we_say_the_upgrade_renews(
    cluster: dict[str, Any], absent: tuple[str, ...], copy: tuple[Machine, KubeadmConfig], tmp_path: Path
) -> None:
    machine, _ = copy
    gone(*(KEYS[name] for name in absent))(machine)
    timeline = timeline_of(machine.host(), configure(machine, VERSIONS[-1], **cluster, **SHORT))
    expected = {one.name for one in timeline.certificates if one.renewer is Renewer.UPGRADE}
    for version in VERSIONS:
        shutil.copytree(machine.root, tmp_path / version)
        other = Machine(tmp_path / version)
        before = kubeadm_says(other, version)
        kubeadm(other, version, *INVENTORY.renewal(Version.parse(version).minor_version).renew_command.split()[1:])
        assert changed(before, kubeadm_says(other, version)) == expected


def changed(before: dict[str, Said] | str, after: dict[str, Said] | str) -> set[str]:
    """The certificates that end at another time than before."""
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    return {name for name, one in after.items() if one != before[name]}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_is_renewed_by_its_name_and_for_the_time_that_is_configured(
    version: str, copy: tuple[Machine, KubeadmConfig]
) -> None:
    machine, _ = copy
    config = configure(machine, version, **SHORT)
    for one in INVENTORY.certificates:
        if one.managed_by == "kubeadm":
            before = kubeadm_says(machine, version)
            kubeadm(machine, version, "certs", "renew", one.name)
            assert changed(before, kubeadm_says(machine, version)) == {one.name}
    agree(machine, config)


@pytest.mark.parametrize("name", ["apiserver", "etcd-peer", "admin.conf"])
def test_renewal_stops_at_what_cannot_be_read(name: str, copy: tuple[Machine, KubeadmConfig]) -> None:
    machine, _ = copy
    path = machine.root / INVENTORY.get(name).path[1:]
    path.write_bytes(b"")
    for version in VERSIONS:
        done = machine.run("kubeadm", version, "certs", "renew", "all", "--config", CONFIGURATION)
        assert done.returncode
        assert path.name.removesuffix(".crt") in done.stderr


def stops(machine: Machine, version: str) -> set[str]:
    """The certificates that are there, and that kubeadm does not renew but fails over."""
    names = [one.name for one in INVENTORY.certificates if one.managed_by == "kubeadm"]
    arguments = ("--config", CONFIGURATION)
    done = {name: machine.run("kubeadm", version, "certs", "renew", name, *arguments) for name in names}
    return {name for name, it in done.items() if it.returncode}


def we_say_it_stops(machine: Machine, config: KubeadmConfig) -> set[str]:
    timeline = timeline_of(machine.host(), config)
    (around,) = timeline.circumstances
    found = list(renewal_failures(around, timeline.plan, config.certificates_directory))
    assert not [one for one in found if isinstance(one, Missing)]
    return {known.name for one in found if isinstance(one, RenewalFailure) for known in one.renews}


def emptied(*paths: str) -> Change:
    def change(machine: Machine) -> None:
        for path in paths:
            (machine.kubernetes / path).write_text("nothing\n", encoding="utf-8")

    return change


def both(*changes: Change) -> Change:
    def change(machine: Machine) -> None:
        for one in changes:
            one(machine)

    return change


FAULTS: dict[str, Change] = {
    "nothing": gone(),
    "keys that kubeadm makes anew": gone("pki/apiserver.key", "pki/etcd/peer.key"),
    "a broken certificate": emptied("pki/apiserver-kubelet-client.crt", "pki/etcd/server.crt"),
    "no cluster authority": gone(AUTHORITIES["ca"]),
    "a broken authority": emptied(AUTHORITIES["front-proxy-ca"]),
    "an external authority": gone(KEYS["ca"]),
    "an external authority, and a key of what it signed": gone(KEYS["ca"], "pki/apiserver.key"),
    "an external authority, and a key of another's": gone(KEYS["ca"], "pki/front-proxy-client.key"),
    "an external authority, and a certificate that it signed": gone(KEYS["ca"], "pki/apiserver-kubelet-client.crt"),
    "an external authority, and a broken certificate": both(gone(KEYS["ca"]), emptied("pki/apiserver.crt")),
    "an external authority of etcd, and a key": gone(KEYS["etcd-ca"], "pki/etcd/healthcheck-client.key"),
    "an external authority of the front proxy, and a key": gone(KEYS["front-proxy-ca"], "pki/front-proxy-client.key"),
}


@pytest.mark.parametrize("change", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("version", VERSIONS)
def test_renewal_stops_where_we_say_the_upgrade_does(
    version: str, change: Change, copy: tuple[Machine, KubeadmConfig]
) -> None:
    machine, config = copy
    change(machine)
    expected = we_say_it_stops(machine, config)
    absent = {
        one.name
        for one in INVENTORY.certificates
        if one.managed_by == "kubeadm" and not (machine.root / one.path[1:]).exists()
    }
    # Of one that is absent `certs renew` says MISSING!, where the upgrade reads it all the same and stops.
    assert stops(machine, version) == expected - absent


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("path", "phase"),
    [
        ("pki/front-proxy-client.crt", ("certs", "front-proxy-client")),
        ("pki/etcd/healthcheck-client.crt", ("certs", "etcd-healthcheck-client")),
        ("pki/apiserver.crt", ("certs", "apiserver")),
        ("scheduler.conf", ("kubeconfig", "scheduler")),
    ],
)
def test_what_we_say_to_type_mends_it(
    path: str, phase: tuple[str, str], version: str, copy: tuple[Machine, KubeadmConfig]
) -> None:
    machine, config = copy
    gone(path)(machine)
    assert we_say_it_stops(machine, config)
    # What lies in kubeadm-config, and nothing else.
    (machine.root / "root").mkdir()
    (machine.root / "root/kubeadm.yaml").write_text(yaml.safe_dump(config.document), encoding="utf-8")
    (machine.kubernetes / path).with_suffix(".key").unlink(missing_ok=True)
    done = machine.run("kubeadm", version, "init", "phase", *phase, "--config", "/root/kubeadm.yaml")
    assert done.returncode == 0, done.stderr
    assert we_say_it_stops(machine, config) == set()
    assert stops(machine, version) == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_requests_are_made_beside_the_keys_that_are_in_use(version: str, copy: tuple[Machine, KubeadmConfig]) -> None:
    machine, config = copy
    gone(KEYS["ca"])(machine)
    (machine.root / "root").mkdir()
    (machine.root / "root/kubeadm.yaml").write_text(yaml.safe_dump(config.document), encoding="utf-8")
    refused = machine.run("kubeadm", version, "certs", "generate-csr", "--config", "/root/kubeadm.yaml")
    assert "file already exists" in refused.stderr
    key = (machine.kubernetes / "pki/apiserver.key").read_bytes()
    program, *arguments = INVENTORY.renewal(Version.parse(version).minor_version).request_command.split()
    done = machine.run(program, version, *arguments)
    assert done.returncode == 0, done.stderr
    assert (machine.root / "root/requests/pki/apiserver.csr").exists()
    assert (machine.root / "root/requests/admin.conf.csr").exists()
    assert (machine.kubernetes / "pki/apiserver.key").read_bytes() == key
