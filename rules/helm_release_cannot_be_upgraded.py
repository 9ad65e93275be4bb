"""Helm releases that were applied in an API version which the upgrade takes away."""

from collections.abc import Iterator, Sequence
from shlex import quote

import msgspec

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Gap, Hop, Phase, Subject, finding
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.rule import rule
from kubepreflight.semantics.helm_records import ReleasedManifest
from kubepreflight.semantics.helm_releases import HelmReleases, Release, Revision, listed_revisions
from kubepreflight.semantics.kubectl import in_namespace
from kubepreflight.semantics.replacements import replacement_for
from kubepreflight.semantics.several import full_name, listed
from kubepreflight.snapshot import ManifestHeaders
from kubepreflight.upgrade import Upgrade

_LATER = ("upgrade", "rollback", "delete")
"""What comes after an installation: its hooks run on what is there."""


class Use(msgspec.Struct, frozen=True):
    """One object of a revision, in a version that is gone at the target."""

    row: ApiKind
    manifest: ReleasedManifest
    place: Subject


@rule(severity=BLOCKER, area="apis", phase="control-plane-upgrade")
def helm_release_cannot_be_upgraded(
    found: HelmReleases, lifecycle: ApiLifecycle, upgrade: Upgrade, headers: ManifestHeaders | None = None
) -> Iterator[Finding | Gap]:
    """A Helm release was applied in an API version that the upgrade takes away.

    Why: Helm keeps the manifests that it applied, and compares the next ones with them. For that it asks the API server
    about each of the old ones. In a version that is no longer served they cannot be asked for: it does not help that
    the new chart has the new version.

    What happens: from the hop on `helm upgrade`, `helm rollback` and `helm uninstall` of this release fail with `unable
    to build kubernetes objects from current release manifest: … no matches for kind "…" in version "…"`; so does every
    tool that does the same through Helm's library. What runs goes on. A failed rollback leaves the release in
    `pending-rollback`, and Helm then refuses every upgrade of it. It is a warning when the version is gone already,
    for then Helm fails today; and when just a hook of the chart is in it, which fails when its turn comes. That only
    older revisions are in it, to which nobody can then go back, is a note.

    When it stays silent: the revision that counts is in versions which stay. That is the last one that is deployed, or
    the last one when none is. Releases are only read when asked for (--opt-in helm-releases), from Secrets and
    ConfigMaps, and of them only names, versions and what each manifest is: never values. What Helm keeps in a SQL
    database is not seen, nor what Helm 2 kept, nor custom resources.

    How to see it yourself: helm get manifest NAME -n NAMESPACE | grep -A1 apiVersion

    References:
        https://helm.sh/docs/topics/kubernetes_apis/
        https://github.com/helm/helm-mapkubeapis
        https://kubernetes.io/docs/reference/using-api/deprecation-guide/

    """
    yield from found.gaps
    for release in found.releases:
        current = release.current
        if current is None:
            continue
        uses = _uses(current, lifecycle, upgrade)
        applied, hooks = [one for one in uses if not one.manifest.hook], [one for one in uses if one.manifest.hook]
        older = [one for one in release.older if _uses(one, lifecycle, upgrade)]
        if applied:
            yield _stuck(release, current, applied, older, _Plan(lifecycle, upgrade, headers))
        elif hooks:
            yield _hooks(release, current, hooks, upgrade)
        elif older:
            uses = [use for one in older for use in _uses(one, lifecycle, upgrade)]
            if not _is_gone(uses, upgrade):
                yield _no_way_back(release, current, older, uses, upgrade)


class _Plan(msgspec.Struct, frozen=True):
    lifecycle: ApiLifecycle
    upgrade: Upgrade
    headers: ManifestHeaders | None


def _uses(revision: Revision, lifecycle: ApiLifecycle, upgrade: Upgrade) -> list[Use]:
    """Those that are gone at the target, the first to go first."""
    found = []
    for one in revision.record.manifests:
        row = lifecycle.find(one.api_version, one.kind)
        if row is not None and row.removed is not None and row.removed <= upgrade.target.minor_version:
            place = Subject(
                api_version=one.api_version,
                kind=one.kind,
                namespace=one.namespace,
                name=one.name,
                field=one.source,
            )
            found.append(Use(row, one, place))
    return sorted(found, key=lambda use: (use.row.removed, use.row.api_version, use.row.kind, use.place.name))


