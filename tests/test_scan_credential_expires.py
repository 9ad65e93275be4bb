"""The certificate with which the scan itself speaks to the cluster: no file of a case can give it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kubepreflight.engine import Resolver, judge
from kubepreflight.host import Certificate
from kubepreflight.inputs import Wanted
from kubepreflight.report import ReportFinding, RuleCoverage
from kubepreflight.rules.kubeconfig_credential_expires import kubeconfig_credential_expires
from kubepreflight.semantics.credential import ScanCredential
from kubepreflight.snapshot import Collector
from kubepreflight.testing import AT, NEWEST_KNOWN
from kubepreflight.upgrade import ScanOptions, ServerVersion
from kubepreflight.version import Version


def judged(kind: str, *ends: datetime) -> tuple[list[ReportFinding], RuleCoverage]:
    collector = Collector(Wanted.by(kubeconfig_credential_expires.parameters))
    collector.give(ScanOptions(start=AT, window=timedelta(days=14), newest_known=NEWEST_KNOWN))
    collector.give(ServerVersion(Version.parse("1.36.3")))
    certificates = tuple(
        Certificate(
            path="",
            subject="CN=kubernetes-admin",
            issuer="CN=kubernetes",
            not_before=AT - timedelta(days=300),
            not_after=end,
            is_authority=number > 0,
            serial="",
            sha256="",
        )
        for number, end in enumerate(ends)
    )
    collector.give(ScanCredential(context="home", kind=kind, certificates=certificates))
    return judge(kubeconfig_credential_expires, Resolver(collector.snapshot()), None)


SOON = AT + timedelta(days=7)
LATER = AT + timedelta(days=15)


def test_it_ends_in_the_window() -> None:
    (found,), _ = judged("certificate", SOON)
    assert (found.severity, found.phase) == ("blocker", "control-plane-upgrade")
    assert str(found.subject) == "Kubeconfig home: client certificate"
    assert "7 days after the planned start" in found.message
    assert "kubeadm certs renew admin.conf" in found.remedy


def test_it_has_ended_before_the_work_begins() -> None:
    (found,), _ = judged("certificate", datetime(2026, 11, 1, tzinfo=UTC))
    assert (found.severity, found.phase) == ("blocker", "before")


@pytest.mark.parametrize(
    ("kind", "ends"), [("certificate", (LATER,)), ("certificate", (LATER, SOON)), ("token", ()), ("in-cluster", ())]
)
def test_it_is_silent_about_what_lasts_and_what_is_no_certificate(kind: str, ends: tuple[datetime, ...]) -> None:
    found, covered = judged(kind, *ends)
    assert not found
    assert not [gap for gap in covered.gaps if gap.input == "own kubeconfig"]


def test_a_certificate_that_cannot_be_read_is_a_gap() -> None:
    found, covered = judged("certificate")
    assert not found
    assert "its client certificate cannot be read" in [gap.reason for gap in covered.gaps]
