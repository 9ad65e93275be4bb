"""For each API version that Kubernetes dropped: a manifest in it a minor early, at the removal, and after."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import yaml

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Hop, Phase
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.knowledge.component_config import ComponentConfig
from kubepreflight.knowledge.feature_gates import FeatureGates
from kubepreflight.rule import load_rules
from kubepreflight.rules.api_not_yet_served import api_not_yet_served
from kubepreflight.rules.removed_api import removed_api
from kubepreflight.scan import wanted_by
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.semantics.removed_apis import ManifestUses, RemovedApis
from kubepreflight.semantics.replacements import replacement_for
from kubepreflight.semantics.unserved_apis import UnservedApis
from kubepreflight.snapshot import Collector, ManifestHeader, ManifestHeaders
from kubepreflight.sources.objects_in_files import ObjectsInFiles
from kubepreflight.upgrade import ApiServers, ScanOptions, Upgrade
from kubepreflight.version import Minor, Version

LIFECYCLE = ApiLifecycle.provide()
AT = datetime(2026, 11, 23, tzinfo=UTC)
KNOWN = Path(__file__).parent / "data" / "known_api_removals.csv"


def upgrade(start: Minor, end: Minor) -> Upgrade:
    options = ScanOptions(start=AT, window=timedelta(1), target=Version(*end), newest_known=LIFECYCLE.info.end)
    return Upgrade.provide(options, ApiServers({}, Version(*start, 3)), None)


def written(rows: Sequence[ApiKind], form: str) -> str:
    """A file with a manifest of each, as people write them."""
    objects = [
        {"apiVersion": row.api_version, "kind": row.kind, "metadata": {"name": "web", "namespace": "shop"}}
        for row in rows
    ]
    match form:
        case "a list in JSON":
            return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        case "a list in YAML":
            return yaml.safe_dump({"kind": "List", "apiVersion": "v1", "items": objects}, sort_keys=False)
        case "JSON among documents":
            return "\n---\n".join(map(json.dumps, objects))
        case "the kind first, in quotes":
            head = "# {0} {1}\nkind: '{1}'\nmetadata: {{namespace: shop, name: web}}  # ours\napiVersion: \"{0}\"\n"
            return "---\n".join(head.format(row.api_version, row.kind) for row in rows)
    return yaml.safe_dump_all(objects, sort_keys=False)


FORMS = ["documents", "the kind first, in quotes", "a list in YAML", "a list in JSON", "JSON among documents"]


@cache
def manifests(form: str) -> Mapping[tuple[str, str], ManifestHeader]:
    """What is read of a file with all kinds and versions; as many are read whole as rules want to."""
    collector = Collector(wanted_by(load_rules()))
    gaps: list[tuple[str, str, str]] = []
    reader = ObjectsInFiles(collector, lambda *gap: gaps.append(gap), lambda *_: False)
    reader.take("apps/web.yaml", written([*LIFECYCLE.served()], form).encode())
    snapshot = collector.snapshot()
    assert (gaps, snapshot.gaps) == ([], ())
    return {(one.api_version, one.kind): one for one in snapshot.headers}


def manifest(row: ApiKind, form: str = "documents") -> ManifestHeader:
    return manifests(form)[row.api_version, row.kind]


def findings_of_removal(row: ApiKind, plan: Upgrade, form: str = "documents") -> list[Finding | Gap]:
    headers = ManifestHeaders((manifest(row, form),))
    uses = ManifestUses.provide(LIFECYCLE, Kustomizations.provide(), headers)
    return list(removed_api(RemovedApis.provide(uses, None, None), LIFECYCLE, plan))


def findings_of_lack(row: ApiKind, plan: Upgrade) -> list[Finding | Gap]:
    unserved = UnservedApis.provide(
        headers=ManifestHeaders((manifest(row),)),
        lifecycle=LIFECYCLE,
        kustomizations=Kustomizations.provide(),
        upgrade=plan,
        gates=FeatureGates.provide(),
    )
    return list(api_not_yet_served(unserved, LIFECYCLE, plan))


def removed() -> dict[Minor, list[ApiKind]]:
    found: dict[Minor, list[ApiKind]] = {}
    for row in LIFECYCLE.served():
        if row.removed is not None and not LIFECYCLE.is_planned(row):
            found.setdefault(row.removed, []).append(row)
    return found


def only(found: list[Finding | Gap]) -> Finding:
    (finding,) = found
    assert isinstance(finding, Finding)
    return finding


REMOVED = removed()
EACH_MINOR = pytest.mark.parametrize("gone", sorted(REMOVED), ids=str)
"""Each that dropped something; the tests go over all that it dropped."""
EACH_FORM = pytest.mark.parametrize("form", FORMS)
BY_DEFAULT = [row for row in LIFECYCLE.served() if row.served_by_default == "yes" and row.introduced > Minor(1, 16)]


@pytest.mark.parametrize("form", FORMS)
def test_however_they_are_written_the_same_is_read(form: str) -> None:
    found = manifests(form)
    # Nobody writes one: that is what a server answers.
    assert found.keys() | {("v1", "ComponentStatus")} == {(row.api_version, row.kind) for row in LIFECYCLE.served()}
    assert {(one.namespace, one.name, one.origin.file) for one in found.values()} == {("shop", "web", "apps/web.yaml")}


def test_every_minor_that_dropped_something_is_there() -> None:
    assert sum(map(len, REMOVED.values())) > 100
    assert {str(gone) for gone in REMOVED} >= {"1.16", "1.22", "1.25", "1.26", "1.27", "1.29", "1.32", "1.35", "1.37"}


@EACH_MINOR
@EACH_FORM
def test_a_minor_early_it_is_nothing(gone: Minor, form: str) -> None:
    plan = upgrade(gone.plus(-2), gone.plus(-1))
    assert [row for row in REMOVED[gone] if findings_of_removal(row, plan, form)] == []


@EACH_MINOR
@EACH_FORM
@pytest.mark.parametrize("hops", [1, 2, 5])
def test_at_the_removal_it_is_a_blocker_at_just_that_hop(gone: Minor, hops: int, form: str) -> None:
    plan = upgrade(gone.plus(-hops), gone)
    for row in REMOVED[gone]:
        finding = only(findings_of_removal(row, plan, form))
        assert finding.severity is BLOCKER
        assert str(finding.hop) == f"{gone.plus(-1)} → {gone}"
        assert finding.subject.field == row.api_version
        assert f"does not serve from {gone} on" in finding.message
        assert f'`no matches for kind "{row.kind}" in version "{row.api_version}"`' in finding.message


@EACH_MINOR
@EACH_FORM
def test_after_the_removal_it_fails_already_and_not_by_the_upgrade(gone: Minor, form: str) -> None:
    plan = upgrade(gone, gone.plus(1))
    for row in REMOVED[gone]:
        finding = only(findings_of_removal(row, plan, form))
        assert (finding.severity, finding.phase) == (WARNING, Phase.BEFORE)
        assert "already now" in finding.message


@EACH_MINOR
def test_what_is_to_be_written_instead_is_served_after_the_hop(gone: Minor) -> None:
    for row in REMOVED[gone]:
        instead = replacement_for(row, LIFECYCLE, Hop(gone.plus(-1), gone))
        if instead is None or instead.api_version == "apidiscovery.k8s.io/v2":  # asked for, not applied
            continue
        other = LIFECYCLE.find(instead.api_version, instead.kind)
        assert other is not None
        assert other.introduced <= gone
        assert other.removed is None or other.removed > gone


@EACH_MINOR
def test_what_is_to_be_written_instead_needs_nothing_that_is_not_said(gone: Minor) -> None:
    plan = upgrade(gone.plus(-1), gone)
    for row in REMOVED[gone]:
        remedy = only(findings_of_removal(row, plan)).remedy
        instead = replacement_for(row, LIFECYCLE, plan.first_hop)
        other = LIFECYCLE.find(instead.api_version, instead.kind) if instead else None
        if other is not None and other.served_by_default == "no":
            assert f"--runtime-config={other.api_version}=true" in remedy
            assert not other.gate or f"--feature-gates={other.gate}=true" in remedy


@pytest.mark.parametrize("later", [1, 5, 20])
@EACH_MINOR
def test_nothing_is_to_be_written_instead_that_is_gone_itself(gone: Minor, later: int) -> None:
    hop = Hop(gone.plus(later), gone.plus(later + 1))
    for row in REMOVED[gone]:
        instead = replacement_for(row, LIFECYCLE, hop)
        assert instead is None or instead.removed is None or instead.removed > hop.start


@EACH_MINOR
def test_what_goes_away_is_not_told_twice(gone: Minor) -> None:
    plan = upgrade(gone.plus(-1), gone)
    assert [row for row in REMOVED[gone] if findings_of_lack(row, plan)] == []


def test_what_is_served_by_default_lacks_until_its_minor() -> None:
    for row in BY_DEFAULT:
        here = row.introduced
        last = row.removed.plus(-1) if row.removed else LIFECYCLE.info.end
        assert findings_of_lack(row, upgrade(here, last.plus(1) if here == last else last)) == []
        coming = only(findings_of_lack(row, upgrade(here.plus(-1), here)))
        beyond = only(findings_of_lack(row, upgrade(here.plus(-2), here.plus(-1))))
        assert f"before the hop {here.plus(-1)} → {here} ends in" in coming.message
        assert f"today and after the upgrade to {here.plus(-1)} ends in" in beyond.message


def test_what_others_say_went_away_did_or_it_is_explained() -> None:
    with KNOWN.open(encoding="utf-8", newline="") as file:
        for known in csv.DictReader(file):
            named = known["api_version"], known["kind"]
            row = LIFECYCLE.find(*named) or ComponentConfig.provide().find(*named)
            agreed = row is not None and str(row.removed) == known["removed"]
            assert agreed != bool(known["difference"]), named