def _is_gone(uses: Sequence[Use], upgrade: Upgrade) -> bool:
    removed = uses[0].row.removed
    return removed is not None and removed <= upgrade.first_hop.start


def _hop(uses: Sequence[Use], upgrade: Upgrade) -> Hop:
    """The first hop that takes one of them away."""
    removed = uses[0].row.removed
    return (upgrade.hop_to(removed) if removed else None) or upgrade.first_hop


def _subject(release: Release, field: str) -> Subject:
    return Subject(kind="Helm release", namespace=release.namespace, name=release.name, field=field)


def _named(release: Release, revision: Revision) -> str:
    record = revision.record
    chart = f"chart {record.chart} {record.chart_version}".rstrip() if record.chart else "its chart is not known"
    return f"Helm release {_full(release)} (revision {record.revision}, {chart})"


def _full(release: Release) -> str:
    return full_name(release)


def _versions(uses: Sequence[Use]) -> str:
    """`the PodDisruptionBudget web in policy/v1beta1 (gone from 1.25 on)`, of several kinds each."""
    by_row: dict[ApiKind, list[str]] = {}
    for use in uses:
        by_row.setdefault(use.row, []).append(use.place.name)
    return listed(
        f"the {row.kind} {listed(names)} in {row.api_version} (gone from {row.removed} on)"
        for row, names in by_row.items()
    )


def _evidence(revision: Revision, uses: Sequence[Use]) -> dict[str, str]:
    holder, record = revision.holder, revision.record
    return {
        "kept in": str(holder),
        "revision": f"{record.revision}, {record.status}",
        "written in": listed(f"{use.row.api_version} {use.row.kind}" for use in uses),
    }


def _stuck(release: Release, current: Revision, uses: Sequence[Use], older: Sequence[Revision], plan: _Plan) -> Finding:
    gone, hop = _is_gone(uses, plan.upgrade), _hop(uses, plan.upgrade)
    when = "Already now" if gone else f"From the hop {hop} on"
    refused = f'no matches for kind "{uses[0].row.kind}" in version "{uses[0].row.api_version}"'
    evidence = _evidence(current, uses)
    if older:
        evidence["older revisions in it"] = listed_revisions(older)
    if given := _given(uses, plan.headers):
        evidence["given as a manifest"] = given
    return finding(
        _subject(release, "apiVersion"),
        f"The {_named(release, current)} was applied with {_versions(uses)}. {when} `helm upgrade`, `helm rollback` "
        "and `helm uninstall` of it fail, whatever the new chart says: `unable to build kubernetes objects from "
        f"current release manifest: … {refused}`. What runs goes on.",
        places=[use.place for use in uses],
        evidence=evidence,
        remedy=_map(release, current) if gone else _upgrade_before(release, current, uses, hop, plan.lifecycle),
        severity=WARNING if gone else None,
        phase=Phase.BEFORE if gone else None,
        hop=hop,
    )


def _given(uses: Sequence[Use], headers: ManifestHeaders | None) -> str:
    """In which versions the manifests that were given have objects of the same names."""
    same = {(use.place.kind, use.place.name) for use in uses}
    found = (
        f"{one.kind} {one.name} in {one.api_version} ({one.origin.file})"
        for one in (headers.all if headers else ())
        if (one.kind, one.name) in same
    )
    return listed(texts) if (texts := list(found)) else ""


def _helm(release: Release, revision: Revision) -> tuple[str, str]:
    """How a command line begins and ends."""
    driver = "HELM_DRIVER=configmap " if revision.holder.kind == "ConfigMap" else ""
    return f"{driver}helm", in_namespace(release.namespace)


