"""Manifests, and what was last applied, in an API version that the upgrade takes away."""

from collections.abc import Iterator, Sequence
from shlex import quote

import msgspec

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Evidence, Finding, Hop, Phase, Severity, Subject, finding
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.rule import rule
from kubepreflight.semantics.folders import common_path
from kubepreflight.semantics.removed_apis import Basis, Cause, RemovedApis
from kubepreflight.semantics.replacements import Replacement, replacement_for
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="apis", phase="control-plane-upgrade")
def removed_api(found: RemovedApis, lifecycle: ApiLifecycle, upgrade: Upgrade) -> Iterator[Finding]:
    """Manifests are written in an API version that the upgrade takes away.

    Why: Kubernetes drops beta versions of its APIs. Objects that exist go on, because the API server keeps them in its
    own form and shows them in every version that it still serves; but nobody can send it the old version any more.

    What happens: `kubectl apply`, Helm and every GitOps tool fail from the hop on with `no matches for kind "…" in
    version "…"`. The next deployment fails, and so does the one with which you would repair something. A manifest that
    will be applied is a blocker. An object that only remembers an old version from its last `kubectl apply` is a
    warning: it goes on, its source is somewhere, and applying that fails; a note when it would fail today already.
    A file that the kustomization in its own folder does not name is a note, for nobody seems to apply it.

    When it stays silent: the version goes after the target, or its removal is only planned; the kind is a custom
    resource; the object was merely listed in an old version (`kubectl get` may print whatever version it likes); an
    object remembers an old version, and the manifest that is given for it has a new one. What Helm's releases, audit
    logs and managedFields tell is not read, nor the last-applied version of kinds that nobody keeps as manifests
    (ReplicaSet, EndpointSlice, Event, Lease and the like). Files that kubeadm and the kubelet read are not its matter.

    How to see it yourself: kubectl apply --dry-run=server -f FILE against a cluster of the target's version, and
    kubectl get KIND -A -o yaml | grep -A1 last-applied

    References:
        https://kubernetes.io/docs/reference/using-api/deprecation-guide/
        https://kubernetes.io/docs/reference/using-api/deprecation-policy/
        https://kubernetes.io/docs/tasks/tools/install-kubectl-linux/#install-kubectl-convert-plugin

    """
    target = upgrade.target.minor_version
    for cause in found.causes():
        row, basis, places = cause.row, cause.basis, cause.places
        if row.removed is None or row.removed > target:
            continue
        gone = row.removed <= upgrade.first_hop.start
        hop = upgrade.first_hop if gone else next(hop for hop in upgrade.hops if hop.end >= row.removed)
        replacement = replacement_for(row, lifecycle, hop.start)
        yield finding(
            _subject(row, basis, places),
            _message(row, basis, places, _when(hop, upgrade, gone=gone)),
            places=places,
            evidence=_evidence(cause, replacement),
            remedy=_remedy(row, basis, places, replacement, _window(replacement, hop, upgrade)),
            severity=_severity(cause, gone=gone),
            phase=Phase.BEFORE if gone else None,
            hop=hop,
        )


def _severity(cause: Cause, *, gone: bool) -> Severity:
    """What fails today already is no worse for the upgrade, but for the manifest with which it would be mended."""
    return NOTE if gone and cause.severity is WARNING else cause.severity


def _subject(row: ApiKind, basis: Basis, places: Sequence[Subject]) -> Subject:
    field = f"{row.api_version}, not in its kustomization" if basis is Basis.LEFT_OUT else row.api_version
    about = common_subject(places, field)
    return about if about.name else msgspec.structs.replace(about, file=common_path(place.file for place in places))


def _when(hop: Hop, upgrade: Upgrade, *, gone: bool) -> str:
    if not gone:
        return f" after the hop {hop}"
    return " already now" if upgrade.current else ""


