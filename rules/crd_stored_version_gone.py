"""Definitions of custom resources that lack a version in which objects may be stored."""

import json
from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import WARNING, Finding, finding
from kubepreflight.objects import Desired
from kubepreflight.rule import rule
from kubepreflight.semantics.custom_resources import VersionedDefinition, missing
from kubepreflight.semantics.several import listed


@rule(severity=WARNING, area="apis", phase="before")
def crd_stored_version_gone(
    definitions: list[VersionedDefinition], manifests: Desired[VersionedDefinition] | None = None
) -> Iterator[Finding]:
    """A CustomResourceDefinition lacks a version in which objects may be stored.

    Why: objects lie in etcd in the version in which they were last written. `status.storedVersions` remembers all that
    there may be; nothing but a storage migration makes it shorter.

    What happens: a definition without such a version cannot be applied: the API server refuses it with
    `status.storedVersions: … missing from spec.versions`, and the add-on's upgrade, which often comes before that of
    Kubernetes, ends there. When the cluster's own definition lacks it, every change of it is refused, even a label; and
    what does lie in that version cannot be read: a list of the kind answers 429 `storage is (re)initializing`, whatever
    version it asks for, its controllers stand still, and deleted namespaces with it stay Terminating. Kubernetes itself
    goes on: the API server becomes ready all the same.

    When it stays silent: the definition has all versions that are stored, be they served or not.

    How to see it yourself: kubectl get customresourcedefinitions
    -o custom-columns=NAME:.metadata.name,VERSIONS:.spec.versions[*].name,STORED:.status.storedVersions

    References:
        https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#upgrade-existing-objects-to-a-new-stored-version

    """
    observed = {one.name: one for one in definitions}
    for one in observed.values():
        if one.lost:
            yield _lost(one)
    refused: dict[str, list[VersionedDefinition]] = {}
    for manifest in manifests or ():
        known = observed.get(manifest.name)
        if known is not None and not known.lost and manifest.versions and missing(known.stored, manifest):
            refused.setdefault(manifest.name, []).append(manifest)
    for name, some in refused.items():
        yield _refused(observed[name], some)


def _lost(one: VersionedDefinition) -> Finding:
    versions = listed(one.lost)
    return finding(
        one,
        f"The CustomResourceDefinition {one.name} has no version {versions}, in which objects may be stored "
        f"(status.storedVersions). Every change of it is refused, by the upgrade of its add-on too; and if an object "
        f"does lie in etcd in {versions}, no {one.spec.names.kind} can be listed at all.",
        field="status.storedVersions",
        evidence={"versions": ", ".join(one.versions), "stored": ", ".join(one.stored)},
        remedy=f"See whether they can be listed:\nkubectl get {quote(one.name)} -A\n"
        f"If not, put {versions} back into spec.versions, with served: false, by this edit:\n"
        f"kubectl edit customresourcedefinition {quote(one.name)}\n{_migrate(one)}",
    )


def _refused(known: VersionedDefinition, manifests: list[VersionedDefinition]) -> Finding:
    versions = listed(dict.fromkeys(gone for one in manifests for gone in missing(known.stored, one)))
    return finding(
        manifests[0],
        f"The manifest of the CustomResourceDefinition {known.name} has no version {versions}, in which objects may be "
        f"stored in this cluster. The API server refuses it: `status.storedVersions: … missing from spec.versions`.",
        field="spec.versions",
        places=manifests,
        evidence={"versions": ", ".join(manifests[0].versions), "stored": ", ".join(known.stored)},
        remedy=f"Before it is applied:\n{_migrate(known)}",
    )


def _migrate(one: VersionedDefinition) -> str:
    name = quote(one.name)
    patch = json.dumps({"status": {"storedVersions": [one.storage]}}, separators=(",", ":"))
    return (
        f"Write all objects anew, so that they lie in {one.storage}, then take the other versions off the list:\n"
        f"kubectl get {name} -A -o json | kubectl replace -f -\n"
        f"kubectl patch customresourcedefinition {name} --subresource=status --type=merge -p {quote(patch)}"
    )
