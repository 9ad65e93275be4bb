"""Manifests and clients that say an API version which the upgrade takes away."""

from collections.abc import Iterator

import msgspec

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Evidence, Finding, Gap, Hop, Phase, Severity, Subject, finding
from kubepreflight.knowledge.api_lifecycle import ApiLifecycle
from kubepreflight.rule import rule
from kubepreflight.semantics.api_uses import Basis, Cause
from kubepreflight.semantics.embedded_manifests import name_of_all
from kubepreflight.semantics.folders import common_path, for_kubectl
from kubepreflight.semantics.removed_api_words import first_steps, message
from kubepreflight.semantics.removed_apis import RemovedApis
from kubepreflight.semantics.replacements import Replacement, replacement_for
from kubepreflight.semantics.several import common_subject
from kubepreflight.upgrade import Upgrade

KEPT = (Basis.MANIFEST, Basis.LEFT_OUT, Basis.EMBEDDED, Basis.LAST_APPLIED)
"""Where a manifest may lie that nobody has applied since."""
_CONVERT = (
    "To look at the new form, copy this one object into a file of its own. `convert` is a plugin that must be "
    "installed; of a file that holds more it may print a part only, and it stops at custom resources: do not write "
    "over the manifest what it prints."
)


@rule(severity=BLOCKER, area="apis", phase="control-plane-upgrade")
def removed_api(found: RemovedApis, lifecycle: ApiLifecycle, upgrade: Upgrade) -> Iterator[Finding | Gap]:
    """Manifests and clients say an API version that the upgrade takes away.

    Why: Kubernetes drops beta versions of its APIs. Objects that exist go on, because the API server keeps them in its
    own form and shows them in every version that it still serves; but nobody can send it, or ask it for, the old
    version any more.

    What happens: `kubectl apply`, Helm and every GitOps tool fail from the hop on with `no matches for kind "…" in
    version "…"`; the next deployment fails, and so does the one with which you would repair something. A controller
    that asks for the old version gets `the server could not find the requested resource`, and its work stops. What is
    known of one thing to change is one finding, with all that speaks for it:

    - A manifest that will be applied is a blocker. It is a warning when another file has the same object in a version
      that stays: a repository may hold the manifests of several clusters; and when the cluster that is scanned does not
      serve the version even today: applying it fails, but not by this upgrade. One that the kustomization in its own
      folder does not name is a note, for nobody seems to apply it.
    - A client in an audit log is a blocker when it asked within 30 days before the planned start, else a warning; a
      warning, too, for kubectl, Helm and the like, and for whoever only reads (backups, dashboards), where the group
      has no other version: they may go by discovery. What kubectl, Helm and the like write is taken for a manifest that
      they applied, and joins those that are given. It is a note when kubectl, a browser, k9s and the like only read (a
      warning when the last two write), and nothing when it is a part of Kubernetes, which comes in a new version with
      the upgrade, or a program that looks for old versions, as this one.
    - An entry of managedFields is a blocker when it was written in the old version within these 30 days, else a note:
      it stays until its manager changes one of its fields, so an old one proves nothing, and that it is old does not
      prove an end either. kubectl edit, patch and the like take whichever version the server prefers: they count for
      nothing, as the parts of Kubernetes do. `kubectl create` and `replace` may have been for once: a warning.
    - A manifest in the data of a ConfigMap among the given manifests is a note: something may apply it, or not.
    - An object that remembers an old version from its last `kubectl apply` is a warning: it goes on, its source is
      somewhere, and applying that fails.
    - The metric apiserver_requested_deprecated_apis says that somebody asked since that API server started, not who,
      nor whether he still does; it stays when the client has long been mended. Alone it is a warning. It is a note
      where Kubernetes itself asks (the garbage collector and the namespace controller list, watch and delete a kind in
      the only version that its group has), or where there is one API server, and the audit log, whole since that
      started, names nobody else.

    When it stays silent: the version goes after the target, or its removal is only planned; the kind is a custom
    resource; the object was merely listed in an old version (`kubectl get` may print whatever version it likes); an
    object remembers an old version, and the manifest that is given for it has a new one (where it has the old one, that
    speaks for it), or a Helm release that was read holds it; a client asks for what this server does not serve, and
    lives with that. Not looked at are the managedFields and the last-applied version of kinds that nobody keeps as
    manifests (ReplicaSet, EndpointSlice, Event, Lease and the like), requests outside the time that an audit log
    covers, and the texts in the cluster's own ConfigMaps. Each API server counts and logs for itself: a live scan asks
    the one that it talks to, and of the others it sees what is given. Those before 1.19 do not count. Files that
    kubeadm and the kubelet read are not its matter, nor what Helm keeps of its releases
    (helm-release-cannot-be-upgraded).

    How to see it yourself: kubectl apply --dry-run=server -f FILE against a cluster of the target's version,
    kubectl get KIND -A -o yaml --show-managed-fields, and
    kubectl get --raw /metrics | grep apiserver_requested_deprecated_apis

    To give more to the scan: save the metrics of each API server (kubectl --server https://ADDRESS:6443 get --raw
    /metrics > metrics-NODE.txt) and name the files. An audit log says who it is. If the API servers write one
    (--audit-log-path; a policy of level Metadata is enough), name its files, rotated and compressed ones too:
    kubepreflight scan --live metrics-*.txt audit*.log. Of the log, only who asked (user and program), for what and when
    is kept and reported, no addresses and no content.

    References:
        https://kubernetes.io/docs/reference/using-api/deprecation-guide/
        https://kubernetes.io/docs/reference/using-api/deprecation-policy/
        https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
        https://kubernetes.io/docs/reference/using-api/server-side-apply/
        https://kubernetes.io/docs/tasks/tools/install-kubectl-linux/#install-kubectl-convert-plugin

    """
    yield from found.gaps
    for cause in found.causes():
        row = cause.row
        hop = upgrade.hop_to(row.removed) if row.removed else None
        if row.removed is None or hop is None:
            continue
        gone = row.removed <= upgrade.first_hop.start
        if gone and not _fails_already(cause):
            continue
        replacement = replacement_for(row, lifecycle, hop)
        yield finding(
            _subject(cause),
            message(cause, _when(hop, upgrade, gone=gone), is_replaced=replacement is not None),
            places=cause.places,
            evidence=_evidence(cause, replacement),
            remedy=_remedy(cause, replacement, _window(replacement, hop, upgrade, lifecycle)),
            severity=_severity(cause, upgrade, gone=gone),
            phase=Phase.BEFORE if gone else None,
            hop=hop,
        )


