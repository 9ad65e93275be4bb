"""Budgets that cover the same pods, and how certain that is of those that stand in manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from kubepreflight.objects import KubernetesObject, Pod, Scaled
from kubepreflight.semantics.budget import BudgetIndex, PodDisruptionBudget, namespace_of
from kubepreflight.semantics.kustomizations import Kustomizations, folder_of

Name = tuple[str, str]
"""Namespace and name."""

BudgetNames = tuple[Name, ...]


class Overlap(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Budgets, by name, that cover the same pods: `pods` are those that a drain would have to evict; where none of them
    runs, `templates` are what would make such pods.

    `namespace` is the one that they come to, empty when nothing names it. `is_certain` is false where manifests may be
    meant for several namespaces or clusters.
    """

    budgets: tuple[PodDisruptionBudget, ...]
    pods: tuple[Pod, ...] = ()
    templates: tuple[Scaled, ...] = ()
    namespace: str = ""
    is_certain: bool = True


class Overlaps:
    """Finds them: `index` has the budgets after everything given is applied, `observed` those of the cluster."""

    def __init__(
        self, index: BudgetIndex, observed: Iterable[PodDisruptionBudget], kustomizations: Kustomizations
    ) -> None:
        self._index = index
        self._observed = BudgetIndex(observed)
        self._kustomizations = kustomizations

    def covering(self, pod: Pod, found: Sequence[PodDisruptionBudget]) -> BudgetNames:
        """The names of those that cover a pod, of those that were found by their own namespaces; empty for only one."""
        return _several(self._in(pod.namespace, found)) if len(found) > 1 else ()

    def of_pods(self, names: BudgetNames, pods: Sequence[Pod]) -> Overlap:
        """The one of pods that budgets of these names cover."""
        return self._overlap(names, pods[0].namespace, pods[0].labels, pods=tuple(pods))

    def of_templates(self, scaled: Iterable[Scaled], known: Mapping[BudgetNames, object]) -> Iterator[Overlap]:
        """Those of templates in manifests, but for those that are `known` by their pods."""
        coming: dict[tuple[str, BudgetNames], list[Scaled]] = {}
        for one in scaled:
            if not one.metadata.uid and one.spec.replicas != 0:
                home = self._home(one)
                names = _several(self._in(home, self._index.of(namespace_of(one), one.pod_labels)))
                if names and names not in known:
                    coming.setdefault((home, names), []).append(one)
        for (home, names), templates in coming.items():
            yield self._overlap(names, home, templates[0].pod_labels, templates=tuple(templates))

    def _overlap(
        self,
        names: BudgetNames,
        home: str,
        labels: dict[str, str],
        pods: tuple[Pod, ...] = (),
        templates: tuple[Scaled, ...] = (),
    ) -> Overlap:
        namespace = names[0][0]
        by_name = {name_of(one): one for one in self._in(home, self._index.of(namespace, labels))}
        there = {name_of(one) for one in self._observed.of(namespace, labels)} if home == namespace else set()
        budgets = tuple(by_name[name] for name in names)
        homes = {home, *(self._home(one) for one in budgets)}
        return Overlap(
            budgets=budgets,
            pods=pods,
            templates=templates,
            namespace=home or next(filter(None, sorted(homes)), ""),
            is_certain=bool(home) and self._come_together([one for one in budgets if name_of(one) not in there]),
        )

    def _come_together(self, budgets: Iterable[PodDisruptionBudget]) -> bool:
        """Whether all of these are applied for certain where the others are: together, in a namespace that is named."""
        coming = [one for one in budgets if not one.metadata.uid]
        files = [one.origin.file for one in coming]
        return (
            all(self._home(one) for one in coming)
            and len({folder_of(file) for file in files}) <= 1
            and not any(self._kustomizations.leaves_out(file) for file in files)
        )

    def _home(self, one: KubernetesObject) -> str:
        """The namespace that it comes to, as far as something names it."""
        if one.metadata.uid:
            return one.namespace
        return self._kustomizations.namespace(one.origin.file) or one.namespace

    def _in(self, namespace: str, budgets: Iterable[PodDisruptionBudget]) -> list[PodDisruptionBudget]:
        """Those that may come to one namespace with what is there; where that is not known, with the first of them."""
        found = []
        for one in budgets:
            home = self._home(one)
            if not home or not namespace or home == namespace:
                namespace = namespace or home
                found.append(one)
        return found


def _several(budgets: Iterable[PodDisruptionBudget]) -> BudgetNames:
    names = {name_of(one) for one in budgets}
    return tuple(sorted(names)) if len(names) > 1 else ()


def name_of(one: KubernetesObject) -> Name:
    """How it is told from others of its kind, by the namespace that is written in it."""
    return namespace_of(one), one.name
