"""Which of the requests that this upgrade needs a webhook would be told of."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kubepreflight.finding import Phase, Subject
from kubepreflight.knowledge.names import Names
from kubepreflight.knowledge.upgrade_requests import NeededRequest, NeededRequests
from kubepreflight.objects import Api, KubernetesObject, Node
from kubepreflight.parts import LabelSelector
from kubepreflight.semantics.webhooks import AdmissionRequest, Webhook
from kubepreflight.semantics.workloads import Workloads
from kubepreflight.upgrade import Upgrade

NONE: dict[str, str] = {}
EVERYTHING = LabelSelector()


class Namespace(KubernetesObject):
    """A namespace, for its labels."""

    api = Api("", "Namespace", "namespaces", namespaced=False)


class Told(msgspec.Struct, frozen=True):
    """A request of the table of which a webhook is told, and the workloads whose pods it is about, if it is."""

    row: NeededRequest
    workloads: tuple[Subject, ...] = ()


class _Pods(msgspec.Struct, frozen=True):
    """A workload that a drain evicts pods of, and their labels."""

    subject: Subject
    labels: dict[str, str]


class UpgradeRequests:
    """The requests that this upgrade needs, with the labels that their objects have here."""

    def __init__(
        self,
        *,
        table: NeededRequests,
        names: Names,
        upgrade: Upgrade,
        namespaces: list[Namespace],
        nodes: list[Node] | None,
        workloads: Workloads | None,
    ) -> None:
        self._rows = table.rows
        self._minor = upgrade.first_hop.start
        self._name_label = names.namespace_label(self._minor)
        self._namespaces = {one.name: one.labels for one in namespaces}
        self._nodes = nodes or []
        self._workloads: dict[str, list[_Pods]] = {}
        for one in workloads.all if workloads else ():
            pod = one.pods[0]
            self._workloads.setdefault(pod.namespace, []).append(_Pods(one.subject, pod.labels))
        self._drained = {pod.spec.node_name for one in workloads.all for pod in one.pods} if workloads else None
        self._known: dict[bytes, tuple[Subject, ...]] = {}
        self._taking_nodes: dict[bytes, bool] = {}

    @classmethod
    def provide(
        cls,
        *,
        table: NeededRequests,
        names: Names,
        upgrade: Upgrade,
        namespaces: list[Namespace],
        nodes: list[Node] | None,
        workloads: Workloads | None,
    ) -> UpgradeRequests:
        """From the table and what the cluster holds."""
        return cls(table=table, names=names, upgrade=upgrade, namespaces=namespaces, nodes=nodes, workloads=workloads)

    def namespace_labels(self, name: str) -> dict[str, str]:
        """The labels of a namespace, with the one that the API server sets by itself."""
        own = {self._name_label: name} if self._name_label else NONE
        return self._namespaces.get(name) or own

    def is_drained(self, node: str) -> bool:
        """Whether the upgrade drains a node; not when its kubelet is at the target already."""
        return self._drained is None or node in self._drained

    def told(self, webhook: Webhook, phase: Phase | None = None) -> Iterator[Told]:
        """Those of which a webhook is told, of one phase or of all.

        Raises ValueError for a selector with an operator that Kubernetes does not know.
        """
        for row in self._rows:
            if phase not in (None, row.phase):
                continue
            asked = next((one for one in self._requests(row) if webhook.asks_for(one)), None)
            if asked is None:
                continue
            if row.where == "workloads":
                if found := self._of_workloads(asked, webhook, labelled=row.object == "pod"):
                    yield Told(row, found)
            elif row.object == "node":
                if self._takes_a_node(webhook):
                    yield Told(row)
            elif webhook.selects(asked._replace(labels=row.labels)):
                yield Told(row)

    def _requests(self, row: NeededRequest) -> Iterator[AdmissionRequest]:
        also = tuple((one.group, one.version) for one in row.also if self._minor <= one.until)
        labels = self.namespace_labels(row.where) if row.where else None
        for operation in row.operations:
            yield AdmissionRequest(row.group, row.version, row.resource, NONE, labels, operation, also)

    def _takes_a_node(self, webhook: Webhook) -> bool:
        selector = webhook.object_selector or EVERYTHING
        key = msgspec.json.encode(selector)
        if key not in self._taking_nodes:
            self._taking_nodes[key] = any(selector.matches(one.labels) for one in self._nodes)
        return self._taking_nodes[key]

    def _of_workloads(self, asked: AdmissionRequest, webhook: Webhook, *, labelled: bool) -> tuple[Subject, ...]:
        """Worked out once for equal selectors: an add-on has a dozen webhooks, a cluster a hundred thousand pods."""
        key = msgspec.json.encode((labelled, webhook.namespace_selector, webhook.object_selector))
        if key not in self._known:
            self._known[key] = tuple(self._selected(asked, webhook, labelled=labelled))
        return self._known[key]

    def _selected(self, asked: AdmissionRequest, webhook: Webhook, *, labelled: bool) -> Iterator[Subject]:
        of_object = webhook.object_selector if labelled else None
        if not labelled and not webhook.selects(asked._replace(namespace_labels=None)):
            return
        for name, workloads in self._workloads.items():
            if webhook.namespace_selector and not webhook.namespace_selector.matches(self.namespace_labels(name)):
                continue
            yield from (one.subject for one in workloads if of_object is None or of_object.matches(one.labels))
