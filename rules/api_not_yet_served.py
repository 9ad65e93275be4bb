"""Manifests in an API version that the cluster does not serve, or not yet."""

from collections.abc import Iterator

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Evidence, Finding, Severity, finding
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.rule import rule
from kubepreflight.semantics.folders import common_subject_in_files
from kubepreflight.semantics.replacements import Replacement, replacements
from kubepreflight.semantics.runtime_config import how_to_switch_on
from kubepreflight.semantics.several import full_name, listed
from kubepreflight.semantics.unserved_apis import Lack, Unserved, UnservedApis
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor


@rule(severity=BLOCKER, area="apis", phase="before")
def api_not_yet_served(found: UnservedApis, lifecycle: ApiLifecycle, upgrade: Upgrade) -> Iterator[Finding]:
    """Manifests need an API version that the cluster does not serve, or only later.

    Why: manifests are often written for the cluster that will be: with the version in which an API has become stable,
    or with one that is new. New alpha and beta versions (beta: since 1.24) are switched off, whatever the minor, until
    the API server is told to serve them.

    What happens: whoever applies them too early gets `no matches for kind "…" in version "…"`, and a GitOps tool stops
    there, with everything else that it would have applied. When a later hop brings the version, that is a warning: the
    order matters, and what the manifests would repair cannot be repaired before. When no minor up to the target has
    it, it is a blocker for manifests that were given alone, for they do not fit the target; beside a cluster it is a
    warning, for nothing that works today stops. A version that is switched off is a warning; a note when the API
    server's flags are not known.

    When it stays silent: the version goes away on the way (removed-api tells of that); the kind is a custom resource,
    in whatever group; the kustomization beside the file does not name it; no cluster was given, and the target serves
    the version.

    How to see it yourself: kubectl api-resources, and kubectl apply --dry-run=server -f FILE

    References:
        https://kubernetes.io/docs/reference/using-api/#api-groups
        https://kubernetes.io/docs/reference/using-api/deprecation-policy/
        https://kubernetes.io/docs/tasks/administer-cluster/enable-disable-api/

    """
    for one in found.all:
        older = _served_today(one.row, lifecycle, upgrade) if one.lack is not Lack.PERHAPS_OFF else None
        newer = next((later for later in replacements(one.row, lifecycle) if not later.switch), None)
        yield finding(
            common_subject_in_files(one.places, one.row.api_version),
            f"{_what(one)} written in {one.row.api_version}, {_why(one, upgrade)}",
            places=one.places,
            evidence=_evidence(one.row, older),
            remedy="\n".join(_remedy(one, older, newer, upgrade)),
            severity=_severity(one.lack, upgrade),
            hop=upgrade.first_hop,
        )


def _severity(lack: Lack, upgrade: Upgrade) -> Severity:
    if lack is Lack.BEYOND and upgrade.current is None:
        return BLOCKER
    return NOTE if lack is Lack.PERHAPS_OFF else WARNING


def _what(one: Unserved) -> str:
    if len(one.places) > 1:
        return f"{len(one.places)} manifests of kind {one.row.kind} are"
    names = listed(full_name(place) for place in one.places)
    return f"The manifest of the {one.row.kind} {names} is"


def _why(one: Unserved, upgrade: Upgrade) -> str:
    row, it = one.row, "it" if len(one.places) == 1 else "them"
    ends = f'ends in `no matches for kind "{row.kind}" in version "{row.api_version}"`'
    here = f"; the cluster is at {upgrade.first_hop.start}" if upgrade.current else ""
    if one.lack is Lack.NOT_YET:
        brings = upgrade.hop_to(row.introduced)
        return f"which Kubernetes serves from {row.introduced} on{here}. Applying {it} before the hop {brings} {ends}."
    if one.lack is Lack.BEYOND:
        target = upgrade.target.minor_version
        when = f"today and after the upgrade to {target}" if upgrade.current else f"to a cluster of {target}"
        off = "" if row.served_by_default == "yes" else ", off by default"
        return f"which Kubernetes has from {row.introduced} on{off}{here}. Applying {it} {when} {ends}."
    if one.lack is Lack.SWITCHED_OFF:
        return f"which the API server only serves when it is told to, and its flags do not. Applying {it} {ends}."
    return f"which the API server only serves when it is told to. Where it is not, applying {it} {ends}."


def _evidence(row: ApiKind, older: ApiKind | None) -> dict[str, Evidence]:
    evidence: dict[str, Evidence] = {
        "served from": f"{row.introduced}" if row.served_by_default == "yes" else f"{row.introduced}, off by default"
    }
    if row.gate:
        evidence["feature gate"] = row.gate
    if older is not None:
        evidence["served today"] = older.api_version
    return evidence


def _remedy(one: Unserved, older: ApiKind | None, newer: Replacement | None, upgrade: Upgrade) -> Iterator[str]:
    row = one.row
    if one.lack is Lack.NOT_YET:
        brings = upgrade.hop_to(row.introduced)
        yield f"Apply it after the hop {brings}, and keep it until then from what applies by itself."
    elif one.lack is Lack.BEYOND:
        yield from _wait(row, newer)
    else:
        yield from _switch(row, newer, upgrade)
    if older is not None:
        until = f" (it goes with {older.removed})" if older.removed else ""
        yield f"To apply it before, write apiVersion: {older.api_version}{until}, if it has all that you need."


def _wait(row: ApiKind, newer: Replacement | None) -> Iterator[str]:
    if row.served_by_default == "yes":
        yield f"Leave it out until the cluster is at {row.introduced}."
        return
    there = f"until the cluster is at {row.introduced}, and the version switched on there"
    yield f"Leave it out {there}: it is off by default."
    yield f"What switches it on is {how_to_switch_on(row)}."
    if newer is not None:
        yield f"Better write apiVersion: {newer.api_version}, which is served by default from {newer.since} on."


def _switch(row: ApiKind, newer: Replacement | None, upgrade: Upgrade) -> Iterator[str]:
    if better := newer is not None and newer.since <= upgrade.target.minor_version:
        after = "" if upgrade.current and newer.since <= upgrade.first_hop.start else f" from {newer.since} on"
        yield f"Better write apiVersion: {newer.api_version}{after}."
    brings = upgrade.hop_that_brings(row.introduced) if upgrade.current else None
    late = f" with the hop {brings}, not before (one that does not know it may not start with it)" if brings else ""
    yield f"{'Or switch' if better else 'Switch'} the version on{late}, with {how_to_switch_on(row)}."


def _served_today(row: ApiKind, lifecycle: ApiLifecycle, upgrade: Upgrade) -> ApiKind | None:
    """The version of the same kind that the cluster serves today, and until the other one is there."""
    if upgrade.current is None:
        return None
    today = upgrade.first_hop.start
    return max(
        (one for one in lifecycle.served() if _is_older(one, row, today)), key=lambda one: one.introduced, default=None
    )


def _is_older(one: ApiKind, row: ApiKind, today: Minor) -> bool:
    same = one.kind == row.kind and one.api_version.partition("/")[0] == row.api_version.partition("/")[0]
    lasts = one.removed is None or one.removed > today
    return same and one != row and one.served_by_default == "yes" and one.introduced <= today and lasts
