"""Manifests of custom resources in a version that is not served here."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Severity, Subject, finding
from kubepreflight.objects import group_of
from kubepreflight.rule import rule
from kubepreflight.semantics.custom_resources import CustomResources
from kubepreflight.semantics.folders import common_subject_in_files
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.semantics.several import full_name, listed
from kubepreflight.snapshot import ManifestHeader, ManifestHeaders


@rule(severity=BLOCKER, area="apis", phase="before")
def custom_resource_version_gone(
    headers: ManifestHeaders, resources: CustomResources, kustomizations: Kustomizations
) -> Iterator[Finding]:
    """A manifest is written in a version of a custom resource that its definition does not serve.

    Why: an add-on that is upgraded to fit the next Kubernetes brings new definitions of its custom resources, and in
    the end drops their old versions, as Kubernetes does with its own.

    What happens: applying the manifest ends in `no matches for kind "…" in version "…"`. It is a blocker when the
    cluster serves the version today, and the definition among the manifests no longer does; a warning when the version
    is not served today either; a note when no kustomization names the manifest's file.

    When it stays silent: the version is served by the cluster's definition, or by one among the manifests, which counts
    in place of the cluster's; nobody knows the definition, because neither the cluster nor the manifests have it, or it
    is a manifest in apiextensions.k8s.io/v1beta1 without a list of versions.

    How to see it yourself: kubectl apply --dry-run=server -f FILE, and
    kubectl get customresourcedefinition NAME -o jsonpath='{.spec.versions[?(@.served)].name}'

    References:
        https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/

    """
    found: dict[tuple[str, str, Severity], list[ManifestHeader]] = {}
    for one in headers.all:
        group, _, version = one.api_version.rpartition("/")
        served = resources.served(group, one.kind)
        if served is not None and version not in served:
            today = version in resources.today.get((group, one.kind), ())
            left_out = kustomizations.leaves_out(one.origin.file)
            severity = NOTE if left_out else BLOCKER if today else WARNING
            found.setdefault((one.api_version, one.kind, severity), []).append(one)
    for (api_version, kind, severity), some in found.items():
        served = resources.served(group_of(api_version), kind) or ()
        yield _not_served(api_version, kind, severity, [one.subject for one in some], served)


def _not_served(
    api_version: str, kind: str, severity: Severity, places: Sequence[Subject], served: Sequence[str]
) -> Finding:
    group = group_of(api_version)
    names = listed(full_name(place) for place in places)
    one = len(places) == 1
    what = f"The manifest of the {kind} {names} is" if one else f"{len(places)} manifests of kind {kind} ({names}) are"
    when = "once the definition among the manifests is applied" if severity is BLOCKER else "as things stand"
    it = "it" if one else "them"
    instead = listed((f"{group}/{version}" for version in served), "or") if served else ""
    return finding(
        _subject(api_version, severity, places),
        f"{what} written in {api_version}, which its CustomResourceDefinition does not serve. Applying {it} ends, "
        f'{when}, in `no matches for kind "{kind}" in version "{api_version}"`.',
        places=places,
        evidence={"served": instead or "no version"},
        remedy=f"Write apiVersion: {instead} instead; what else changes is told by whoever makes this kind. Then see:\n"
        "kubectl apply --dry-run=server -f FILE"
        if instead
        else "No version of it is served any more: take it out, or find out which definition it needs.",
        severity=severity,
    )


def _subject(api_version: str, severity: Severity, places: Sequence[Subject]) -> Subject:
    field = f"{api_version}, not in its kustomization" if severity is NOTE else api_version
    return common_subject_in_files(places, field)
