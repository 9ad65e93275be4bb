"""Rules in isolation: what they say, and what is said when they cannot look."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kubepreflight.engine import Resolver, judge
from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Gap, Hop, Subject, cannot_check, finding
from kubepreflight.host import Host
from kubepreflight.inputs import Parameter, Unavailable, Wanted
from kubepreflight.knowledge.table import TableInfo
from kubepreflight.objects import Api, Desired, KubernetesObject, Node, Origin, Planned, Pod
from kubepreflight.report import CoverageStatus, ReportFinding, RuleCoverage
from kubepreflight.rule import Rule, rule
from kubepreflight.snapshot import Collector
from kubepreflight.upgrade import ScanOptions, ServerVersion
from kubepreflight.version import Minor, Version

Fill = Callable[[Collector], Any]
HOP = Hop(Minor(1, 36), Minor(1, 37))


def run(one: Rule, fill: Fill = lambda _: None) -> tuple[list[ReportFinding], RuleCoverage]:
    collector = Collector(Wanted.by(one.parameters))
    fill(collector)
    return judge(one, Resolver(collector.snapshot()), HOP)


def pod(name: str, uid: str | None = None, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}" if uid is None else uid}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **more}


def add(*values: dict[str, Any]) -> Fill:
    def fill(collector: Collector) -> None:
        for value in values:
            collector.add_value(value, Origin("dump.yaml", 3))

    return fill


@rule(severity=WARNING, area="drain", phase="node-upgrade")
def every_pod(pods: list[Pod]) -> Iterator[Finding]:
    """Every pod is a finding.

    References:
        https://example.com/pods
    """
    for one in pods:
        yield finding(one, "it is there", remedy="remove it")


@rule(severity=BLOCKER, area="drain", phase="node-upgrade")
def one_cause(pods: list[Pod]) -> Iterator[Finding]:
    """All pods are one finding about their Deployment."""
    for one in pods:
        severity = BLOCKER if one.name == "b" else NOTE
        yield finding(Subject(kind="Deployment", name="web"), one.name, place=one, remedy="x", severity=severity)


@rule(severity=BLOCKER, area="drain", phase="before")
def crashes_on_the_second(pods: list[Pod]) -> Iterator[Finding]:
    """It fails half-way."""
    for number, one in enumerate(pods):
        if number == 1:
            raise RuntimeError("a bug")
        yield finding(one, "found before the bug", remedy="x")


def test_a_finding_carries_what_its_rule_declares() -> None:
    (found,), covered = run(every_pod, add(pod("a")))
    assert covered.status is CoverageStatus.CHECKED
    assert (found.rule, found.severity, found.area, found.phase) == ("every-pod", "warning", "drain", "node-upgrade")
    assert found.references == ("https://example.com/pods",)
    assert str(found.hop) == "1.36 → 1.37"
    assert found.places == (found.subject,)


def test_nothing_offered_is_not_checked_and_not_the_users_fault() -> None:
    found, covered = run(every_pod)
    assert found == []
    assert covered.status is CoverageStatus.NOT_CHECKED
    assert [gap.asked for gap in covered.gaps] == [False]
    assert "kubectl get pods" in covered.gaps[0].how


def test_listed_and_empty_is_checked() -> None:
    _, covered = run(every_pod, lambda collector: collector.mark_listed("", "Pod"))
    assert covered.status is CoverageStatus.CHECKED


def test_refused_is_not_checked_and_asked_for() -> None:
    gap = Gap(input="pods", reason="403 Forbidden", asked=True)
    _, covered = run(every_pod, lambda collector: collector.fail("", "Pod", gap))
    assert covered.status is CoverageStatus.NOT_CHECKED
    assert covered.gaps == (gap,)


def test_one_malformed_object_is_one_gap_and_never_a_lost_list() -> None:
    found, covered = run(every_pod, add(pod("good"), pod("bad", spec={"volumes": "none"})))
    assert [one.subject.name for one in found] == ["good"]
    assert covered.status is CoverageStatus.PARTIAL
    assert "Pod shop/bad (dump.yaml:3)" in covered.gaps[0].subject


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "a\nrm -rf x"},
        {"name": "a", "namespace": "b\x1b[2J"},
        {"name": "a", "creationTimestamp": "2026-11-23T12:00:00"},
    ],
    ids=["a name of two lines", "a namespace that clears the screen", "a time without its offset"],
)
def test_what_no_object_can_be_called_and_no_moment_can_be_is_malformed(metadata: dict[str, str]) -> None:
    found, covered = run(every_pod, add(pod("good"), {**pod("bad"), "metadata": {"uid": "1", **metadata}}))
    assert [one.subject.name for one in found] == ["good"]
    assert covered.status is CoverageStatus.PARTIAL


def test_an_object_that_two_dumps_hold_is_one() -> None:
    found, _ = run(every_pod, add(pod("a"), pod("b"), pod("a", status={"phase": "Failed"})))
    assert [(one.subject.name, one.count) for one in found] == [("a", 1), ("b", 1)]


def test_an_object_alone_is_looked_at_in_part() -> None:
    def fill(collector: Collector) -> None:
        collector.add_value(pod("a"), Origin("a.yaml", 1), alone=True)

    found, covered = run(every_pod, fill)
    assert [one.subject.name for one in found] == ["a"]
    assert covered.status is CoverageStatus.PARTIAL
    assert "of pods only some were given" in covered.gaps[0].reason


class Hidden(KubernetesObject):
    api = Api("", "Secret", "secrets")
    opt_in = "hidden"


@pytest.mark.parametrize("form", [list, Desired, Planned])
@pytest.mark.parametrize(
    ("opted_in", "given", "status", "asked"),
    [
        ((), True, "not checked", False),
        (("hidden",), False, "not checked", True),
        (("hidden",), True, "checked", False),
    ],
)
def test_what_must_be_opted_in_to(form: type, opted_in: tuple[str, ...], given: bool, status: str, asked: bool) -> None:
    def looks(secrets: Any) -> Iterator[Finding]:
        """It looks."""
        yield from ()

    looks.__annotations__["secrets"] = form[Hidden]  # type: ignore[index] # one of three generic classes
    one = rule(severity=NOTE, area="nodes", phase="before")(looks)
    collector = Collector(Wanted.by(one.parameters), opted_in=frozenset(opted_in))
    if given:
        for uid in ("1", ""):
            metadata = {"name": "a", "uid": uid}
            collector.add_value({"apiVersion": "v1", "kind": "Secret", "metadata": metadata}, Origin("a.yaml", 1))
    _, covered = judge(one, Resolver(collector.snapshot()), HOP)
    assert covered.status == status
    assert any(gap.asked for gap in covered.gaps) == (asked and form is not Desired)


def test_a_rule_that_crashes_says_so_and_keeps_what_it_found() -> None:
    found, covered = run(crashes_on_the_second, add(pod("a"), pod("b")))
    assert [one.message for one in found] == ["found before the bug"]
    assert covered.status is CoverageStatus.CRASHED
    assert "RuntimeError: a bug" in covered.traceback


def test_equal_findings_become_one_with_all_places_and_the_worst_tells_it() -> None:
    (found,), _ = run(one_cause, add(pod("c"), pod("b"), pod("a")))
    assert (found.severity, found.message, found.count) == ("blocker", "b", 3)
    assert [place.name for place in found.places] == ["a", "b", "c"]


def test_desired_objects_are_those_without_a_uid() -> None:
    @rule(severity=NOTE, area="drain", phase="before")
    def looks_at_manifests(desired: Desired[Pod], planned: Planned[Pod]) -> Iterator[Finding]:
        """It tells apart what is and what will be."""
        yield finding(Subject(name=",".join(sorted(one.name for one in desired))), "desired", remedy="x")
        yield finding(
            Subject(name=",".join(sorted(one.subject.file + one.name for one in planned))), "planned", remedy="x"
        )

    found, covered = run(looks_at_manifests, add(pod("a"), pod("b"), pod("b", uid="")))
    assert [one.subject.name for one in found] == ["b", "a,dump.yamlb"]
    assert covered.status is CoverageStatus.CHECKED
    _, covered = run(looks_at_manifests, add(pod("a")))
    assert covered.status is CoverageStatus.NOT_CHECKED


def test_what_input_says_of_its_origin_is_not_believed() -> None:
    (found,), _ = run(
        every_pod, add({**pod("a", uid=""), "@origin": {"file": "evil"}, "metadata": {"name": "a"}}, pod("b"))
    )
    assert found.subject.name == "b"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("not a finding", "a rule yields findings and gaps"),
        (finding(Subject(name="x"), "x", remedy="x", evidence={"a": object()}), "Encoding objects"),  # type: ignore[dict-item] # on purpose
        (SystemExit(0), "SystemExit"),
    ],
)
def test_a_rule_that_says_nonsense_or_ends_the_program_has_crashed(said: Any, why: str) -> None:
    @rule(severity=NOTE, area="drain", phase="before")
    def says(pods: list[Pod]) -> Iterator[Any]:
        """It says what it must not."""
        yield finding(pods[0], "fine", remedy="x")
        if isinstance(said, SystemExit):
            raise said
        yield said

    found, covered = run(says, add(pod("a")))
    assert [one.message for one in found] == ["fine"]
    assert covered.status is CoverageStatus.CRASHED
    assert why in covered.traceback


def test_what_a_rule_does_to_its_lists_is_not_seen_by_others() -> None:
    @rule(severity=NOTE, area="drain", phase="before")
    def takes_all(pods: list[Pod]) -> Iterator[Finding]:
        """It empties its list."""
        pods.clear()
        yield from ()

    collector = Collector(Wanted.by(every_pod.parameters))
    collector.add_value(pod("a"), Origin())
    resolver = Resolver(collector.snapshot())
    judge(takes_all, resolver, HOP)
    assert len(judge(every_pod, resolver, HOP)[0]) == 1


class Table:
    info = TableInfo(table="facts", start=Minor(1, 30), end=Minor(1, 36), date=date(2026, 1, 1))

    @classmethod
    def provide(cls) -> "Table":
        return cls()


@rule(severity=NOTE, area="versions", phase="before")
def stands_on_a_table(table: Table) -> Iterator[Finding]:
    """It needs facts about every minor that the upgrade leaves or reaches."""
    yield from ()


@pytest.mark.parametrize(
    ("current", "target", "said", "how"),
    [
        ("1.30.1", "1.36", None, ""),
        ("1.36.1", "1.36.2", None, ""),
        (
            *("1.35.1", "1.37", "knowledge ends at 1.36, the target is 1.37"),
            "choose a target up to 1.36, or use a later kubepreflight",
        ),
        ("1.36.1", "1.37", "knowledge ends at 1.36, the target is 1.37", "use a later kubepreflight"),
        ("1.37.1", "1.38", "knowledge ends at 1.36, the cluster is at 1.37", "use a later kubepreflight"),
        ("1.29.1", "1.31", "knowledge begins at 1.30, the cluster is at 1.29", ""),
    ],
)
def test_beyond_its_knowledge_a_rule_is_not_checked(current: str, target: str, said: str | None, how: str) -> None:
    def fill(collector: Collector) -> None:
        at = datetime(2026, 11, 23, tzinfo=UTC)
        options = ScanOptions(
            start=at, window=timedelta(days=1), target=Version.parse(target), newest_known=Minor(1, 37)
        )
        collector.give(options)
        collector.give(ServerVersion(Version.parse(current)))

    _, covered = run(stands_on_a_table, fill)
    assert [(gap.reason, gap.how, gap.asked) for gap in covered.gaps] == ([(said, how, True)] if said else [])
    assert covered.status == ("not checked" if said else "checked")


class OfOneNamespace(KubernetesObject):
    api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name="kubeadm-config")


class OfNone(KubernetesObject):
    api = Api("", "Node", "nodes", namespaced=False)


class Labelled(KubernetesObject):
    api = Api("example.com", "Widget", "widgets", labels="owner=helm", selector="type=x")


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (OfOneNamespace, "kubectl -n kube-system get configmaps -o json"),
        (OfNone, "kubectl get nodes -o json"),
        (Labelled, "kubectl get widgets.example.com -A --field-selector type=x --selector owner=helm -o json"),
    ],
)
def test_no_more_is_asked_for_than_is_read(kind: type[KubernetesObject], command: str) -> None:
    resolver = Resolver(Collector(Wanted(frozenset(), frozenset(), frozenset())).snapshot())
    (gap,) = resolver.all([Parameter("objects", list, kind, False)])["objects"].gaps
    assert gap.how.endswith(f", or add: {command}")


class Names(list[str]):
    @classmethod
    def provide(cls, pods: list[Pod], nodes: list[Node] | None) -> "Names":
        if any(one.name == "none" for one in pods):
            raise Unavailable(Gap(input="names", reason="there are none", asked=True))
        return cls([one.name for one in pods if nodes is None])


@rule(severity=NOTE, area="drain", phase="before")
def uses_names(names: Names) -> Iterator[Finding]:
    """It uses what is made of pods."""
    for name in names:
        yield finding(Subject(name=name), "named", remedy="x")


def test_an_input_may_be_made_of_others_and_may_be_unavailable() -> None:
    found, covered = run(uses_names, add(pod("a")))
    assert [one.subject.name for one in found] == ["a"]
    assert covered.status is CoverageStatus.PARTIAL
    assert covered.gaps[0].input == "nodes"
    _, covered = run(uses_names, add(pod("none")))
    assert covered.status is CoverageStatus.NOT_CHECKED
    assert covered.gaps[-1].reason == "there are none"


@rule(severity=NOTE, area="packages", phase="before")
def looks_at_hosts(hosts: list[Host], nodes: list[Node] | None) -> Iterator[Finding | Gap]:
    """It cannot see what a host does not tell."""
    for host in hosts:
        if host.name.startswith("blind"):
            yield cannot_check("host packages", "not collected", subject=host.name, asked=True)


def test_hosts_that_tell_nothing_are_not_checked_and_missing_ones_are_named() -> None:
    def hosts(*names: str) -> Fill:
        def fill(collector: Collector) -> None:
            for name in names:
                collector.add_host(Host(name=name, file=f"{name}.tar"), {})
            for name in ("blind-1", "seeing"):
                collector.add_value(
                    {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": name}}, Origin()
                )

        return fill

    _, covered = run(looks_at_hosts, hosts("blind-1"))
    assert covered.status is CoverageStatus.NOT_CHECKED
    assert "seeing" in [gap.subject for gap in covered.gaps if gap.asked]
    _, covered = run(looks_at_hosts, hosts("blind-1", "seeing"))
    assert covered.status is CoverageStatus.PARTIAL
    windows: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "win", "uid": "w"}}
    windows["status"] = {"nodeInfo": {"operatingSystem": "windows"}}

    def with_windows(collector: Collector) -> None:
        hosts("blind-1", "seeing")(collector)
        collector.add_value(windows, Origin())

    _, covered = run(looks_at_hosts, with_windows)
    assert [gap.asked for gap in covered.gaps if gap.subject == "win"] == [False]
    _, covered = run(looks_at_hosts, hosts("seeing", "another"))
    assert covered.status is CoverageStatus.PARTIAL
    assert [gap.subject for gap in covered.gaps] == ["blind-1"]


def test_a_narrowed_kind_takes_only_what_it_asks_for() -> None:
    class Configuration(KubernetesObject):
        api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name="kubeadm-config")

    @rule(severity=NOTE, area="versions", phase="before")
    def reads_one(maps: list[Configuration]) -> Iterator[Finding]:
        """It reads one ConfigMap."""
        for one in maps:
            yield finding(one, "read", remedy="x")

    def config_map(name: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "kube-system", "uid": name},
        }

    found, _ = run(reads_one, add(config_map("kubeadm-config"), config_map("another")))
    assert [one.subject.name for one in found] == ["kubeadm-config"]