def _upgrade_before(release: Release, current: Revision, uses: Sequence[Use], hop: Hop, lifecycle: ApiLifecycle) -> str:
    helm, space = _helm(release, current)
    name = quote(release.name)
    instead, late = [], []
    for row in dict.fromkeys(use.row for use in uses):
        replacement = replacement_for(row, lifecycle, hop)
        if replacement and replacement.other and replacement.other.since <= hop.start < replacement.since:
            replacement = replacement.other
        if replacement is None:
            instead.append(f"no {row.kind}, for nothing replaces it")
        elif replacement.since <= hop.start:
            instead.append(f"{replacement.kind} in {replacement.written}")
        else:
            told = f", with {replacement.switch}" if replacement.switch else ""
            what = f"{replacement.kind} in {replacement.api_version}"
            late.append(f"{what} is served from {replacement.since} on only{told}")
    if late:
        return (
            f"Nothing can be done by an upgrade of the release before the hop {hop}: {listed(late)}. Right after it, "
            f"before anything else is done with the release:\n{_map(release, current)}"
        )
    return "\n".join(
        [
            *_end_what_is_pending(release, helm, space),
            f"Before the hop {hop}, upgrade it with a chart, or with values, that gives {listed(instead)}:",
            f"{helm} get values {name}{space} -o yaml > values.yaml",
            f"{helm} upgrade {name} CHART{space} --version VERSION -f values.yaml",
            "This must then print nothing:",
            f"{helm} get manifest {name}{space} | grep -E '{_pattern(uses)}'",
            "Where there is no such chart, or when it is too late:",
            _map(release, current),
        ]
    )


def _end_what_is_pending(release: Release, helm: str, space: str) -> Iterator[str]:
    """Helm refuses every upgrade until then."""
    last = release.revisions[-1].record
    if last.status.startswith("pending"):
        yield f"Its revision {last.revision} is in {last.status}, in which Helm refuses every upgrade. First end that:"
        yield f"{helm} rollback {quote(release.name)}{space}"


def _pattern(uses: Sequence[Use]) -> str:
    versions = sorted({use.row.api_version for use in uses})
    return f"apiVersion:[^a-z]*({'|'.join(versions)})"  # perhaps in quotes, or in a list


def _map(release: Release, current: Revision) -> str:
    helm, _ = _helm(release, current)
    space = f" --namespace {quote(release.namespace)}" if release.namespace else ""
    return (
        "Helm's plugin mapkubeapis rewrites the record, for the versions that its mapping file names; see first what "
        f"it would do:\n{helm} mapkubeapis {quote(release.name)}{space} --dry-run"
    )


def _hooks(release: Release, current: Revision, uses: Sequence[Use], upgrade: Upgrade) -> Finding:
    events = sorted({event for use in uses for event in use.manifest.hook})
    hop = _hop(uses, upgrade)
    later = [event for event in events if event.partition("-")[2] in _LATER]
    helm, space = _helm(release, current)
    when = "already now" if _is_gone(uses, upgrade) else f"from the hop {hop} on"
    return finding(
        _subject(release, "hooks"),
        f"The {_named(release, current)} has hooks ({listed(events)}) with {_versions(uses)}. Whoever runs them with "
        f"this chart gets, {when}, `{(later or events)[0]} hooks failed: unable to build kubernetes object …`.",
        places=[use.place for use in uses],
        evidence=_evidence(current, uses),
        remedy=f"Before the hop {hop}, upgrade it with a chart whose hooks are in versions that stay, or run it "
        f"without them (--no-hooks). This shows them:\n{helm} get hooks {quote(release.name)}{space}",
        severity=WARNING if later and not _is_gone(uses, upgrade) else NOTE,
        hop=hop,
    )


def _no_way_back(
    release: Release, current: Revision, older: Sequence[Revision], uses: Sequence[Use], upgrade: Upgrade
) -> Finding:
    hop = _hop(uses, upgrade)
    helm, space = _helm(release, current)
    return finding(
        _subject(release, "rollback"),
        f"The {_named(release, current)} cannot go back to its revisions {listed_revisions(older)} after {hop}: "
        f"they have {_versions(uses)}. A rollback to one of them fails, and leaves the release in `pending-rollback`, "
        "in which Helm refuses every upgrade.",
        places=[use.place for use in uses],
        evidence={**_evidence(current, uses), "older revisions in it": listed_revisions(older)},
        remedy="After the hop, go back by an upgrade with the older chart, in versions that are served. Which there "
        f"are:\n{helm} history {quote(release.name)}{space}",
        severity=NOTE,
        phase=Phase.AFTER,
        hop=hop,
    )