def _message(row: ApiKind, basis: Basis, places: Sequence[Subject], when: str) -> str:
    one = len(places) == 1
    dropped = f"which Kubernetes does not serve from {row.removed} on"
    refused = f'`no matches for kind "{row.kind}" in version "{row.api_version}"`'
    names = listed(f"{place.namespace}/{place.name}" if place.namespace else place.name for place in places)
    if basis is Basis.LAST_APPLIED:
        several = f"{len(places)} objects of kind {row.kind} ({names}) remember"
        what = f"The {row.kind} {names} remembers" if one else several
        return (
            f"{what} from the last `kubectl apply` a manifest in {row.api_version}, {dropped}. What is there stays, "
            f"but whoever applies that manifest again{when} gets {refused}."
        )
    what = f"The manifest of the {row.kind} {names} is" if one else f"{len(places)} manifests of kind {row.kind} are"
    if basis is Basis.LEFT_OUT:
        file = "The kustomization beside it does not name the file"
        files = "The kustomizations beside them do not name these files"
        return (
            f"{what} written in {row.api_version}, {dropped}. {file if one else files}, so nobody seems to apply "
            f"{'it' if one else 'them'}; whoever does{when} gets {refused}."
        )
    lasting = "What was applied before stays." if row.replacement else "Nothing takes the place of this kind."
    it = "it" if one else "them"
    return f"{what} written in {row.api_version}, {dropped}. Applying {it}{when} ends in {refused}. {lasting}"


def _evidence(cause: Cause, replacement: Replacement | None) -> dict[str, Evidence]:
    evidence: dict[str, Evidence] = {"seen in": str(cause.basis), **cause.evidence, "gone from": str(cause.row.removed)}
    if replacement is not None:
        evidence["instead"] = f"{replacement.api_version}, served since {replacement.since}"
    return evidence


def _remedy(row: ApiKind, basis: Basis, places: Sequence[Subject], replacement: Replacement | None, window: str) -> str:
    lines = _first_steps(basis, places)
    if replacement is None:
        notes = f" {row.notes[:1].upper()}{row.notes[1:]}." if row.notes else ""
        return "\n".join([*lines, f"Nothing replaces it: take it out, and do without it.{notes}"])
    kind = f" and kind: {replacement.kind}" if replacement.kind != row.kind else ""
    lines.append(f"Write apiVersion: {replacement.api_version}{kind} instead{window}.")
    if replacement.notes:
        lines.append(f"What else changes: {'; '.join(replacement.notes)}.")
    if basis is Basis.LEFT_OUT:
        return "\n".join(lines)
    files = {place.file for place in places}
    file = quote(next(iter(files))) if basis is Basis.MANIFEST and len(files) == 1 else "FILE"
    if replacement.convertible:
        command = f"kubectl convert -f {file} --output-version {replacement.api_version}"
        lines += ["This prints the new form (`convert` is a plugin in newer versions of kubectl):", command]
    return "\n".join([*lines, "Then see what it would change, defaults too:", f"kubectl diff -f {file}"])


def _first_steps(basis: Basis, places: Sequence[Subject]) -> list[str]:
    if basis is Basis.MANIFEST:
        return []
    if basis is Basis.LEFT_OUT:
        return ["Delete what nobody needs."]
    one = places[0]
    namespace = f" -n {quote(one.namespace)}" if one.namespace else ""
    show = f"kubectl apply view-last-applied{namespace} {quote(f'{one.kind.lower()}/{one.name}')}"
    return ["Find where the manifest is kept; this shows what it was:", show]


def _window(replacement: Replacement | None, hop: Hop, upgrade: Upgrade) -> str:
    """From when, and until when, the replacement can be applied."""
    if replacement is None:
        return ""
    if replacement.since > hop.start:
        text = f". No version is served on both sides of {hop}: apply it right after"
    elif upgrade.current is not None and replacement.since > upgrade.first_hop.start:
        text = f", as soon as the cluster is at {replacement.since}, and before {hop}"
    else:
        text = f" (served since {replacement.since})"
    if replacement.removed is not None and replacement.removed <= upgrade.target.minor_version:
        text += f". That goes in turn with {replacement.removed}: change it once more before"
    return text