def _fails_already(cause: Cause) -> bool:
    """Whether somebody may still come with what the server does not take even now. No client asks for it and lives."""
    return any(use.basis in KEPT for use in cause.uses)


def _severity(cause: Cause, upgrade: Upgrade, *, gone: bool) -> Severity:
    """What fails today already the upgrade does not break; manifests without a cluster do not fit the target."""
    if not gone:
        return cause.severity
    if cause.basis is not Basis.MANIFEST:
        return NOTE
    return WARNING if upgrade.current else cause.severity


def _subject(cause: Cause) -> Subject:
    version = cause.row.api_version
    if cause.client:
        return Subject(kind=cause.row.kind, field=f"{version}, asked for by {cause.client}")
    if cause.basis is Basis.METRIC:
        return Subject(kind=cause.row.kind, field=f"{version}, asked for")
    if cause.basis is Basis.EMBEDDED:
        version = f"{cause.row.kind} in {version}"
    more = ", not in its kustomization" if cause.basis is Basis.LEFT_OUT else ""
    if cause.variants:
        more = ", in a later version too"
    if cause.basis is not Basis.MANIFEST and cause.severity is BLOCKER:
        more = ", written lately"
    if not cause.objects:
        return Subject(kind=cause.row.kind, field=version + more)
    about = common_subject(cause.objects, version + more)
    if about.name:
        return about
    name = name_of_all(cause.objects[0].name) if cause.basis is Basis.EMBEDDED else ""
    return msgspec.structs.replace(about, name=name, file=common_path(place.file for place in cause.places))


