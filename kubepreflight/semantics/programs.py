"""What each program is told, all of it together, what counts less before what counts more.

A kubelet is told by the cluster's ConfigMap, over which lie kubeadm's instance-config.yaml, then the node's drop-ins,
then its flags. Source: cmd/kubelet/app/server.go of 1.37.2, and settings.py for what kubeadm writes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from kubepreflight.semantics.kubelets import Kubelets
from kubepreflight.semantics.setting import KUBELET, Document, Place, Setting, Where, program_of, setting_of
from kubepreflight.semantics.settings import Settings

FLAG, DROP_IN, CONFIGURATION = 2, 1, 0

_Key = tuple[str, ...]


class Program(msgspec.Struct, frozen=True):
    """The flags of one program by their names, each in the order of its command line; its configurations; its gates."""

    component: str
    flags: Mapping[str, tuple[Setting, ...]]
    documents: tuple[Document, ...]
    gates: tuple[Setting, ...]

    def flag(self, name: str) -> Setting | None:
        """The flag that counts: of one that stands there twice the last."""
        given = self.flags.get(name)
        return given[-1] if given else None

    def field(self, name: str) -> Setting | None:
        """The field that counts, named with dots."""
        if not name:
            return None
        found = (setting_of(document, name) for document in reversed(self.documents))
        return next((one for one in found if one is not None), None)


def programs(settings: Settings, kubelets: Kubelets | None) -> Iterator[Program]:
    """All that are told something. A kubelet of the ConfigMap alone is one of them, unless all nodes are known."""
    told: dict[_Key, _Told] = defaultdict(_Told)
    for one in settings.flags:
        told[_key(one.component, one.place)].flags.append(one)
    for document in settings.documents:
        told[_key(document.component, document.place)].documents.append(document)
    for gate in settings.gates:
        told[_key(gate.component, gate.place)].gates.append(gate)
    of_all_nodes = told.pop(_OF_ALL_NODES, None)
    nodes = set()
    for key, given in told.items():
        if is_node := key[:2] == (KUBELET, Where.NODE.name):
            nodes.add(key[2])
        yield given.program(key[0], of_all_nodes if is_node else None)
    known = {one.node for one in kubelets.known} if kubelets else set()
    if of_all_nodes is not None and not (known and known <= nodes):
        yield of_all_nodes.program(KUBELET)


def rank(gate: Setting) -> int:
    """What counts more; of what a kubelet has in files, the drop-ins."""
    if gate.place.entry != f"featureGates.{gate.name}":
        return FLAG
    return _rank_of_file(gate.place)


def _rank_of_file(place: Place) -> int:
    return DROP_IN if place.where is Where.NODE and place.subject.file.endswith(".conf") else CONFIGURATION


_OF_ALL_NODES: _Key = (KUBELET, Where.KUBELET_CONFIG.name, "")


def _key(component: str, place: Place) -> _Key:
    """The same as `program_of`, but that all files of a kubelet's are one program's."""
    if component == KUBELET and place.where in (Where.KUBELET_CONFIG, Where.NODE):
        return (component, place.where.name, place.subject.node)
    return program_of(component, place)


class _Told:
    """What stands in places of one sort."""

    def __init__(self) -> None:
        self.flags: list[Setting] = []
        self.documents: list[Document] = []
        self.gates: list[Setting] = []

    def program(self, component: str, below: _Told | None = None) -> Program:
        """The program that is told this, over what all of its kind are told."""
        flags: dict[str, tuple[Setting, ...]] = {}
        for one in self.flags:
            flags[one.name] = (*flags.get(one.name, ()), one)
        documents = sorted(self.documents, key=lambda one: _rank_of_file(one.place))
        gates = sorted(self.gates, key=rank)
        if below is not None:
            documents, gates = [*below.documents, *documents], [*below.gates, *gates]
        return Program(component, flags, tuple(documents), tuple(gates))
