"""Budgets that let no pod go."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.objects import OwnerReference, group_of
from kubepreflight.rule import rule
from kubepreflight.semantics.budget import Disruption
from kubepreflight.semantics.eviction import Budgets, BudgetState, Controller, UnreadyPolicy, controllers_named
from kubepreflight.semantics.kubectl import in_namespace
from kubepreflight.semantics.several import listed

RETRIES = "kubectl drain asks again every 5 seconds and never gets through; without --timeout it never ends."


@rule(severity=BLOCKER, area="drain", phase="node-upgrade")
def drain_blocked_by_budget(budgets: Budgets, policy: UnreadyPolicy) -> Iterator[Finding | Gap]:
    """A PodDisruptionBudget does not let a drain evict its pods.

    Why: the eviction API asks the budget that covers a pod. A budget that wants as many healthy pods as there are can
    never let one go: two of two, `maxUnavailable: 0`, 100 %, the single replica that must always be there. It can
    neither when the controller cannot work it out (its status says SyncFailed), or when it covers only pods without a
    controller and counts by percentage or by `maxUnavailable`.

    What happens: `kubectl drain` gets "Cannot evict pod as it would violate the pod's disruption budget", and tries
    again every 5 seconds until its timeout, or for ever. The node stays cordoned and cannot be upgraded. That is a
    blocker when the budget can never give. It is a warning when it gives nothing at this moment because pods are not
    ready; when an autoscaler may come down to as few pods as the budget wants; when an operator made the budget, or
    its pods, and may make room by itself; and when the manifest leaves the number of replicas to something else.

    When it stays silent: the budget has room, or covers no pod that a drain would evict: finished pods, static pods,
    DaemonSets' pods, pods on nodes whose kubelet is at the target already. A budget in policy/v1beta1 with an empty
    selector covers nothing; one in policy/v1 covers the whole namespace. Unready pods may go where the budget says
    `unhealthyPodEvictionPolicy: AlwaysAllow`. The numbers are those of the budget's status; for a manifest they are
    worked out from the replicas in the cluster and the manifests. Where a patch in the same tree would give it room,
    the budget is named as not checked: only what kustomize makes of both can tell.

    How to see it yourself: kubectl get poddisruptionbudgets --all-namespaces, and look for 0 under ALLOWED DISRUPTIONS

    References:
        https://kubernetes.io/docs/tasks/run-application/configure-pdb/
        https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
        https://kubernetes.io/docs/concepts/workloads/pods/disruptions/

    """
    yield from budgets.gaps
    for state in budgets.states:
        if not _concerns_a_drain(state, budgets.sees_pods):
            continue
        if _never_gives(state):
            yield _never(state)
        elif state.refused:
            yield _not_now(state, policy.field)
        elif state.least.allowed <= 0 < state.least.expected and any(one.autoscaler for one in state.controllers):
            yield _at_the_floor(state)


def _concerns_a_drain(state: BudgetState, sees_pods: bool) -> bool:
    if state.pods or any(one.is_coming and one.replicas > 0 for one in state.controllers):
        return True
    return not sees_pods and state.now is not None and state.now.expected > 0


def _never_gives(state: BudgetState) -> bool:
    now = state.now
    if now is not None and (now.failure or now.allowed > 0):
        return bool(now.failure)
    return state.well.allowed <= 0


def _never(state: BudgetState) -> Finding:
    operator = _operator(state)
    left_open = [one for one in state.controllers if not one.is_declared or (one.is_coming and one.autoscaler)]
    message = f"{_name(state)} can never let a pod go: {_why(state)}."
    severity = BLOCKER
    if operator is not None:
        severity = WARNING
        whose = "It belongs" if state.budget.metadata.controller else "Its pods belong"
        message += (
            f" {whose} to {operator.kind} {operator.name}, whose operator may make room once the node is cordoned."
        )
    elif left_open:
        severity = WARNING
        message += f" The manifest leaves the replicas of {listed(one.subject.name for one in left_open)} open."
    elif state.pods and not state.refused:
        severity = WARNING
        message += " Its pods may go at this moment only because they are not ready."
    return finding(
        state.budget,
        f"{message} {RETRIES}",
        remedy=_make_room(state),
        places=state.pods,
        evidence=_evidence(state),
        severity=severity,
    )


def _operator(state: BudgetState) -> OwnerReference | None:
    """Whose operator looks after the budget, or after all of its pods: only operators make pods of their own."""
    owners = [pod.metadata.controller for pod in state.pods]
    if state.budget.metadata.controller is not None or not owners:
        return state.budget.metadata.controller
    return owners[0] if all(one is not None and _is_custom(one) for one in owners) else None


def _is_custom(owner: OwnerReference) -> bool:
    return "." in group_of(owner.api_version)


def _why(state: BudgetState) -> str:
    spec, well = state.spec, state.well
    if failure := _failure(state):
        return f"the controller cannot tell how many there should be ({failure})"
    if well.expected <= 0:
        return "it counts what the pods' controllers want, and its pods have none"
    if spec.max_unavailable is not None:
        return f"maxUnavailable is {spec.max_unavailable}, and it has {_pods(well.expected)}"
    if spec.min_available is None:
        return "it says neither minAvailable nor maxUnavailable"
    if isinstance(spec.min_available, int):
        return f"minAvailable is {spec.min_available}, and it has {_pods(well.healthy)}"
    return f"minAvailable is {spec.min_available}, which is all of its {_pods(well.expected)}"


def _failure(state: BudgetState) -> str:
    """Why the controller cannot work the budget out, empty when it can."""
    return (state.now.failure if state.now else "") or state.well.failure


def _not_now(state: BudgetState, policy: str) -> Finding:
    now: Disruption = state.now or state.well
    unready = [pod.name for pod in state.pods if not pod.is_ready]
    broken = f" Not ready: {listed(unready)}." if unready else ""
    return finding(
        state.budget,
        f"{_name(state)} lets no pod go at this moment: it wants {now.desired} healthy, and {now.healthy} of "
        f"{now.expected} are.{broken} While that is so a drain does not get through.",
        remedy=f"Mend the pods first, and look again:\n{_describe(state)}{_past_the_unready(state, policy)}",
        places=state.refused,
        evidence=_evidence(state),
        severity=WARNING,
    )


def _past_the_unready(state: BudgetState, policy: str) -> str:
    """How a drain gets rid of the unready pods that it may not evict; the ready ones stay where they are."""
    unready = [pod.name for pod in state.refused if not pod.is_ready]
    if not unready:
        return ""
    only = "" if len(unready) == len(state.refused) else ". For the ready ones that changes nothing"
    if policy:
        patch = _patch(state, f'{{"spec":{{"{policy}":"AlwaysAllow"}}}}')
        return f"\nIf they cannot be mended, let a drain evict the unready ones{only}:\n{patch}"
    one = f"kubectl{_namespace(state)} delete pod {quote(unready[0])}"
    more = "" if len(unready) == 1 else " each of"
    return (
        f"\nIf they cannot be mended, delete{more} the unready ones once their node is cordoned: that asks no budget"
        f"{only}:\n{one}"
    )


def _at_the_floor(state: BudgetState) -> Finding:
    scaled = [one for one in state.controllers if one.autoscaler is not None]
    floors = ", ".join(f"{one.subject.name} down to {one.floor}" for one in scaled)
    return finding(
        state.budget,
        f"{_name(state)} lets pods go now, but not when the autoscaler has little to do: it may bring {floors}, and "
        f"the budget wants {state.least.desired} healthy. If the drain comes at a quiet hour, it does not get through.",
        remedy=_make_room(state),
        places=state.pods,
        evidence=_evidence(state),
        severity=WARNING,
    )


def _make_room(state: BudgetState) -> str:
    if _operator(state) is not None:
        return (
            "Change it where its operator is told, not here: the operator would put it back. See whether it makes room:"
            f"\nkubectl{_namespace(state)} get poddisruptionbudget {quote(state.budget.name)} --watch"
        )
    lines = []
    if isinstance(state.spec.min_available, int) and state.well.expected > 0:
        more = [_scale(state, one) for one in state.controllers if one.subject.kind in ("Deployment", "StatefulSet")]
        if more:
            lines = ["Give it a pod more than it wants:", *more, "or let it give one:"]
    lines += [_loosened(state)] if lines else _let_it_give(state)
    outage = " With a single replica that means a short outage." if state.well.healthy <= 1 else ""
    text = "\n".join(dict.fromkeys(lines)) + (f"\n{outage.strip()}" if outage else "")
    file = state.budget.subject.file
    return f"{text}\nChange it in {file}, too." if file else text


def _let_it_give(state: BudgetState) -> list[str]:
    if state.is_scaled:
        return ["Let it give a pod:", _loosened(state)]
    if _failure(state) and isinstance(state.spec.min_available, int):
        return ["See what else the controller says of it:", _describe(state)]
    counts_pods = (
        "maxUnavailable and percentages need controllers that tell how many pods they want; a number as minAvailable "
        "counts the pods themselves. Let it give one of them:"
    )
    return [counts_pods, _loosened(state)]


def _loosened(state: BudgetState) -> str:
    if state.is_scaled:
        return _patch(state, '{"spec":{"minAvailable":null,"maxUnavailable":1}}')
    return _patch(state, f'{{"spec":{{"minAvailable":{max(0, state.covered - 1)},"maxUnavailable":null}}}}')


def _scale(state: BudgetState, one: Controller) -> str:
    wanted = max(state.least.desired if one.autoscaler else state.well.desired, one.floor) + 1
    if one.autoscaler is not None:
        patch = f'{{"spec":{{"minReplicas":{wanted}}}}}'
        return f"kubectl{_namespace(state)} patch hpa {quote(one.autoscaler.name)} --type merge -p '{patch}'"
    return f"kubectl{_namespace(state)} scale {one.subject.kind.lower()} {quote(one.subject.name)} --replicas={wanted}"


def _describe(state: BudgetState) -> str:
    return f"kubectl{_namespace(state)} describe poddisruptionbudget {quote(state.budget.name)}"


def _patch(state: BudgetState, patch: str) -> str:
    return f"kubectl{_namespace(state)} patch poddisruptionbudget {quote(state.budget.name)} --type merge -p '{patch}'"


def _namespace(state: BudgetState) -> str:
    return in_namespace(state.budget.namespace)


def _name(state: BudgetState) -> str:
    return f"PodDisruptionBudget {state.budget.name}"


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"


def _evidence(state: BudgetState) -> dict[str, str | list[str]]:
    shown = state.now or state.well
    found: dict[str, str | list[str]] = {
        "healthy": f"{shown.healthy} of {shown.expected}",
        "wanted": str(shown.desired),
        "covers": [f"{name} ({_pods(count)})" for name, count in controllers_named(state).items()],
    }
    nodes = sorted({pod.spec.node_name or "" for pod in state.pods})
    return {**found, "nodes": nodes} if nodes else found
