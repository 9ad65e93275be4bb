"""What the budgets of a cluster, and of what will be applied, say to the evictions of its drains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.knowledge.names import Names
from kubepreflight.objects import Api, Deployment, KubernetesObject, Planned, Pod, Scaled, StatefulSet
from kubepreflight.parts import Part
from kubepreflight.semantics.budget import (
    BudgetIndex,
    BudgetSpec,
    Disruption,
    PodDisruptionBudget,
    disruption_of,
    disruption_told,
    namespace_of,
    needs_leave,
    refuses,
)
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.semantics.overlaps import BudgetNames, Name, Overlap, Overlaps, name_of
from kubepreflight.semantics.owners import owner_of
from kubepreflight.semantics.workloads import Workloads
from kubepreflight.upgrade import ApiServers, ServerVersion

WITHOUT_SCALE = ("DaemonSet", "Job", "Node")
"""Owners of pods of which the disruption controller cannot tell how many they want."""

_Key = tuple[str, str, str]


class ScaleTarget(Part, frozen=True):
    """What an autoscaler scales."""

    kind: str = ""
    name: str = ""


class AutoscalerSpec(Part, frozen=True):
    """The bounds of an autoscaler."""

    scale_target_ref: ScaleTarget = ScaleTarget()
    min_replicas: int | None = None


class HorizontalPodAutoscaler(KubernetesObject):
    """A HorizontalPodAutoscaler, one of KEDA's too."""

    api = Api("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
    spec: AutoscalerSpec = AutoscalerSpec()

    @property
    def is_whole(self) -> bool:
        """Whether it says what it scales."""
        return bool(self.spec.scale_target_ref.name)

    @property
    def floor(self) -> int:
        """The fewest pods that it keeps."""
        return 1 if self.spec.min_replicas is None else self.spec.min_replicas


class Controller(msgspec.Struct, frozen=True, kw_only=True):
    """Who keeps pods that a budget covers, and how many.

    `is_declared` is false for a manifest that leaves the number out. `is_coming` says that a manifest brings it and
    no pod of it runs yet.
    """

    subject: Subject
    replicas: int
    autoscaler: HorizontalPodAutoscaler | None = None
    is_declared: bool = True
    is_coming: bool = False

    @property
    def floor(self) -> int:
        """The fewest pods that it may have."""
        return self.replicas if self.autoscaler is None else self.autoscaler.floor


class BudgetState(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One budget and all that matters for it; `spec` is its own, or what a patch beside it makes of that.

    `now` is what its status tells, None without a status; `well` what it would allow with every pod healthy, `least`
    the same with every autoscaler at its floor. `covered` is how many pods there are, `is_scaled` whether the
    disruption controller can tell how many their owners want. `pods` are those that a drain would have to evict,
    `refused` those of them to which it says no at this moment.
    """

    budget: PodDisruptionBudget
    spec: BudgetSpec
    now: Disruption | None
    well: Disruption
    least: Disruption
    covered: int
    is_scaled: bool
    controllers: tuple[Controller, ...]
    pods: tuple[Pod, ...]
    refused: tuple[Pod, ...]


class Budgets(msgspec.Struct, frozen=True):
    """All budgets. `blocked` are the pods (namespace and name) whose eviction is refused now, or answered with an error
    because several budgets cover them. `sees_pods` is false when there are only manifests. `gaps` name the manifests
    that have several minds."""

    states: tuple[BudgetState, ...]
    blocked: frozenset[Name]
    sees_pods: bool
    gaps: tuple[Gap, ...] = ()
    overlaps: tuple[Overlap, ...] = ()

    @classmethod
    def provide(
        cls,
        budgets: Planned[PodDisruptionBudget],
        workloads: Workloads | None = None,
        pods: list[Pod] | None = None,
        *,
        deployments: Planned[Deployment] | None = None,
        stateful_sets: Planned[StatefulSet] | None = None,
        autoscalers: Planned[HorizontalPodAutoscaler] | None = None,
        observed: list[PodDisruptionBudget] | None = None,
        kustomizations: Kustomizations | None = None,
    ) -> Budgets:
        """Find the pods of each budget in one pass over all pods."""
        whole, patches = _patches(budgets)
        index = BudgetIndex(whole)
        overlaps = Overlaps(index, observed or (), kustomizations or Kustomizations.provide())
        covered: dict[int, list[Pod]] = {}
        several: dict[BudgetNames, list[Pod]] = {}
        for pod in pods or ():
            found = index.of(pod.namespace, pod.labels) if not pod.is_finished else ()
            for one in found:
                covered.setdefault(id(one), []).append(pod)
            if (names := overlaps.covering(pod, found)) and needs_leave(pod):
                several.setdefault(names, []).append(pod)
        scaled = [*(deployments or ()), *(stateful_sets or ())]
        scales = _Scales(scaled, autoscalers or (), index)
        drained = {id(pod) for pod in workloads.pods()} if workloads else set()
        states, gaps = [], []
        for one in whole:
            alive, controllers = covered.get(id(one), []), scales.of(one, covered.get(id(one), []))
            specs = [one.spec, *(_merged(one.spec, patch.spec) for patch in patches.get(name_of(one), ()))]
            variants = [_state(one, spec, alive, controllers, drained) for spec in specs]
            best = max(variants, key=lambda state: state.well.allowed)
            states.append(best)
            if variants[0].well.allowed <= 0 < best.well.allowed:
                gaps.append(_two_minds(one, patches[name_of(one)]))
        refused = {(pod.namespace, pod.name) for state in states for pod in state.refused}
        doubly = [overlaps.of_pods(names, group) for names, group in several.items()]
        twice = {(pod.namespace, pod.name) for one in doubly if one.is_certain for pod in one.pods}
        leaving = (_only(one, drained) for one in doubly)
        every = (*filter(None, leaving), *overlaps.of_templates(scaled, several))
        return cls(tuple(states), frozenset(refused | twice), pods is not None, tuple(gaps), every)


def _only(overlap: Overlap, drained: set[int]) -> Overlap | None:
    """An overlap of those pods alone that a drain would have to evict; None when there are none."""
    pods = tuple(pod for pod in overlap.pods if id(pod) in drained)
    return msgspec.structs.replace(overlap, pods=pods) if pods else None


def _patches(
    budgets: Iterable[PodDisruptionBudget],
) -> tuple[list[PodDisruptionBudget], dict[Name, list[PodDisruptionBudget]]]:
    """Tell budgets from the parts of budgets that an overlay lays over them: those have no selector of their own."""
    whole: list[PodDisruptionBudget] = []
    patches: dict[Name, list[PodDisruptionBudget]] = {}
    for one in budgets:
        if one.is_part:
            patches.setdefault(name_of(one), []).append(one)
        else:
            whole.append(one)
    return whole, patches


def _merged(base: BudgetSpec, patch: BudgetSpec) -> BudgetSpec:
    given = {name: value for name in patch.__struct_fields__ if (value := getattr(patch, name)) is not None}
    return msgspec.structs.replace(base, **given)


def _two_minds(budget: PodDisruptionBudget, patches: Iterable[PodDisruptionBudget]) -> Gap:
    return cannot_check(
        "manifests of poddisruptionbudgets",
        f"it gives no room, unless it is patched by {', '.join(sorted({one.origin.file for one in patches}))}",
        subject=str(budget.subject),
        how="kubectl kustomize FOLDER | kubepreflight scan -",
    )


def _state(
    budget: PodDisruptionBudget,
    spec: BudgetSpec,
    alive: list[Pod],
    controllers: tuple[Controller, ...],
    drained: set[int],
) -> BudgetState:
    now = disruption_told(budget.status) if budget.status and budget.has_current_status else None
    staying = [pod for pod in alive if pod.metadata.deletion_timestamp is None]
    bare = sum(pod.metadata.controller is None for pod in staying)
    scale, floor = sum(one.replicas for one in controllers), sum(one.floor for one in controllers)
    if now and spec.counts_what_is_wanted:
        scale = max(scale, now.expected)
    count = max(len(staying), scale)
    pods = tuple(pod for pod in alive if id(pod) in drained)
    well = disruption_of(spec, pods=count, scale=scale, healthy=count)
    owners = (pod.metadata.controller for pod in alive)
    unscaled = next((one.kind for one in owners if one and one.kind in WITHOUT_SCALE), None)
    if unscaled and not now and spec.counts_what_is_wanted:
        failure = f"pods of a {unscaled} are covered, of which nobody can tell how many there should be"
        well = msgspec.structs.replace(well, desired=0, allowed=0, failure=failure)
    return BudgetState(
        budget=budget,
        spec=spec,
        now=now,
        well=well,
        covered=len(staying) or scale,
        is_scaled=scale > 0 and _is_scaled(spec, now, controllers),
        least=disruption_of(spec, pods=floor + bare, scale=floor, healthy=floor + bare),
        controllers=controllers,
        pods=pods,
        refused=tuple(pod for pod in pods if refuses(budget, now or well, pod)),
    )


def _is_scaled(spec: BudgetSpec, now: Disruption | None, controllers: tuple[Controller, ...]) -> bool:
    """Whether the disruption controller can tell the scale of all owners: it has told so, or they are of such kinds.

    Of a ReplicaSet that stands alone it is not known whether it is still there.
    """
    if now is not None and (now.failure or spec.counts_what_is_wanted):
        return not now.failure
    return all(one.subject.kind in ("Deployment", "StatefulSet") for one in controllers)


class _Scales:
    """How many pods each controller keeps, after everything given is applied.

    The parts of an overlay may name one object several times: the largest number counts.
    """

    def __init__(
        self, objects: Iterable[Scaled], autoscalers: Iterable[HorizontalPodAutoscaler], index: BudgetIndex
    ) -> None:
        self._objects: dict[_Key, list[Scaled]] = {}
        self._autoscalers: dict[_Key, HorizontalPodAutoscaler] = {}
        self._covered: dict[int, dict[_Key, None]] = {}
        for one in objects:
            key = (one.kind, namespace_of(one), one.name)
            self._objects.setdefault(key, []).append(one)
            for budget in index.of(namespace_of(one), one.pod_labels):
                self._covered.setdefault(id(budget), {})[key] = None
        for each in autoscalers:
            target = each.spec.scale_target_ref
            self._autoscalers[target.kind, namespace_of(each), target.name] = each

    def of(self, budget: PodDisruptionBudget, pods: list[Pod]) -> tuple[Controller, ...]:
        """Those of a budget: by its pods, and by the templates of what will be applied."""
        running: dict[_Key, tuple[Subject, int]] = {}
        for pod in pods:
            if pod.metadata.controller is not None:
                owner = owner_of(pod)
                key = (owner.kind, owner.namespace, owner.name)
                stays = pod.metadata.deletion_timestamp is None
                running[key] = (owner, running.get(key, (owner, 0))[1] + stays)
        found = [self._one(key, subject, count) for key, (subject, count) in running.items()]
        coming = [key for key in self._covered.get(id(budget), ()) if key not in running]
        return tuple(found + [self._one(key, self._objects[key][0].subject, None) for key in coming])

    def _one(self, key: _Key, subject: Subject, count: int | None) -> Controller:
        objects = self._objects.get(key, [])
        declared = [one.spec.replicas for one in objects if one.spec.replicas is not None]
        is_desired = any(not one.metadata.uid for one in objects)
        autoscaler = self._autoscalers.get(key)
        replicas = max(declared, default=count if count is not None else 1)
        if autoscaler is not None and is_desired:
            replicas = count if count is not None else autoscaler.floor
        return Controller(
            subject=subject,
            replicas=replicas,
            autoscaler=autoscaler,
            is_declared=bool(declared) or count is not None,
            is_coming=count is None and is_desired,
        )


class UnreadyPolicy(msgspec.Struct, frozen=True):
    """The field of a budget that lets unready pods go; empty where the oldest API server has none, or is not known."""

    field: str

    @classmethod
    def provide(cls, names: Names, pods: list[Pod] | None = None, server: ServerVersion | None = None) -> UnreadyPolicy:
        """By the versions that are visible: nothing is missed without them."""
        versions = ApiServers.provide(pods, server).all
        return cls(names.unready_policy(versions[0].minor_version) if versions else "")


def controllers_named(state: BudgetState) -> Mapping[str, int]:
    """The controllers of a budget's pods and their numbers of pods, for people."""
    return {f"{one.subject.kind} {one.subject.name}": one.replicas for one in state.controllers}
