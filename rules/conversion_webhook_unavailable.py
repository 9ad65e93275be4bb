"""Custom resources that nobody converts."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Hop, cannot_check, finding
from kubepreflight.knowledge.garbage_collector import GarbageCollector
from kubepreflight.rule import rule
from kubepreflight.semantics.backends import Backends, ServiceReference
from kubepreflight.semantics.custom_resources import VersionedDefinition
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="apis", phase="control-plane-upgrade")
def conversion_webhook_unavailable(
    definitions: list[VersionedDefinition], backends: Backends, collector: GarbageCollector, upgrade: Upgrade
) -> Iterator[Finding | Gap]:
    """Nobody answers for the webhook that converts custom resources.

    Why: the objects of a CustomResourceDefinition with several versions lie in etcd in one of them. Whoever asks in
    another one gets them only after the conversion webhook has translated them. There is no failurePolicy here: when
    it does not answer, the request fails.

    What happens: a list or watch in another version than that of one of the objects fails as a whole, and so does each
    write in another version than the stored one. It is a blocker where the upgrade makes that worse. With objects from
    older versions in etcd (status.storedVersions), the API server has to convert them anew after each restart, before
    it can list them in the stored version either. And a controller-manager before 1.32 begins no garbage collection at
    all when it starts and cannot list one kind: nothing that belongs to something deleted goes away any more, in the
    whole cluster (pods of deleted Deployments, ReplicaSets, Jobs). Otherwise it is a warning: those who ask in another
    version fail today already, or will when their watch breaks with the restart of the API server. Deleted namespaces
    with such objects stay Terminating.

    When it stays silent: the conversion strategy is None; there is just one version to read, write and store; somebody
    is ready to answer.
    A webhook behind a URL is named as not checked.

    How to see it yourself: kubectl get customresourcedefinitions
    -o custom-columns=NAME:.metadata.name,CONVERSION:.spec.conversion.strategy,STORED:.status.storedVersions

    References:
        https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/
        https://github.com/kubernetes/kubernetes/issues/101078
        https://github.com/kubernetes/kubernetes/pull/125796

    """
    unsynced = next((hop for hop in upgrade.hops if hop.end < collector.begins_regardless_since), None)
    failing: dict[tuple[ServiceReference, str], list[VersionedDefinition]] = {}
    for one in definitions:
        config = one.converter
        if config is None or len({*one.served, *one.stored}) < 2:
            continue
        absence = backends.absence(config)
        if absence is None:
            yield cannot_check(
                "conversion webhook",
                "who answers for it does not show in the cluster",
                subject=str(one.subject),
                how=f"see that each version can be listed: kubectl get {quote(one.name)} --all-namespaces",
            )
        elif absence and config.service is not None:
            failing.setdefault((config.service, absence), []).append(one)
    for (service, absence), found in failing.items():
        yield _fails(service, absence, sorted(found, key=lambda one: one.name), unsynced)


def _older(one: VersionedDefinition) -> list[str]:
    return [name for name in one.stored if name != one.storage]


def _fails(service: ServiceReference, absence: str, found: list[VersionedDefinition], unsynced: Hop | None) -> Finding:
    with_older = [one for one in found if _older(one)]
    others = dict.fromkeys(name for one in found for name in one.served if name != one.storage)
    stored = listed(one.storage for one in found)
    worse = []
    if with_older:
        which = f" of {listed(one.name for one in with_older)}" if len(found) > 1 else ""
        worse.append(
            f"Objects{which} may lie in etcd in {listed(name for one in with_older for name in _older(one))}: once the "
            f"API server has restarted, it cannot list them in {listed(one.storage for one in with_older)} either."
        )
    if unsynced is not None:
        worse.append(
            f"The controller-manager of {unsynced.end} begins no garbage collection when it starts and cannot list a "
            "kind: what belongs to deleted objects stays, in the whole cluster."
        )
    who = f"Whoever asks in {listed(others)}" if others else f"Whoever asks for what is older than {stored}"
    names = listed(one.name for one in found)
    return finding(
        found[0],
        f"Nobody converts the objects of {names}: {absence}. {who} gets an error. {' '.join(worse)}".rstrip(),
        remedy="Bring back who answers, before the upgrade:\n"
        f"kubectl -n {quote(service.namespace)} get services,endpointslices,deployments,pods\n"
        "Then see that each version can be listed, and, to need it no more for what is old, write the objects anew and "
        "take the old version out of status.storedVersions:\n"
        f"kubectl get {','.join(quote(one.name) for one in found)} --all-namespaces\n"
        "kubectl get customresourcedefinitions "
        "-o custom-columns=NAME:.metadata.name,STORED:.status.storedVersions",
        places=found,
        evidence={
            "served": list(dict.fromkeys(name for one in found for name in one.served)),
            "stored": list(dict.fromkeys(name for one in found for name in one.stored or (one.storage,))),
        },
        severity=BLOCKER if worse else WARNING,
        hop=unsynced,
    )