def _when(hop: Hop, upgrade: Upgrade, *, gone: bool) -> str:
    if not gone:
        return f" after the hop {hop}"
    return " already now" if upgrade.current else ""


def _evidence(cause: Cause, replacement: Replacement | None) -> dict[str, Evidence]:
    evidence: dict[str, Evidence] = {**cause.evidence, "gone from": str(cause.row.removed)}
    if replacement is not None:
        evidence["instead"] = f"{replacement.api_version}, served since {replacement.since}"
    return evidence


def _remedy(cause: Cause, replacement: Replacement | None, window: str) -> str:
    row, lines = cause.row, first_steps(cause)
    if replacement is None:
        notes = f" {row.notes[:1].upper()}{row.notes[1:]}." if row.notes else ""
        return "\n".join([*lines, f"Nothing replaces it: take it out, and do without it.{notes}"])
    kind = f" and kind: {replacement.kind}" if replacement.kind != row.kind else ""
    if cause.client or cause.basis is Basis.METRIC:
        client = cause.client or "the client"
        lines.append(f"Move {client} to a release that asks for {replacement.api_version}{kind} instead{window}.")
    else:
        lines.append(f"Write apiVersion: {replacement.api_version}{kind} instead{window}.")
    if replacement.notes:
        lines.append(f"What else changes: {'; '.join(replacement.notes)}.")
    if cause.client or cause.basis in (Basis.LEFT_OUT, Basis.METRIC, Basis.EMBEDDED):
        return "\n".join(lines)
    files = {place.file for place in cause.places}
    file = for_kubectl(files.pop()) if cause.basis is Basis.MANIFEST and len(files) == 1 else "FILE"
    if replacement.convertible and replacement.notes:
        lines += [_CONVERT, f"kubectl convert -f OBJECT.yaml --output-version {replacement.api_version}"]
    return "\n".join([*lines, "Then see what it would change, defaults too:", f"kubectl diff -f {file}"])


def _window(replacement: Replacement | None, hop: Hop, upgrade: Upgrade, lifecycle: ApiLifecycle) -> str:
    """From when, and until when, the replacement can be applied, and what the API server must be told for it."""
    if replacement is None:
        return ""
    served = "served by default" if replacement.other and replacement.other.switch else "served"
    if replacement.since > hop.start:
        text = f". No version is {served} on both sides of {hop}: apply it right after"
    elif upgrade.current is not None and replacement.since > upgrade.first_hop.start:
        text = f", as soon as the cluster is at {replacement.since}, and before {hop}"
    else:
        text = f" (served since {replacement.since})"
    if replacement.switch:
        text += f". The API server only serves it when it is told to, with {replacement.switch}"
    return text + _otherwise(replacement.other, upgrade) + _in_turn(replacement, upgrade, lifecycle)


def _in_turn(replacement: Replacement, upgrade: Upgrade, lifecycle: ApiLifecycle) -> str:
    """What to do when a later hop of the plan takes the replacement away, too."""
    row = lifecycle.find(replacement.api_version, replacement.kind)
    hop = upgrade.hop_to(replacement.removed) if replacement.removed else None
    if row is None or hop is None:
        return ""
    following = replacement_for(row, lifecycle, hop)
    text = f". That goes in turn with {replacement.removed}"
    if following is None:
        return f"{text}, and nothing replaces it"
    if following.since <= hop.start:
        return f"{text}: change it once more before"
    return f"{text}: change it once more right after, to {following.written}"


def _otherwise(other: Replacement | None, upgrade: Upgrade) -> str:
    """What serves better at another time."""
    if other is None or other.since > upgrade.target.minor_version:
        return ""
    if other.switch:
        return f". To apply it before, write {other.api_version}, and tell the API server to serve that: {other.switch}"
    return f". From {other.since} on {other.api_version} is served by default: change to that then"
