"""Whether ResourceQuotas let in a pod that asks for nothing.

Source: https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/quota/v1/evaluator/core/pods.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Self

import msgspec

from kubepreflight.objects import Api, KubernetesObject
from kubepreflight.semantics.quantity import quantity

DEMANDED = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
"""What every container must name when a quota counts it."""

COUNTED = ("pods", "count/pods", "count/jobs.batch")


class ScopeRequirement(msgspec.Struct, rename="camel", frozen=True):
    """One condition on the pods that a quota is about."""

    scope_name: str = ""
    operator: str = ""


class ScopeSelector(msgspec.Struct, rename="camel", frozen=True):
    """All conditions on them."""

    match_expressions: list[ScopeRequirement] | None = None


class QuotaSpec(msgspec.Struct, rename="camel", frozen=True):
    """What a quota limits, and for which pods."""

    hard: dict[str, Any] | None = None
    scopes: list[str] | None = None
    scope_selector: ScopeSelector | None = None


class QuotaStatus(msgspec.Struct, rename="camel", frozen=True):
    """How much is taken."""

    used: dict[str, Any] | None = None


class SystemQuota(KubernetesObject):
    """A ResourceQuota of kube-system."""

    api = Api("", "ResourceQuota", "resourcequotas", namespace="kube-system")
    spec: QuotaSpec = QuotaSpec()
    status: QuotaStatus = QuotaStatus()


class LimitRangeItem(msgspec.Struct, rename="camel", frozen=True):
    """What containers get that ask for nothing; the API server has filled in what follows from their maximum."""

    type: str = ""
    default: dict[str, Any] | None = None
    default_request: dict[str, Any] | None = None


class LimitRangeSpec(msgspec.Struct, rename="camel", frozen=True):
    """The items of a LimitRange."""

    limits: list[LimitRangeItem] | None = None


class SystemLimitRange(KubernetesObject):
    """A LimitRange of kube-system."""

    api = Api("", "LimitRange", "limitranges", namespace="kube-system")
    spec: LimitRangeSpec = LimitRangeSpec()


class Refusal(NamedTuple):
    """A quota, and why it lets no pod in, as a clause."""

    quota: SystemQuota
    why: str


class SystemQuotas(msgspec.Struct, frozen=True):
    """The quotas of kube-system, and what a container there gets without asking, in the words of quotas."""

    quotas: tuple[SystemQuota, ...]
    given: frozenset[str]

    @classmethod
    def provide(cls, quotas: list[SystemQuota], ranges: list[SystemLimitRange]) -> Self:
        """From both kinds."""
        return cls(tuple(quotas), frozenset(_given(item for one in ranges for item in one.spec.limits or ())))

    def refusals(self) -> Iterator[Refusal]:
        """The quotas that refuse a pod without requests, limits, priority class and deadline, or the Job behind it."""
        for quota in self.quotas:
            about_pod = all(map(self._holds, _scopes(quota.spec)))
            hard = quota.spec.hard or {}
            missing = sorted(DEMANDED & hard.keys() - self.given) if about_pod else []
            if missing:
                yield Refusal(quota, f"it counts {', '.join(missing)}, of which the Job's pod names none")
                continue
            counted = COUNTED if about_pod else ()
            full = [name for name in counted if _is_full(hard.get(name), (quota.status.used or {}).get(name))]
            if full:
                yield Refusal(quota, f"it is used up: {', '.join(f'{hard[name]} {name}' for name in full)}")

    def _holds(self, scope: tuple[str, str]) -> bool:
        name, operator = scope
        match name:
            case "NotTerminating":
                return True
            case "BestEffort":
                return not self.given
            case "NotBestEffort":
                return bool(self.given)
            case "PriorityClass":
                return operator in ("NotIn", "DoesNotExist")
        return False


def _scopes(spec: QuotaSpec) -> Iterator[tuple[str, str]]:
    yield from ((name, "Exists") for name in spec.scopes or ())
    selector = spec.scope_selector
    yield from ((one.scope_name, one.operator) for one in (selector.match_expressions if selector else None) or ())


def _given(items: Iterable[LimitRangeItem]) -> Iterator[str]:
    for item in items:
        if item.type == "Container":
            yield from (f"limits.{name}" for name in item.default or ())
            for name in item.default_request or ():
                yield from (name, f"requests.{name}")


def _is_full(hard: Any, used: Any) -> bool:
    try:
        return quantity(used) >= quantity(hard)
    except ValueError:
        return False
