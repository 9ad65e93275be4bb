"""Pods without a controller: a drain deletes them for good, or does not go on."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Subject, finding
from kubepreflight.objects import Desired, Pod
from kubepreflight.rule import rule
from kubepreflight.semantics.budget import namespace_of
from kubepreflight.semantics.folders import for_kubectl
from kubepreflight.semantics.several import listed
from kubepreflight.semantics.work import DrainCommand
from kubepreflight.semantics.workloads import Workloads

NAMING = ("app.kubernetes.io/name", "app", "k8s-app", "component", "run")
"""Labels by which pods of one origin are told, the best first."""


@rule(severity=BLOCKER, area="drain", phase="node-upgrade")
def drain_stops_at_bare_pod(
    workloads: Workloads, drain: DrainCommand, manifests: Desired[Pod] | None = None
) -> Iterator[Finding]:
    """A pod has no controller: a drain stops at it, or deletes it for good.

    Why: a pod that no ReplicaSet, StatefulSet, Job or other controller made is not made again. `kubectl drain` refuses
    to delete such a pod unless it is told `--force`.

    What happens: without `--force` not one pod leaves the node, and it stays cordoned. With it the pod is deleted and
    nothing brings it back. It is a blocker when the pod is meant to run on (its restart policy is Always) and nothing
    that was read tells how to make it again. It is a warning when there is a way back: the manifest is among those
    given, or `kubectl apply` left a copy of it in the pod; or when the pod ends by itself.

    When it stays silent: for static pods, DaemonSets' pods and finished pods, as kubectl does; on nodes whose kubelet
    is at the target already. Several bare pods of one namespace with the same name label (a notebook server for each
    user, say) are told as one.

    How to see it yourself: kubectl drain NODE --ignore-daemonsets --dry-run=server

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/
        https://kubernetes.io/docs/reference/kubectl/generated/kubectl_drain/
        https://kubernetes.io/docs/concepts/workloads/pods/#working-with-pods

    """
    given = {(namespace_of(one), one.name): one for one in manifests or ()}
    groups: dict[tuple[bool, str, str], list[Pod]] = {}
    for pod in workloads.bare:
        lasting = _runs_on(pod) and not _has_way_back(pod, given)
        groups.setdefault((lasting, pod.namespace, _label(pod) or pod.name), []).append(pod)
    for (lasting, namespace, label), pods in groups.items():
        if len(pods) > 1:
            subject = Subject(api_version="v1", kind="Pod", namespace=namespace, name="*", field=label)
        else:
            subject = pods[0].subject
        yield _found(subject, pods, lasting, given, drain.on(pods[0].spec.node_name or "NODE", force=True))


def _runs_on(pod: Pod) -> bool:
    return pod.spec.restart_policy in (None, "Always")


def _has_way_back(pod: Pod, given: dict[tuple[str, str], Pod]) -> bool:
    return (pod.namespace, pod.name) in given or _was_applied(pod)


def _was_applied(pod: Pod) -> bool:
    return pod.metadata.annotations is not None and pod.metadata.annotations.last_applied is not None


def _label(pod: Pod) -> str:
    return next((f"{key}={pod.labels[key]}" for key in NAMING if key in pod.labels), "")


def _found(subject: Subject, pods: list[Pod], lasting: bool, given: dict[tuple[str, str], Pod], drain: str) -> Finding:
    first, nodes = pods[0], sorted({pod.spec.node_name or "" for pod in pods})
    if len(pods) == 1:
        who, deleted = f"Pod {first.name} on {listed(nodes)} has", "it is deleted and nothing brings it back"
    else:
        names = listed(pod.name for pod in pods)
        who = f"{len(pods)} pods ({names}) on {listed(nodes)} have"
        deleted = "they are deleted and nothing brings them back"
    return finding(
        subject,
        f"{who} no controller: a drain evicts nothing from there without --force, and with --force {deleted}. "
        f"{_what_is_known(pods, lasting, given)}",
        remedy=_remedy(pods, given, drain),
        places=pods,
        evidence={"nodes": nodes, "restartPolicy": first.spec.restart_policy or "Always"},
        severity=BLOCKER if lasting else WARNING,
    )


def _what_is_known(pods: list[Pod], lasting: bool, given: dict[tuple[str, str], Pod]) -> str:
    it = "it" if len(pods) == 1 else "them"
    if lasting:
        return f"Nothing that was read tells how to make {it} again."
    if all(_has_way_back(pod, given) for pod in pods):
        return f"The manifest is known, but somebody must apply it to have {it} again."
    return "It ends by itself: let it finish first, or its work is lost."


def _remedy(pods: list[Pod], given: dict[tuple[str, str], Pod], drain: str) -> str:
    pod, several = pods[0], len(pods) > 1
    namespace = f"-n {quote(pod.namespace)} " if pod.namespace else ""
    name = namespace + quote(f"pod/{pod.name}")
    file = quote(f"{pod.namespace}-{pod.name}.yaml" if pod.namespace else f"{pod.name}.yaml")
    manifest = given.get((pod.namespace, pod.name))
    if manifest is not None and manifest.origin.file:
        return f"{_instead(several)}\n{drain}\nkubectl apply -f {for_kubectl(manifest.origin.file)}"
    how = (
        f"kubectl apply view-last-applied {name} > {file}"
        if _was_applied(pod)
        else f"kubectl get {name} -o yaml > {file}"
    )
    edit = "" if _was_applied(pod) else "Take nodeName, status, uid and resourceVersion out of that file. "
    copy = "Keep a copy of each before the drain, as of this one" if several else "Keep a copy of it before the drain"
    return f"{copy}:\n{how}\n{edit}{_instead(several)}\n{drain}\nkubectl apply -f {file}"


def _instead(several: bool) -> str:
    it, one = ("them", "Deployments or Jobs") if several else ("it", "a Deployment or a Job")
    return f"Best: make {it} {one}. Else drain with --force and make {it} again:"
