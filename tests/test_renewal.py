"""What an upgrade renews: kubeadm's own rules, certificate by certificate."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from kubepreflight.finding import Hop
from kubepreflight.host import Certificate, Host, KubeletConfigFile, KubeletFlag, KubeletSettings
from kubepreflight.knowledge.certificates import CertificateInventory
from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.semantics.control_plane_order import ControlPlaneOrder, ControlPlaneStep
from kubepreflight.semantics.renewal import Circumstances, RenewalPlan, Renewer, absent_keys
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
INVENTORY = CertificateInventory.provide()
BY_COMPONENT = [
    "apiserver",
    "apiserver-kubelet-client",
    "apiserver-etcd-client",
    "front-proxy-client",
    "etcd-server",
    "etcd-peer",
    "etcd-healthcheck-client",
    "controller-manager.conf",
    "scheduler.conf",
    "admin.conf",
    "super-admin.conf",
]
OF_ETCD = ["apiserver-etcd-client", "etcd-server", "etcd-peer", "etcd-healthcheck-client"]


def plan(start: str, *later: str, done: int = 0) -> tuple[RenewalPlan, list[ControlPlaneStep]]:
    """An upgrade from minor to minor, and the steps of two nodes, of which `done` have been made."""
    minors = [Minor.parse(text) for text in (start, *later)]
    hops = tuple(map(Hop, minors, minors[1:]))
    upgrade = Upgrade(
        current=Version(*minors[0]), target=Version(*minors[-1]), hops=hops, start=START, end=START + timedelta(days=14)
    )
    first = ControlPlaneStep(node="cp1", version=None, hops=() if done else hops, at=None if done else START)
    second = ControlPlaneStep(node="cp2", version=None, hops=hops)
    order = ControlPlaneOrder((first, second))
    return RenewalPlan(upgrade, order, INVENTORY, ComponentVersions.provide()), [first, second]


def renewer(name: str, made: RenewalPlan, step: ControlPlaneStep | None, **around: object) -> Renewer:
    return decided(name, made, step, **around)[0]


def decided(
    name: str, made: RenewalPlan, step: ControlPlaneStep | None, **around: object
) -> tuple[Renewer, datetime | None]:
    usual = {"external_etcd": False, "absent_keys": frozenset(), "etcd": None, "host": Host(name="cp1", file="cp1.tar")}
    circumstances = Circumstances(**{**usual, **around}, step=step)  # type: ignore[arg-type]  # of several types
    return made.renewer(INVENTORY.get(name), certificate(), circumstances)


def certificate(before: datetime = START - timedelta(days=200)) -> Certificate:
    return Certificate(
        path="",
        subject="",
        issuer="",
        not_before=before,
        not_after=before + timedelta(days=365),
        is_authority=False,
        serial="",
        sha256="",
    )


@pytest.mark.parametrize("name", BY_COMPONENT)
def test_an_upgrade_renews_whatever_kubeadm_manages(name: str) -> None:
    made, (first, second) = plan("1.36", "1.37")
    assert decided(name, made, first) == (Renewer.UPGRADE, START)
    assert decided(name, made, second) == (Renewer.UPGRADE, None)


@pytest.mark.parametrize("name", ["ca", "etcd-ca", "front-proxy-ca", "kubelet-serving-self-signed"])
def test_it_never_renews_authorities(name: str) -> None:
    made, (first, _) = plan("1.36", "1.37")
    assert renewer(name, made, first) is Renewer.NOBODY


def test_a_worker_and_a_node_that_is_done_get_nothing() -> None:
    made, (first, second) = plan("1.36", "1.37", done=1)
    assert renewer("apiserver", made, None) is Renewer.NOBODY
    assert renewer("apiserver", made, first) is Renewer.DONE
    assert decided("apiserver", made, second) == (Renewer.UPGRADE, None)


@pytest.mark.parametrize("name", BY_COMPONENT)
def test_with_external_etcd_its_four_certificates_are_not_managed(name: str) -> None:
    made, (first, _) = plan("1.36", "1.37")
    expected = Renewer.EXTERNAL_ETCD if name in OF_ETCD else Renewer.UPGRADE
    assert renewer(name, made, first, external_etcd=True) is expected


@pytest.mark.parametrize("authority", ["ca", "etcd-ca", "front-proxy-ca"])
@pytest.mark.parametrize("name", BY_COMPONENT)
def test_without_the_authoritys_key_only_its_own_are_passed_over(name: str, authority: str) -> None:
    made, (first, _) = plan("1.36", "1.37")
    expected = Renewer.EXTERNAL_AUTHORITY if INVENTORY.get(name).authority == authority else Renewer.UPGRADE
    assert renewer(name, made, first, absent_keys=frozenset({authority})) is expected


@pytest.mark.parametrize(
    ("to", "expected"), [("1.18", Renewer.AUTHORITY_UNREADABLE), ("1.24", Renewer.EXTERNAL_AUTHORITY)]
)
def test_old_kubeadms_stop_without_the_key_of_etcds_authority(to: str, expected: Renewer) -> None:
    made, (first, _) = plan(str(Minor.parse(to).plus(-1)), to)
    assert renewer("etcd-server", made, first, absent_keys=frozenset({"etcd-ca"})) is expected
    assert renewer("apiserver", made, first, absent_keys=frozenset({"ca"})) is Renewer.EXTERNAL_AUTHORITY


@pytest.mark.parametrize(("to", "expected"), [("1.16", Renewer.NOT_BY_NODE), ("1.17", Renewer.UPGRADE)])
def test_upgrade_node_did_not_always_renew_by_default(to: str, expected: Renewer) -> None:
    made, (first, second) = plan(str(Minor.parse(to).plus(-1)), to)
    assert renewer("apiserver", made, first) is Renewer.UPGRADE
    assert renewer("apiserver", made, second) is expected


def test_switched_off() -> None:
    made, (first, second) = plan("1.36", "1.37")
    assert renewer("apiserver", made, first, apply_renews=False) is Renewer.SWITCHED_OFF
    assert renewer("apiserver", made, second, apply_renews=False) is Renewer.UPGRADE
    assert renewer("apiserver", made, second, node_renews=False) is Renewer.SWITCHED_OFF


@pytest.mark.parametrize(
    ("start", "to", "running", "expected"),
    [
        ("1.17", "1.18", "3.4.3", Renewer.SAME_ETCD),
        ("1.16", "1.17", "3.3.15", Renewer.UPGRADE),
        ("1.16", "1.17", None, Renewer.UPGRADE),
        ("1.29", "1.30", "3.5.15", Renewer.SAME_ETCD),
        ("1.29", "1.30", "3.5.12", Renewer.UPGRADE),
        ("1.30", "1.31", "3.5.15", Renewer.UPGRADE),
        ("1.36", "1.37", "3.7.0", Renewer.UPGRADE),
    ],
)
def test_etcd_that_stays_the_same(start: str, to: str, running: str | None, expected: Renewer) -> None:
    made, (first, _) = plan(start, to)
    etcd = Version.parse(running) if running else None
    assert renewer("etcd-server", made, first, etcd=etcd) is expected
    assert renewer("apiserver", made, first, etcd=etcd) is Renewer.UPGRADE
    assert renewer("apiserver-etcd-client", made, first, etcd=etcd) is Renewer.UPGRADE


def test_an_etcd_image_that_is_fixed_in_the_configuration_stays_the_same() -> None:
    made, (first, _) = plan("1.16", "1.17")
    fixed = Version.parse("3.3.15")
    assert renewer("etcd-server", made, first, etcd=fixed, etcd_image_tag=fixed) is Renewer.SAME_ETCD


def test_what_the_first_hop_leaves_a_later_one_may_renew_at_some_time() -> None:
    made, (first, second) = plan("1.17", "1.18", "1.19")
    running = Version.parse("3.4.3")
    assert decided("etcd-server", made, first, etcd=running) == (Renewer.UPGRADE, None)
    assert decided("apiserver", made, first, etcd=running) == (Renewer.UPGRADE, START)
    made, (_, second) = plan("1.15", "1.16", "1.17")
    assert decided("apiserver", made, second) == (Renewer.UPGRADE, None)


def settings(config: dict[str, bool], **flags: str) -> KubeletSettings:
    given = tuple(KubeletFlag(name=name, value=value) for name, value in flags.items())
    return KubeletSettings(flags=given, files=(KubeletConfigFile(path="", values=config),))


@pytest.mark.parametrize(
    ("config", "flags", "days", "expected"),
    [
        ({"rotateCertificates": True}, {}, 200, Renewer.KUBELET),
        ({"rotateCertificates": True}, {}, 330, Renewer.ROTATION_STUCK),
        ({"rotateCertificates": False}, {}, 200, Renewer.ROTATION_OFF),
        ({}, {}, 200, Renewer.ROTATION_OFF),
        ({}, {"rotate-certificates": ""}, 200, Renewer.KUBELET),
        ({"rotateCertificates": True}, {"rotate-certificates": "false"}, 200, Renewer.ROTATION_OFF),
        (None, {}, 200, Renewer.KUBELET),
    ],
)
def test_kubelets_rotate_their_own(
    config: dict[str, bool] | None, flags: dict[str, str], days: int, expected: Renewer
) -> None:
    made, _ = plan("1.36", "1.37")
    kubelet = KubeletSettings() if config is None else settings(config, **flags)
    host = Host(name="w1", file="w1.tar", kubelet=kubelet)
    around = Circumstances(host=host, step=None, external_etcd=False, absent_keys=frozenset(), etcd=None)
    old = certificate(START - timedelta(days=days))
    assert made.renewer(INVENTORY.get("kubelet-client"), old, around) == (expected, None)
    assert made.renewer(INVENTORY.get("kubelet-client-embedded"), old, around) == (Renewer.EMBEDDED, None)


def test_the_age_of_a_kubelets_certificate_counts_when_it_was_looked_at() -> None:
    made, _ = plan("1.36", "1.37")
    host = Host(
        name="w1",
        file="w1.tar",
        kubelet=settings({"rotateCertificates": True}),
        collected_at=START - timedelta(days=30),
    )
    around = Circumstances(host=host, step=None, external_etcd=False, absent_keys=frozenset(), etcd=None)
    old = certificate(START - timedelta(days=340))
    assert made.renewer(INVENTORY.get("kubelet-client"), old, around)[0] is Renewer.KUBELET


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (timedelta(hours=-1), Renewer.KUBELET),
        (timedelta(0), Renewer.KUBELET),
        (timedelta(hours=1), Renewer.KUBELET),
        (timedelta(hours=3), Renewer.ROTATION_STUCK),
        (timedelta(days=4000), Renewer.ROTATION_STUCK),
    ],
)
def test_a_clock_that_is_an_hour_off_makes_no_kubelet_late(ahead: timedelta, expected: Renewer) -> None:
    """A certificate of one day has 24 minutes of its life left before 90 %."""
    made, _ = plan("1.36", "1.37")
    looked = START - timedelta(days=1)
    host = Host(name="w1", file="w1.tar", kubelet=settings({"rotateCertificates": True}), collected_at=looked + ahead)
    around = Circumstances(host=host, step=None, external_etcd=False, absent_keys=frozenset(), etcd=None)
    short = msgspec.structs.replace(
        certificate(looked - timedelta(hours=21, minutes=12)), not_after=looked + timedelta(hours=2, minutes=48)
    )
    assert made.renewer(INVENTORY.get("kubelet-client"), short, around)[0] is expected


def test_an_authority_is_external_when_its_certificate_is_there_and_its_key_is_not() -> None:
    directory = "/srv/pki"
    certificates = {f"{directory}/ca.crt": 1, f"{directory}/etcd/ca.crt": 1}
    keys = frozenset({f"{directory}/etcd/ca.key"})
    assert absent_keys(INVENTORY, keys, certificates, directory) == {"ca"}
    assert absent_keys(INVENTORY, frozenset(), {}, directory) == frozenset()
