"""Inputs that read what many kinds have in common, and the heads of manifests of any kind."""

from collections.abc import Iterator
from typing import Any

from kubepreflight.engine import Resolver, judge
from kubepreflight.finding import NOTE, Finding, Gap, finding
from kubepreflight.inputs import Wanted, to_list
from kubepreflight.objects import Api, KubernetesObject, Origin
from kubepreflight.report import CoverageStatus
from kubepreflight.rule import rule
from kubepreflight.snapshot import Collector, ManifestHeader, ManifestHeaders

KINDS = tuple(f"Kind{number}" for number in range(9))


class Many(KubernetesObject):
    @classmethod
    def apis(cls) -> tuple[Api, ...]:
        return tuple(Api("many", kind, f"{kind.lower()}s") for kind in KINDS)


@rule(severity=NOTE, area="apis", phase="before")
def reads_many(objects: list[Many]) -> Iterator[Finding]:
    """It reads what many kinds have in common."""
    for one in objects:
        yield finding(one, "it is there", remedy="x")


def thing(kind: str, uid: str = "u") -> dict[str, Any]:
    return {"apiVersion": "many/v1", "kind": kind, "metadata": {"name": kind.lower(), "uid": uid}}


def test_a_dump_that_lacks_most_of_many_kinds_is_one_gap() -> None:
    collector = Collector(Wanted.by(reads_many.parameters))
    collector.add_value(thing("Kind0"), Origin("dump.json"))
    found, covered = judge(reads_many, Resolver(collector.snapshot()), None)
    assert [one.subject.name for one in found] == ["kind0"]
    assert covered.status is CoverageStatus.PARTIAL
    (gap,) = covered.gaps
    assert gap.input == "kind1s, kind2s, kind3s, kind4s, kind5s and 3 more"
    assert "kubepreflight snapshot --to FILE" in gap.how
    assert "kubectl" not in gap.how, "one kind that the server lacks would make it fail"


def test_a_dump_without_any_of_them_is_one_gap_too() -> None:
    collector = Collector(Wanted.by(reads_many.parameters))
    _, covered = judge(reads_many, Resolver(collector.snapshot()), None)
    assert covered.status is CoverageStatus.NOT_CHECKED
    assert len(covered.gaps) == 1


def test_many_kinds_that_are_refused_alike_are_one_gap_and_the_others_stay() -> None:
    collector = Collector(Wanted.by(reads_many.parameters))
    for number, kind in enumerate(KINDS):
        reason = f"403 {kind} is forbidden" if number else "timed out"
        collector.fail("many", kind, Gap(input=f"{kind.lower()}s", reason=reason, how="allow it", asked=True))
    collector.fail("many", "Kind1", Gap(input="Kind1", subject="Kind1 a", reason="403 is its name", asked=True))
    _, covered = judge(reads_many, Resolver(collector.snapshot()), None)
    assert covered.status is CoverageStatus.NOT_CHECKED
    assert [(gap.input, gap.reason, gap.asked) for gap in covered.gaps] == [
        ("kind0s", "timed out", True),
        (
            "kind1s, kind2s, kind3s, kind4s, kind5s and 3 more",
            "403 Kind1 is forbidden; 7 more are refused alike",
            True,
        ),
        ("Kind1", "403 is its name", True),
    ]


def test_a_kind_that_several_structs_read_is_listed_once() -> None:
    class Whole(KubernetesObject):
        api = Api("", "ConfigMap", "configmaps")

    class Named(KubernetesObject):
        api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name="kubeadm-config")

    class Older(KubernetesObject):
        api = Api("", "ConfigMap", "configmaps", also=("extensions",))

    assert to_list([Named]) == (Named.api,)
    assert to_list([Named, Whole]) == (Whole.api,)
    assert to_list([Named, Whole, Older]) == (Older.api,)


@rule(severity=NOTE, area="apis", phase="before")
def reads_headers(headers: ManifestHeaders) -> Iterator[Finding]:
    """It reads the heads of manifests."""
    for one in headers.all:
        yield finding(one, "it is there", remedy="x")


def test_headers_are_of_manifests_of_any_kind_and_never_of_what_runs() -> None:
    collector = Collector(Wanted.by(reads_headers.parameters))
    collector.add_header(ManifestHeader("v1", "Secret", "shop", "key", Origin("a.yaml", 3)))
    collector.add_value(thing("Odd", uid=""), Origin("b.yaml", 1))
    collector.add_value(thing("Runs"), Origin("dump.yaml", 1))
    found, covered = judge(reads_headers, Resolver(collector.snapshot()), None)
    assert [str(one.subject) for one in found] == ["Secret shop/key (a.yaml:3)", "Odd odd (b.yaml:1)"]
    assert covered.status is CoverageStatus.CHECKED


def test_without_manifests_there_are_no_headers_and_that_is_no_empty_list() -> None:
    collector = Collector(Wanted.by(reads_headers.parameters))
    _, covered = judge(reads_headers, Resolver(collector.snapshot()), None)
    assert covered.status is CoverageStatus.NOT_CHECKED
    assert [gap.input for gap in covered.gaps] == ["manifests"]
