"""Objects in etcd that the next API server cannot read any more."""

from collections.abc import Iterator, Sequence
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Hop, finding
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.knowledge.stored_kinds import StoredKind, StoredKinds
from kubepreflight.objects import Api, KubernetesObject, group_of
from kubepreflight.rule import rule
from kubepreflight.semantics.control_plane_settings import ApiServerFlags
from kubepreflight.semantics.runtime_config import RUNTIME_CONFIG
from kubepreflight.semantics.several import common_subject, full_name, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor

_WIDE = ("api/all=true", "api/alpha=true", "api/beta=true")


class StoredObject(KubernetesObject):
    """An object of a kind whose stored objects some API server cannot read."""

    @classmethod
    def apis(cls) -> tuple[Api, ...]:
        """Every such kind."""
        return StoredKinds.provide().apis()


@rule(severity=BLOCKER, area="apis", phase="control-plane-upgrade")
def removed_kind_still_stored(
    objects: list[StoredObject],
    stored: StoredKinds,
    lifecycle: ApiLifecycle,
    upgrade: Upgrade,
    flags: ApiServerFlags | None = None,
) -> Iterator[Finding]:
    """Objects are stored that the next API server cannot read.

    Why: objects lie in etcd in one version of their kind. An API server must know that version, whichever it serves.
    Of most kinds it goes on knowing it for years; alpha versions are taken out whole, and some kinds go for good.

    What happens: where the kind goes for good (PodSecurityPolicy, PodPreset, ClusterCIDR), its objects stay in etcd,
    and nobody can see or delete them through the API any more. That is a warning. Where the kind goes on in a later
    version, the API server fails to list what is stored (`no kind "…" is registered for version "…"`), and does not
    become ready: kubeadm waits for it in vain, and goes back. That is a blocker when the kind is switched on in the API
    server (--runtime-config names its group, or api/all and the like), a warning otherwise: then it comes when it is.

    When it stays silent: there are no objects of such kinds; no hop of this plan makes them unreadable. What was stored
    in an older version long ago, of a kind that is stored in a later one since, cannot be seen from outside: a storage
    version migration rewrites it.

    How to see it yourself: kubectl get podsecuritypolicies,podpresets,clustercidrs,workloads,podgroups -A, and what
    there is of resource.k8s.io

    References:
        https://kubernetes.io/docs/reference/using-api/deprecation-policy/
        https://kubernetes.io/docs/tasks/manage-kubernetes-objects/storage-version-migration/

    """
    by_kind: dict[tuple[str, str], list[StoredObject]] = {}
    for one in objects:
        by_kind.setdefault((group_of(one.api_version), one.kind), []).append(one)
    for row in stored.rows:
        found = by_kind.get((row.group, row.kind), [])
        hop = upgrade.hop_that_brings(row.unreadable)
        if found and hop is not None:
            later = _later(row, hop.end, lifecycle)
            yield _unreadable(row, found, hop, later, flags) if later else _gone(row, found, hop)


def _later(row: StoredKind, target: Minor, lifecycle: ApiLifecycle) -> list[ApiKind]:
    """In which versions the kind goes on."""
    return [
        one
        for one in lifecycle.served()
        if (group_of(one.api_version), one.kind) == (row.group, row.kind)
        and one.introduced <= target
        and (one.removed is None or one.removed > target)
    ]


def _gone(row: StoredKind, found: Sequence[StoredObject], hop: Hop) -> Finding:
    return finding(
        common_subject(found, "stored"),
        f"{_named(row, found)} in etcd, and Kubernetes has no such kind from {row.unreadable} on. After the hop {hop} "
        "nobody can see or delete them through the API any more.",
        places=found,
        evidence={"stored in": row.api_version, "gone from": str(row.unreadable)},
        remedy=f"Once nothing depends on them, before the hop {hop}:\n{_delete(row, found)}",
        severity=WARNING,
        hop=hop,
    )


def _unreadable(
    row: StoredKind, found: Sequence[StoredObject], hop: Hop, later: Sequence[ApiKind], flags: ApiServerFlags | None
) -> Finding:
    versions = listed((one.api_version for one in later), "or")
    default = any(one.served_by_default == "yes" for one in later)
    on = default or _switched_on(row.group, flags)
    then = (
        f"as it serves {versions}, it does not become ready; kubeadm waits in vain and goes back"
        if on
        else f"as soon as it is told to serve {versions}, it does not become ready"
    )
    return finding(
        common_subject(found, "stored"),
        f"{_named(row, found)} in etcd in {row.api_version}, of which the API server of {hop.end} knows nothing. "
        f'It cannot read them (`no kind "{row.kind}" is registered for version "{row.api_version}"`): {then}.',
        places=found,
        evidence={"stored in": row.api_version, "then served": versions},
        remedy=f"Delete them before the hop {hop}, and make them again after it, in {versions}:\n{_delete(row, found)}",
        severity=BLOCKER if on else WARNING,
        hop=hop,
    )


def _switched_on(group: str, flags: ApiServerFlags | None) -> bool:
    items = [item.strip() for flag in (flags.named(RUNTIME_CONFIG) if flags else ()) for item in flag.items]
    return any(item in _WIDE or (item.startswith(f"{group}/") and not item.endswith("=false")) for item in items)


def _named(row: StoredKind, found: Sequence[StoredObject]) -> str:
    names = listed(full_name(one) for one in found)
    if len(found) == 1:
        return f"The {row.kind} {names} lies"
    return f"{len(found)} objects of kind {row.kind} ({names}) lie"


def _delete(row: StoredKind, found: Sequence[StoredObject]) -> str:
    resource = f"{row.plural}.{row.group}"
    everywhere = " -A" if row.namespaced else ""
    spaces = sorted({one.namespace for one in found})
    namespaces = [f" -n {quote(space)}" for space in spaces[:5]] if row.namespaced else [""]
    more = [f"# and in {len(spaces) - 5} namespaces more"] if row.namespaced and len(spaces) > 5 else []
    save = f"kubectl get {resource}{everywhere} -o yaml > {row.plural}.yaml"
    return "\n".join([save, *(f"kubectl delete {resource}{space} --all" for space in namespaces), *more])
