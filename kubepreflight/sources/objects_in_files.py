"""The objects of a file, in YAML or JSON, alone or in lists; and what looks like objects and cannot be read."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from shlex import quote
from typing import Any

import msgspec

from kubepreflight.decoding import UNDECODABLE, Head, ListHead, Raw, is_desired
from kubepreflight.objects import Origin
from kubepreflight.semantics.kustomizations import folder_of
from kubepreflight.semantics.several import listed
from kubepreflight.snapshot import Collector, ManifestHeader
from kubepreflight.sources.helm_output import Place
from kubepreflight.sources.snapshot_file import FORMAT
from kubepreflight.sources.tree import joined
from kubepreflight.sources.unrendered import KUSTOMIZATION, KUSTOMIZATION_FILES, is_kubeconfig, not_read
from kubepreflight.sources.yaml_reader import Document, Header, Problem, read_documents


class _JsonHead(ListHead):
    """The head of a JSON file. `format` is what our own files have in place of a kind."""

    format: str = ""


class ObjectsInFiles:
    """Takes the objects of one file after another. `charts` are the folders of Helm charts among them.

    What cannot be read goes to `gap`: its subject, the reason, and what to do; the templates of a chart to `finish`.
    `holds` says whether a path within an archive, or within what was named, lies in what is read. `explained` are
    charts of which it was said already why they were not rendered; `kustomize` renders the kustomization of a folder,
    or says why not.
    """

    def __init__(
        self, collector: Collector, gap: Callable[[str, str, str], None], holds: Callable[[str, str], bool]
    ) -> None:
        self.charts: frozenset[str] = frozenset()
        self.explained: set[str] = set()
        self.kustomize: Callable[[str, str], None] | None = None
        self.unread: dict[str, int] = {}
        self.objects = self.lists = self.kubeconfigs = self.manifests = 0
        self.exported: list[str] = []
        self._collector = collector
        self._gap = gap
        self._holds = holds

    def take(self, shown: str, data: bytes, place: Place | None = None) -> None:
        """Take all of one file, which reports call `shown`; `place` says of a line what else to call it."""
        if data[:1] == b"{" or data.lstrip()[:1] == b"{":
            self._json(shown, data)
        else:
            self._documents(shown, data, place or partial(Origin, shown))

    def finish(self) -> None:
        """Say which charts were not rendered, and what among manifests is taken for something else."""
        if self.exported and self.manifests:
            self._gap(
                self.exported[0],
                f"objects with a uid, as from kubectl get -o yaml, among manifests ({len(self.exported)} in all): they "
                "count as what runs, not as what will be applied",
                "take uid, resourceVersion and status out of them, or give them in a folder of their own",
            )
        for chart, count in sorted(self.unread.items()):
            if not any(chart == one or chart.startswith(joined(one, "charts/")) for one in self.explained):
                self._gap(
                    chart or ".",
                    f"an unrendered Helm chart: {count} of its templates cannot be read as they are",
                    f"scan with --render, or render it: helm template NAME {self._typed(chart)} | "
                    "kubepreflight scan -   (or leave it out: --exclude)",
                )

    def _json(self, shown: str, data: bytes) -> None:
        try:
            head = msgspec.json.decode(data, type=_JsonHead)
        except UNDECODABLE:
            self._documents(shown, data, partial(Origin, shown))
            return
        if head.format == FORMAT:
            self._gap(shown, "a snapshot that was unpacked", "name the tar.gz itself")
        elif (items := head.listed) is not None and head.api_version:
            origin = Origin(shown)
            self._list(head, origin, [(item, origin) for item in items])
        elif is_kubeconfig(head.api_version, head.kind):
            self.kubeconfigs += 1
        elif head.kind and head.api_version:
            self._object(head, data, Origin(shown, 1))
        else:
            self._bare(shown, head.items or ())

    def _list(self, head: Head, origin: Origin, items: Sequence[tuple[Any, Origin]]) -> None:
        self.lists += 1
        self.objects += len(items)
        self._collector.add_list(head, origin, items, _namespace_of(origin.file, [item for item, _ in items]))

    def _object(self, head: Head, value: Raw | dict[str, Any], origin: Origin) -> None:
        kind = head.kind.removesuffix("List")
        if kind != head.kind and (not kind or self._collector.wants(head.api_version, kind, desired=False)):
            self._gap(f"{origin.file}:{origin.line}", f"a {head.kind} without items", "mend it, or --exclude the file")
            return
        self._count(head, origin)
        if isinstance(value, dict):
            self._collector.add_value(value, origin, alone=True)
        else:
            self._collector.add_raw(value, origin, alone=True)

    def _count(self, head: Head, origin: Origin) -> None:
        self.objects += 1
        if is_desired(head.api_version, head.kind, head.metadata.uid):
            self.manifests += 1
        elif head.metadata.uid:
            self.exported.append(f"{origin.file}:{origin.line}")

    def _bare(self, shown: str, items: Sequence[Any]) -> None:
        """What is no object is none of ours, unless it holds some."""
        try:
            first = _head(items[0])
        except (*UNDECODABLE, IndexError, TypeError):
            return
        if first.kind or first.metadata.name:
            how = 'make a list of it: {"apiVersion": "v1", "kind": "List", "items": [...]}'
            self._gap(shown, "objects in an array, which kubectl does not read either", how)

    def _documents(self, shown: str, data: bytes, place: Place) -> None:
        defaults = KUSTOMIZATION if shown.rpartition("/")[2] in KUSTOMIZATION_FILES else {}
        for document in read_documents(data, wants=None if defaults else self._wants):
            match document:
                case Problem():
                    self._problem(shown, document)
                case Header():
                    self._header(place(document.line), document)
                case Document():
                    self._document(place(document.line), document, defaults)

    def _wants(self, header: Header) -> bool:
        # What has one of the two may have the other in a wrong type: it is read whole, for that to be told.
        if bool(header.api_version) != bool(header.kind):
            return True
        desired = is_desired(header.api_version, header.kind, header.uid)
        return self._collector.wants(header.api_version, header.kind, desired=desired)

    def _header(self, origin: Origin, header: Header) -> None:
        if is_kubeconfig(header.api_version, header.kind):
            self.kubeconfigs += 1
            return
        if not (header.api_version and header.kind):
            return
        self._count(Head(header.api_version, header.kind, Head.Names(uid=header.uid)), origin)
        if is_desired(header.api_version, header.kind, header.uid):
            self._collector.add_header(
                ManifestHeader(header.api_version, header.kind, header.namespace, header.name, origin)
            )

    def _document(self, origin: Origin, document: Document, defaults: Mapping[str, str]) -> None:
        value = document.value
        if isinstance(value, dict):
            value = {**defaults, **value}
            if is_kubeconfig(value.get("apiVersion"), value.get("kind")):
                self.kubeconfigs += 1
            elif value.get("kind") and value.get("apiVersion"):
                self._value(value, origin, document.item_lines)
                return
            value = value.get("items")
        if isinstance(value, list):
            self._bare(origin.file, value)

    def _value(self, value: dict[str, Any], origin: Origin, item_lines: Sequence[int]) -> None:
        archive, folder = folder_of(origin.file)
        if elsewhere := not_read(value, lambda path: self._holds(archive, posixpath.join(folder, path))):
            if self.kustomize is not None and not archive:
                self.kustomize(folder, origin.file)
            else:
                where = self._typed(archive + folder)
                how = f"render it: kubectl kustomize {where} | kubepreflight scan -   (or leave it out: --exclude)"
                self._gap(f"{origin.file}:{origin.line}", f"it takes in what was not read: {listed(elsewhere)}", how)
        try:
            head = msgspec.convert(value, Head)
        except msgspec.ValidationError:
            self.objects += 1
            self._collector.add_value(value, origin)
            return
        items = value.get("items", ()) or []
        if "items" in value and isinstance(items, list) and head.kind.endswith("List"):
            lines = (origin.line and item_lines) or [origin.line] * len(items)
            self._list(
                head, origin, [(item, Origin(origin.file, line)) for item, line in zip(items, lines, strict=True)]
            )
        else:
            self._object(head, value, origin)

    def _typed(self, shown: str) -> str:
        return quote(shown if "!" in shown else posixpath.normpath(shown))

    def _problem(self, shown: str, problem: Problem) -> None:
        chart = next((one for one in self.charts if shown.startswith(joined(one, "templates/"))), None)
        if problem.template and chart is not None:
            self.unread[chart] = self.unread.get(chart, 0) + 1
            return
        reason = (
            f"{problem.message}; it looks like a template that was not rendered"
            if problem.template
            else problem.message
        )
        self._gap(f"{shown}:{problem.line}", reason, "mend it, or leave it out: --exclude")


def _namespace_of(shown: str, items: Sequence[Any]) -> str:
    """The namespace after which a file or its folder is called, when all that is listed in it is of that one: thus do
    `kubectl cluster-info dump` (`kube-system/pods.json`) and support bundles (`pods/kube-system.json`)."""
    path = PurePosixPath(shown)
    for name in (path.parent.name.rpartition("!")[2], path.stem):
        if items and name and all(_namespace(item) == name for item in items):
            return name
    return ""


def _namespace(item: Any) -> str:
    try:
        return _head(item).metadata.namespace
    except UNDECODABLE:
        return ""


def _head(item: Any) -> Head:
    return msgspec.convert(item, Head) if isinstance(item, dict) else msgspec.json.decode(item, type=Head)
