"""What requests prove: who needs a change, who needs none, and what a metric adds to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Gap, Hop, Severity
from kubepreflight.knowledge.api_lifecycle import ApiLifecycle
from kubepreflight.knowledge.api_requests import ApiRequestKnowledge, Role
from kubepreflight.semantics.api_requests import (
    ApiClient,
    ApiServerMetrics,
    AuditLog,
    RequestedApi,
    ServerRequests,
    resource_of,
)
from kubepreflight.semantics.api_uses import Basis, Cause
from kubepreflight.semantics.removed_apis import RemovedApis
from kubepreflight.semantics.requested_uses import (
    AuditedUses,
    CountedRequests,
    CountedUses,
    RequestedUses,
    is_only_one,
)
from kubepreflight.upgrade import ApiServers, Upgrade
from kubepreflight.version import Minor, Version

LIFECYCLE = ApiLifecycle.provide()
KNOWN = ApiRequestKnowledge.provide()
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOGGED_SINCE = START - timedelta(days=365)
STARTED = START - timedelta(days=90)
PLAN = Upgrade(
    current=Version(1, 24, 9),
    target=Version(1, 25),
    hops=(Hop(Minor(1, 24), Minor(1, 25)),),
    start=START,
    end=START,
)
CRON_JOBS = ("batch/v1beta1", "cronjobs")
POLICIES = ("policy/v1beta1", "podsecuritypolicies")
"""Of the second, Kubernetes 1.24 has no other version."""
CONTROLLERS = "kube-controller-manager/v1.24.9"
PART = Gap(input="audit log", reason="it was read in part")


def client(
    agent: str, asked: tuple[str, str] = CRON_JOBS, verbs: Iterable[str] = ("list",), days: int = 1
) -> ApiClient:
    at = START - timedelta(days=days)
    counts = dict.fromkeys(verbs, 1)
    return ApiClient(
        api_version=asked[0], resource=asked[1], user="somebody", agent=agent, verbs=counts, first=at, last=at
    )


def audited(*clients: ApiClient) -> AuditedUses:
    log = AuditLog(clients=clients, first=LOGGED_SINCE, last=START)
    return AuditedUses.provide(LIFECYCLE, KNOWN, PLAN, log)


def counted(
    audited: AuditedUses | None = None, *asked: tuple[str, str], since: datetime | None = STARTED, servers: int = 1
) -> CountedUses:
    requested = tuple(RequestedApi(api_version=one[0], resource=one[1]) for one in asked or (CRON_JOBS,))
    metrics = ApiServerMetrics((ServerRequests(name="server", since=since, requested=requested),))
    known = ApiServers({f"cp{number}": Version(1, 24, 9) for number in range(servers)}, None)
    return CountedUses.provide(LIFECYCLE, PLAN, CountedRequests.provide(metrics, KNOWN, known), audited)


def causes(counted: CountedUses | None, audited: AuditedUses | None) -> list[Cause]:
    return list(RemovedApis.provide(None, None, RequestedUses.provide(counted, audited)).causes())


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (client("reporter/v1"), BLOCKER),
        (client("reporter/v1", days=31), WARNING),
        (client("reporter/v1", POLICIES), WARNING),
        (client("reporter/v1", POLICIES, verbs=["list", "update"]), BLOCKER),
        (client("", verbs=["list"]), BLOCKER),
        (client("kubectl.exe/v1.24.9", verbs=["list"]), NOTE),
        (client("Mozilla/5.0", verbs=["list"]), NOTE),
        (client("k9s/v0.32", verbs=["list", "patch"]), WARNING),
        (client("kubectl/v1.24.9", verbs=["get", "list", "watch"]), NOTE),
        (client("kubectl/v1.24.9", verbs=["get", "patch"]), BLOCKER),
        (client("kubectl/v1.24.9", POLICIES, verbs=["get", "patch"]), WARNING),
        (client("Helm/3.14.0", verbs=["patch"]), BLOCKER),
        (client("argocd-application-controller/v2", POLICIES, verbs=["watch"]), WARNING),
        (client("kube-controller-manager/v1.24.9", verbs=["watch", "deletecollection"]), None),
        (client("kubepreflight"), None),
        (client("pluto/v5", verbs=["list"]), None),
        (client("reporter/v1", ("batch/v1", "cronjobs")), None),
        (client("reporter/v1", ("example.com/v1beta1", "cronjobs")), None),
    ],
)
def test_how_bad_it_is_that_a_client_asks(one: ApiClient, expected: Severity | None) -> None:
    assert [use.grade for use in audited(one).uses] == ([] if expected is None else [expected])


def test_who_reads_the_only_version_may_go_by_discovery() -> None:
    (use,) = audited(client("velero-server/v1", POLICIES)).uses
    assert "discovery" in use.evidence["perhaps"]


@pytest.mark.parametrize(
    ("agent", "expected"), [("", "somebody"), ("/1.0", "somebody"), ("kubectl.exe/v1.24.9", "kubectl")]
)
def test_a_program_that_does_not_say_its_name_is_called_by_its_user(agent: str, expected: str) -> None:
    (cause,) = causes(None, audited(client(agent)))
    assert cause.client == expected


def test_terraform_applies_manifests() -> None:
    (cause,) = causes(None, audited(client("HashiCorp/1.0", verbs=["patch"])))
    assert cause.client == ""


def test_a_metric_joins_the_client_that_the_log_names_and_makes_it_no_worse() -> None:
    log = audited(client("kubectl/v1.24.9"))
    (one,) = causes(counted(log), log)
    assert (one.severity, one.basis, one.client) == (NOTE, Basis.AUDIT_LOG, "kubectl")
    assert one.evidence["seen in"] == ("audit log", "metrics of the API server")


@pytest.mark.parametrize(
    ("log", "asked", "expected"),
    [
        (None, CRON_JOBS, WARNING),
        (None, POLICIES, NOTE),
        (audited(), CRON_JOBS, WARNING),
        (audited(client("kube-controller-manager/v1.24.9")), CRON_JOBS, NOTE),
    ],
)
def test_a_metric_alone_proves_little(log: AuditedUses | None, asked: tuple[str, str], expected: Severity) -> None:
    (one,) = causes(counted(log, asked), log)
    assert (one.severity, one.basis) == (expected, Basis.METRIC)


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (LOGGED_SINCE + timedelta(days=1), NOTE),
        (LOGGED_SINCE - timedelta(seconds=20), NOTE),  # the first request comes a moment after the start
        (LOGGED_SINCE - timedelta(hours=1), WARNING),
        (None, WARNING),
    ],
)
def test_a_log_clears_the_metric_only_where_it_reaches_back_to_the_start(
    since: datetime | None, expected: Severity
) -> None:
    log = audited(client("kube-controller-manager/v1.24.9"))
    (one,) = causes(counted(log, CRON_JOBS, since=since), log)
    assert (one.severity, one.basis) == (expected, Basis.METRIC)


@pytest.mark.parametrize(
    ("log", "servers"),
    [
        (AuditLog(clients=(client(CONTROLLERS),), first=LOGGED_SINCE, last=START - timedelta(days=40)), 1),
        (AuditLog(clients=(client(CONTROLLERS),), first=LOGGED_SINCE, last=START, gaps=(PART,)), 1),
        (AuditLog(clients=(client(CONTROLLERS),), first=LOGGED_SINCE, last=START), 3),
    ],
    ids=["ended long ago", "read in part", "of one of three servers"],
)
def test_nor_does_a_log_that_may_lack_something(log: AuditLog, servers: int) -> None:
    uses = AuditedUses.provide(LIFECYCLE, KNOWN, PLAN, log)
    (one,) = causes(counted(uses, servers=servers), uses)
    assert (one.severity, one.basis) == (WARNING, Basis.METRIC)


def test_what_the_server_says_to_go_and_the_table_does_not_know_is_a_gap() -> None:
    odd = ApiClient(
        api_version="new.k8s.io/v1beta1",
        resource="things",
        user="somebody",
        agent="reporter",
        verbs={"list": 1},
        first=START,
        last=START,
        deprecated=True,
        removed_release="1.25",
    )
    (gap,) = audited(odd).gaps
    assert gap.subject == "things in new.k8s.io/v1beta1"
    assert gap.asked


@pytest.mark.parametrize(
    ("api_version", "kind", "current", "expected"),
    [
        ("policy/v1beta1", "PodSecurityPolicy", "1.24", True),
        ("batch/v1beta1", "CronJob", "1.20", True),
        ("batch/v1beta1", "CronJob", "1.21", False),
        ("extensions/v1beta1", "Ingress", "1.21", True),  # another group is another kind to the garbage collector
        ("networking.k8s.io/v1beta1", "Ingress", "1.21", False),
        ("coordination.k8s.io/v1beta1", "LeaseCandidate", "1.36", True),  # tried
        ("networking.k8s.io/v1beta1", "ServiceCIDR", "1.36", False),  # tried
    ],
)
def test_which_versions_kubernetes_itself_asks_for(api_version: str, kind: str, current: str, expected: bool) -> None:
    row = LIFECYCLE.find(api_version, kind)
    assert row is not None
    assert is_only_one(row, LIFECYCLE, Minor.parse(current)) is expected


def test_servers_that_do_not_count_are_said() -> None:
    servers = (ServerRequests(name="old", version="v1.18.20"), ServerRequests(name="new", version="v1.19.0"))
    three = ApiServers(dict.fromkeys(("cp1", "cp2", "cp3"), Version(1, 19, 0)), None)
    gaps = CountedRequests.provide(ApiServerMetrics(servers), KNOWN, three).gaps
    assert [gap.subject for gap in gaps] == ["old", ""]
    assert "2 of 3" in gaps[1].reason


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("CronJob", "cronjobs"),
        ("Ingress", "ingresses"),
        ("IPAddress", "ipaddresses"),
        ("NetworkPolicy", "networkpolicies"),
        ("ComponentStatus", "componentstatuses"),
        ("ResourceClaimParameters", "resourceclaimparameters"),
    ],
)
def test_the_resource_of_a_kind(kind: str, expected: str) -> None:
    assert resource_of(kind) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kube-controller-manager", Role.COMPONENT),
        ("api-priority-and-fairness-config-producer-v1", Role.COMPONENT),
        ("kubectl-client-side-apply", Role.KUBECTL),
        ("kubectl-edit", Role.BY_HAND),
        ("kubectl-create", Role.ONCE),
        ("helm", Role.APPLIER),
        ("kube-controller-manager-of-mine", Role.UNKNOWN),
        ("", Role.UNKNOWN),
    ],
)
def test_what_is_known_of_a_client(name: str, expected: Role) -> None:
    assert KNOWN.role(name) is expected
