"""Which revision of a Helm release the next upgrade starts from, where releases lie, and what a snapshot keeps."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from kubepreflight.engine import Resolver, judge
from kubepreflight.finding import NOTE, Finding, Gap, finding
from kubepreflight.inputs import Wanted
from kubepreflight.objects import Origin
from kubepreflight.report import CoverageStatus, RuleCoverage
from kubepreflight.rule import rule
from kubepreflight.semantics.helm_releases import HelmReleases, Release, listed_revisions
from kubepreflight.snapshot import Collector, Snapshot
from kubepreflight.sources.snapshot_file import SnapshotWriter, read_snapshot
from kubepreflight.testing import helm_secret

OPTED_IN = frozenset({"helm-releases"})
MANIFEST = "---\n# Source: web/templates/budget.yaml\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\n"


@rule(severity=NOTE, area="apis", phase="before")
def shows_releases(found: HelmReleases) -> Iterator[Finding | Gap]:
    """It shows what was read."""
    yield from found.gaps
    for release in found.releases:
        for one in release.revisions:
            yield finding(one.holder, f"{release.name} {one.record.manifests}", remedy="x")


def collected(
    objects: Sequence[dict[str, Any]], opted_in: frozenset[str] = OPTED_IN, writer: SnapshotWriter | None = None
) -> Snapshot:
    """As a dump of a whole cluster gives them."""
    collector = Collector(Wanted.by(shows_releases.parameters), writer, opted_in)
    for kind in ("Secret", "ConfigMap"):
        items = [one for one in objects if one["kind"] == kind]
        dump = {"apiVersion": "v1", "kind": f"{kind}List", "items": items}
        collector.add_raw(json.dumps(dump).encode(), Origin("dump.json"))
    return collector.snapshot()


def releases_in(*objects: dict[str, Any]) -> tuple[Release, ...]:
    found: HelmReleases = Resolver(collected(objects)).get(HelmReleases).value
    return found.releases


def revisions(*statuses: str) -> list[dict[str, Any]]:
    return [helm_secret("web", MANIFEST, version=number, status=one) for number, one in enumerate(statuses, start=1)]


def config_map(secret: dict[str, Any]) -> dict[str, Any]:
    """The same release with Helm's other driver."""
    metadata = {**secret["metadata"], "uid": f"{secret['metadata']['uid']}-config-map"}
    release = base64.b64decode(secret["data"]["release"]).decode()
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"release": release}}


@pytest.mark.parametrize(
    ("statuses", "current", "older"),
    [
        (["deployed"], 1, []),
        (["superseded", "superseded", "deployed"], 3, [1, 2]),
        (["superseded", "deployed", "failed"], 2, [1]),
        (["superseded", "deployed", "pending-upgrade"], 2, [1]),
        (["failed"], 1, []),
        (["superseded", "failed"], 2, [1]),
        (["pending-install"], None, []),
        (["superseded", "uninstalled"], None, []),
    ],
)
def test_the_current_revision_is_the_one_that_helm_upgrade_starts_from(
    statuses: list[str], current: int | None, older: list[int]
) -> None:
    (release,) = releases_in(*revisions(*statuses))
    assert (release.current and release.current.record.revision) == current
    assert [one.record.revision for one in release.older] == older


def test_an_unreadable_revision_still_counts_by_its_labels() -> None:
    first, last = revisions("superseded", "deployed")
    last["data"]["release"] = "broken"
    found: HelmReleases = Resolver(collected([first, last])).get(HelmReleases).value
    (release,) = found.releases
    assert release.current
    assert (release.current.record.revision, release.current.record.manifests) == (2, ())
    (gap,) = found.gaps
    assert gap.subject == "revision 2 of shop/web (Secret sh.helm.release.v1.web.v2)"
    assert gap.how == "see whether Helm reads it: helm get manifest web -n shop --revision 2"
    assert gap.asked


def test_both_drivers_and_all_namespaces_are_apart() -> None:
    one = helm_secret("web", MANIFEST)
    found = releases_in(one, config_map(one), helm_secret("web", namespace="other"))
    assert [(release.namespace, release.revisions[0].holder.kind) for release in found] == [
        ("shop", "ConfigMap"),
        ("other", "Secret"),
        ("shop", "Secret"),
    ]


def not_releases() -> list[dict[str, Any]]:
    other_type, other_owner = helm_secret("a"), helm_secret("b")
    other_type["type"] = "Opaque"
    other_owner["metadata"]["labels"] = {"owner": "TILLER"}
    return [other_type, other_owner, config_map(helm_secret("c") | {"metadata": {"name": "c", "uid": "c"}})]


def test_what_is_not_helms_is_passed_over() -> None:
    assert releases_in(*not_releases()) == ()


def shown(snapshot: Snapshot) -> tuple[list[str], RuleCoverage]:
    found, coverage = judge(shows_releases, Resolver(snapshot), None)
    return [f"{one.subject}: {one.message}" for one in found], coverage


def test_without_the_opt_in_nothing_is_read_and_that_is_said() -> None:
    found, coverage = shown(collected(revisions("deployed"), opted_in=frozenset()))
    assert (found, coverage.status) == ([], CoverageStatus.NOT_CHECKED)
    (gap,) = coverage.gaps
    assert (gap.input, gap.reason) == ("opt-in helm-releases", "helm releases are only read when asked for")
    assert gap.how == "kubepreflight scan --opt-in helm-releases"


def test_a_snapshot_gives_the_same_answer_and_keeps_no_value() -> None:
    objects = [*revisions("superseded", "deployed"), *not_releases()]
    objects[0]["data"]["release"] = "broken"
    secret = "password: hunter2"
    objects += [helm_secret("db", f"{MANIFEST}---\napiVersion: v1\nkind: Secret\n{secret}", config={"x": secret})]
    objects += [config_map(objects[-1])]
    kept = io.BytesIO()
    with SnapshotWriter() as writer:
        before = collected(objects, writer=writer)
        writer.write(before, kept)
    kept.seek(0)
    collector = Collector(Wanted.by(shows_releases.parameters), None, OPTED_IN)
    read_snapshot(collector, kept, "snapshot.tar.gz")
    after = collector.snapshot()
    assert shown(after) == shown(before)
    assert len(shown(after)[0]) == 4
    payloads = [one.data.release for one in next(iter(after.observed.values())) if one.data]
    assert payloads
    assert not [one for one in payloads if "hunter2" in one]


def test_revisions_are_told_as_ranges() -> None:
    (release,) = releases_in(*(helm_secret("web", version=number) for number in (1, 2, 3, 7, 9, 10)))
    assert listed_revisions(release.revisions) == "1 to 3, 7 and 9 to 10"
