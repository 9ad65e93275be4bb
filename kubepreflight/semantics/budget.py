"""PodDisruptionBudgets: which pods they cover, and how many of them may go at once.

Sources: pkg/controller/disruption/disruption.go and pkg/registry/core/pod/storage/eviction.go of Kubernetes v1.37.2,
https://kubernetes.io/docs/tasks/run-application/configure-pdb/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from kubepreflight.objects import Api, Condition, KubernetesObject, Pod
from kubepreflight.parts import LabelSelector, Part

_PERCENTAGE = re.compile(r"[+-]?[0-9]{1,9}%")


class BudgetSpec(Part, frozen=True):
    """What a budget asks for: one of the two numbers, as a number of pods or a percentage."""

    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: str | None = None

    @property
    def counts_what_is_wanted(self) -> bool:
        """Whether it goes by the number of pods that their controllers want, rather than by the pods that there are."""
        return self.max_unavailable is not None or isinstance(self.min_available, str)


class BudgetStatus(Part, frozen=True):
    """What the disruption controller made of it."""

    observed_generation: int = 0
    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0
    expected_pods: int = 0
    conditions: list[Condition] | None = None

    @property
    def failure(self) -> str:
        """Why the controller could not work it out, empty when it could. It leaves the numbers as they were."""
        failed = (one for one in self.conditions or () if one.reason == "SyncFailed" and one.status == "False")
        return next((one.message or "it gives no reason" for one in failed), "")


class PodDisruptionBudget(KubernetesObject):
    """A PodDisruptionBudget."""

    api = Api("policy", "PodDisruptionBudget", "poddisruptionbudgets")
    spec: BudgetSpec = BudgetSpec()
    status: BudgetStatus | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it has a selector of its own."""
        return self.spec.selector is not None

    @property
    def always_evicts_unready_pods(self) -> bool:
        """Whether pods that are not ready may go, whatever the numbers say."""
        return self.spec.unhealthy_pod_eviction_policy == "AlwaysAllow"

    @property
    def has_current_status(self) -> bool:
        """Whether the controller has looked at this very spec, or has tried and failed: it then notes no generation."""
        status = self.status
        if status is None:
            return False
        return bool(status.failure) or 0 < status.observed_generation >= self.metadata.generation

    def covers(self, labels: dict[str, str]) -> bool:
        """Whether it covers a pod of its namespace with these labels.

        No selector covers nothing; `{}` covers every pod of the namespace in policy/v1, and none in policy/v1beta1.
        """
        selector = self.spec.selector
        if selector is None or (selector.is_empty and self.api_version == "policy/v1beta1"):
            return False
        try:
            return selector.matches(labels)
        except ValueError:
            return False


class Disruption(msgspec.Struct, frozen=True, kw_only=True):
    """How many pods there should be, how many of them must stay healthy, how many are, and how many may go now.

    `failure` is why the controller cannot tell: nothing that is ready may go then. `desired` is what it could work out
    last, and 0 when it never could.
    """

    expected: int
    desired: int
    healthy: int
    allowed: int
    failure: str = ""


def disruption_told(status: BudgetStatus) -> Disruption:
    """What the controller has written into a budget's status."""
    return Disruption(
        expected=status.expected_pods,
        desired=status.desired_healthy,
        healthy=status.current_healthy,
        allowed=status.disruptions_allowed,
        failure=status.failure,
    )


def disruption_of(spec: BudgetSpec, *, pods: int, scale: int, healthy: int) -> Disruption:
    """What the controller would write: `pods` are those that it covers, `scale` the sum of what their controllers want.

    `minAvailable` as a number counts pods; a percentage, and `maxUnavailable`, count what the controllers want.
    Percentages round up, both of them.
    """
    expected, desired = 0, 0
    try:
        if spec.max_unavailable is not None:
            expected, desired = scale, max(0, scale - scaled(spec.max_unavailable, scale))
        elif isinstance(spec.min_available, int):
            expected, desired = pods, spec.min_available
        elif spec.min_available is not None:
            expected, desired = scale, scaled(spec.min_available, scale)
    except ValueError as error:
        return Disruption(expected=expected, desired=0, healthy=healthy, allowed=0, failure=str(error))
    allowed = max(0, healthy - desired) if expected > 0 else 0
    return Disruption(expected=expected, desired=desired, healthy=healthy, allowed=allowed)


def scaled(value: int | str, total: int) -> int:
    """A number, or a percentage of `total`, rounded up. Raises ValueError for any other text."""
    if isinstance(value, int):
        return value
    if not _PERCENTAGE.fullmatch(value):
        raise ValueError(f"{value[:40]!r} is neither a number nor a percentage")
    return -(-int(value[:-1]) * total // 100)


def needs_leave(pod: Pod) -> bool:
    """Whether the eviction API asks budgets about a pod: not about what ended, has not begun or is going already."""
    return not (pod.is_finished or pod.status.phase == "Pending" or pod.metadata.deletion_timestamp is not None)


def refuses(budget: PodDisruptionBudget, disruption: Disruption, pod: Pod) -> bool:
    """Whether the eviction API says no for a pod that this budget, and no other, covers.

    An unready pod may go when the rest is healthy enough, or when the budget always allows it.
    """
    if not needs_leave(pod):
        return False
    if not pod.is_ready and (budget.always_evicts_unready_pods or disruption.healthy >= disruption.desired > 0):
        return False
    return disruption.allowed <= 0


class BudgetIndex:
    """Budgets by namespace and label: finding those of a pod costs what the pod's labels cost, not their number."""

    def __init__(self, budgets: Iterable[PodDisruptionBudget]) -> None:
        self._labelled: dict[tuple[str, str, str], list[PodDisruptionBudget]] = {}
        self._others: dict[str, list[PodDisruptionBudget]] = {}
        budgets = list(budgets)
        pairs: dict[tuple[str, str, str], int] = {}
        for one in budgets:
            for key in _pairs(one):
                pairs[key] = pairs.get(key, 0) + 1
        for one in budgets:
            rarest = min(_pairs(one), key=lambda key: (pairs[key], key), default=None)
            if rarest is not None:
                self._labelled.setdefault(rarest, []).append(one)
            else:
                self._others.setdefault(namespace_of(one), []).append(one)
        self._namespaces = frozenset(namespace_of(one) for one in budgets)

    def of(self, namespace: str, labels: dict[str, str]) -> list[PodDisruptionBudget]:
        """The budgets that cover a pod with these labels."""
        if namespace not in self._namespaces:
            return []
        found = list(self._others.get(namespace, ()))
        for key, value in labels.items():
            found += self._labelled.get((namespace, key, value), ())
        return [one for one in found if one.covers(labels)]


def _pairs(budget: PodDisruptionBudget) -> Iterator[tuple[str, str, str]]:
    selector, namespace = budget.spec.selector, namespace_of(budget)
    for key, value in ((selector.match_labels if selector else None) or {}).items():
        yield namespace, key, value


def namespace_of(one: KubernetesObject) -> str:
    """The namespace of an object that has one; a manifest that names none goes to `default`."""
    return one.namespace or "default"
