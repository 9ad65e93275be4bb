"""Files and folders offline: manifests, dumps, archives, host archives, our own snapshots, told by their content."""

from __future__ import annotations

import fnmatch
import io
import re
import stat
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

import msgspec

from kubepreflight.decoding import UNDECODABLE, Head, ListHead, Raw
from kubepreflight.errors import SourceError
from kubepreflight.finding import Gap
from kubepreflight.objects import Origin, is_desired
from kubepreflight.progress import SILENT, Progress
from kubepreflight.report import SourceRecord
from kubepreflight.snapshot import Collector, ManifestHeader
from kubepreflight.sources.host.archive import CUT_OFF, read_host
from kubepreflight.sources.snapshot_file import FORMAT, is_snapshot, read_snapshot
from kubepreflight.sources.tree import ArchiveError, Entry, archive_entries, folder_entries, is_archive
from kubepreflight.sources.yaml_reader import Document, Header, Problem, read_documents

TEXT_SUFFIXES = (".yaml", ".yml", ".json")
ARCHIVE_SUFFIXES = (".tar", ".tgz", ".gz", ".zip")
HOST_FILES = ("host.json", "private-keys.txt", "unreadable.txt")
HOST_FOLDERS = ("files/", "commands/")
_HOST = re.compile(r"(?<![^/])(?:host\.json$|(?P<folder>commands/|files/(?P<node>etc/kubernetes/|var/lib/kubelet/)?))")
KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
"""What kustomize takes for granted in a file of one of these names."""
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml")


class _JsonHead(ListHead):
    """The head of a JSON file. `format` is what our own files have in place of a kind."""

    format: str = ""


class FileSource:
    """Reads what was named. `exclude` are globs over paths as reports show them, or over file names."""

    def __init__(self, paths: Sequence[str], exclude: Sequence[str] = (), progress: Progress = SILENT) -> None:
        self.paths = paths
        self.exclude = exclude
        self.progress = progress

    def __call__(self, collector: Collector) -> None:
        """Read all of them. Raises SourceError for a path that does not exist or that holds nothing for us."""
        for name in self.paths:
            if not name:
                raise SourceError("one of the paths is empty; for this folder write .")
            try:
                mode = Path(name).stat().st_mode if name != "-" else stat.S_IFREG
            except FileNotFoundError as error:
                raise SourceError(f"{name}: no such file or folder") from error
            except OSError as error:
                raise SourceError(f"{name}: {error.strerror}") from error
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                raise SourceError(f"{name}: a device, not a file or a folder")
        for name in self.paths:
            with self.progress.step(name):
                reading = _Reading(collector, name, self.exclude)
                reading.read()
                reading.finish()


class _Reading:
    """One named path."""

    def __init__(self, collector: Collector, name: str, exclude: Sequence[str]) -> None:
        self.collector = collector
        self.name = name
        self.exclude = exclude
        self.objects = self.lists = self.hosts = self.snapshots = self.problems = self.excluded = 0
        self.charts: dict[str, int] = {}
        self.folders_of_charts: frozenset[str] = frozenset()

    def read(self) -> None:
        path = Path(self.name)
        if self.name == "-":
            self.content("standard input", sys.stdin.buffer.read())
        elif path.is_dir():
            self.tree(list(folder_entries(path, self.refuse)), "", path.name)
        else:
            try:
                stream = path.open("rb")
            except OSError as error:
                raise SourceError(f"{self.name}: {error.strerror}") from error
            with stream:
                self.file(path.name, stream)

    def file(self, shown: str, stream: IO[bytes]) -> None:
        """One named file. Of a pipe nothing can be read twice, so it is read whole before it is looked at."""
        if stream.seekable() and is_snapshot(stream):
            self.snapshots += 1
            read_snapshot(self.collector, stream, self.name)
        else:
            try:
                data = stream.read()
            except OSError as error:
                raise SourceError(f"{self.name}: {error.strerror}") from error
            self.content(shown, data)

    def finish(self) -> None:
        if self.snapshots and not (self.lists or self.objects or self.hosts or self.problems):
            return
        for chart, count in sorted(self.charts.items()):
            self.gap(
                chart,
                f"an unrendered Helm chart: {count} of its templates cannot be read as they are",
                f"render it: helm template NAME {chart} | kubepreflight scan -   (or --exclude '{chart}/*')",
            )
        if not (self.lists or self.objects or self.hosts or self.snapshots or self.problems or self.excluded):
            what = "no Kubernetes object in YAML or JSON, no host archive, no snapshot"
            raise SourceError(f"{self.name} holds nothing to look at: {what}")
        found = [f"{self.objects} object{'s' if self.objects > 1 else ''}"] if self.objects else []
        found += [f"{self.hosts} host{'s' if self.hosts > 1 else ''}"] if self.hosts else []
        self.collector.add_source(SourceRecord(kind="files", name=self.name, detail=", ".join(found)))

    def tree(self, entries: list[Entry], where: str, name: str, *, cut_off: bool = False) -> None:
        """All files of a folder or an archive: the hosts among them as hosts, the rest one by one."""
        prefixes = host_prefixes([entry.path for entry in entries])
        self.folders_of_charts |= {
            _join(where, str(PurePosixPath(entry.path).parent))
            for entry in entries
            if _base(entry.path) == "Chart.yaml"
        }
        hosts: dict[str, dict[str, Callable[[], bytes]]] = {}
        for entry in entries:
            shown = _join(where, entry.path)
            if self.is_excluded(shown):
                continue
            prefix = next((one for one in prefixes if _of_host(entry.path, one)), None)
            if prefix is not None:
                hosts.setdefault(prefix, {})[entry.path.removeprefix(prefix)] = entry.read
            elif not entry.path.endswith((*TEXT_SUFFIXES, *ARCHIVE_SUFFIXES)) and entry.path:
                continue
            elif (data := self.bytes_of(shown, entry.read)) is not None:
                self.content(shown, data)
        last = list(hosts)[-1:] if cut_off else []
        for prefix, files in hosts.items():
            if prefix in last:
                files[CUT_OFF] = bytes
            self.host(_join(where, prefix.rstrip("/")), files, PurePosixPath(prefix).name or _stem(name))

    def bytes_of(self, shown: str, read: Callable[[], bytes]) -> bytes | None:
        try:
            return read()
        except OSError as error:
            self.gap(
                shown, f"cannot be read: {error.strerror or error}", "make it readable, or leave it out: --exclude"
            )
            return None

    def content(self, shown: str, data: bytes) -> None:
        """One file, told by its content."""
        if is_archive(data[:512]):
            self.archive(shown, data)
        elif data[:1] == b"{" or data.lstrip()[:1] == b"{":
            self.json(shown, data)
        else:
            self.documents(shown, data)

    def archive(self, shown: str, data: bytes) -> None:
        if is_snapshot(io.BytesIO(data)):
            self.snapshots += 1
            try:
                read_snapshot(self.collector, io.BytesIO(data), shown)
            except SourceError as error:
                self.gap(shown, str(error), "make the snapshot again, or leave it out: --exclude")
            return
        if shown.count("!") > 1:
            self.gap(shown, "an archive within an archive within an archive", "unpack it")
            return
        entries: list[Entry] = []
        cut_off = False
        try:
            entries.extend(archive_entries(data, lambda name, why: self.refuse(f"{shown}!{name}", why)))
        except ArchiveError as error:
            cut_off = True
            self.gap(shown, f"the archive was read in part: {error}", "make it again, or leave it out: --exclude")
        self.tree(entries, shown + "!", _base(shown), cut_off=cut_off)

    def json(self, shown: str, data: bytes) -> None:
        try:
            head = msgspec.json.decode(data, type=_JsonHead)
        except UNDECODABLE:
            self.documents(shown, data)
            return
        if head.format == FORMAT:
            self.gap(shown, "a snapshot that was unpacked", "name the tar.gz itself")
        elif (items := head.listed) is not None and head.api_version:
            origin = Origin(shown)
            self.list(head, origin, [(item, origin) for item in items])
        elif head.kind and head.api_version:
            self.object(head, data, Origin(shown, 1))
        else:
            self.bare(shown, head.items or ())

    def list(self, head: Head, origin: Origin, items: Sequence[tuple[Any, Origin]]) -> None:
        self.lists += 1
        self.objects += len(items)
        self.collector.add_list(head, origin, items, _namespace_of(origin.file, [item for item, _ in items]))

    def object(self, head: Head, value: Raw | dict[str, Any], origin: Origin) -> None:
        kind = head.kind.removesuffix("List")
        if kind != head.kind and (not kind or self.collector.wants(head.api_version, kind, desired=False)):
            self.gap(f"{origin.file}:{origin.line}", f"a {head.kind} without items", "mend it, or --exclude the file")
            return
        self.objects += 1
        if isinstance(value, dict):
            self.collector.add_value(value, origin, alone=True)
        else:
            self.collector.add_raw(value, origin, alone=True)

    def bare(self, shown: str, items: Sequence[Any]) -> None:
        """What is no object is none of ours, unless it holds some."""
        try:
            first = _head(items[0])
        except (*UNDECODABLE, IndexError, TypeError):
            return
        if first.kind or first.metadata.name:
            how = 'make a list of it: {"apiVersion": "v1", "kind": "List", "items": [...]}'
            self.gap(shown, "objects in an array, which kubectl does not read either", how)

    def documents(self, shown: str, data: bytes) -> None:
        defaults = KUSTOMIZATION if _base(shown) in KUSTOMIZATION_FILES else {}
        for document in read_documents(data, wants=None if defaults else self.wants):
            match document:
                case Problem():
                    self.problem(shown, document)
                case Header():
                    self.header(shown, document)
                case Document():
                    self.document(shown, document, defaults)

    def wants(self, header: Header) -> bool:
        # What has one of the two may have the other in a wrong type: it is read whole, for that to be told.
        if bool(header.api_version) != bool(header.kind):
            return True
        desired = is_desired(header.api_version, header.kind, header.uid)
        return self.collector.wants(header.api_version, header.kind, desired=desired)

    def header(self, shown: str, header: Header) -> None:
        if not (header.api_version and header.kind):
            return
        self.objects += 1
        if is_desired(header.api_version, header.kind, header.uid):
            origin = Origin(shown, header.line)
            self.collector.add_header(
                ManifestHeader(header.api_version, header.kind, header.namespace, header.name, origin)
            )

    def document(self, shown: str, document: Document, defaults: Mapping[str, str]) -> None:
        value = document.value
        if isinstance(value, dict):
            value = {**defaults, **value}
            if value.get("kind") and value.get("apiVersion"):
                self.value(value, Origin(shown, document.line), document.item_lines)
                return
            value = value.get("items")
        if isinstance(value, list):
            self.bare(shown, value)

    def value(self, value: dict[str, Any], origin: Origin, item_lines: Sequence[int]) -> None:
        try:
            head = msgspec.convert(value, Head)
        except msgspec.ValidationError:
            self.objects += 1
            self.collector.add_value(value, origin)
            return
        items = value.get("items", ()) or []
        if "items" in value and isinstance(items, list) and head.kind.endswith("List"):
            lines = item_lines or [origin.line] * len(items)
            self.list(
                head, origin, [(item, Origin(origin.file, line)) for item, line in zip(items, lines, strict=True)]
            )
        else:
            self.object(head, value, origin)

    def problem(self, shown: str, problem: Problem) -> None:
        chart = next((one for one in self.folders_of_charts if one and shown.startswith(f"{one}/templates/")), None)
        if problem.template and chart is not None:
            self.charts[chart] = self.charts.get(chart, 0) + 1
            self.problems += 1
            return
        reason = (
            f"{problem.message}; it looks like a template that was not rendered"
            if problem.template
            else problem.message
        )
        self.gap(f"{shown}:{problem.line}", reason, "mend it, or leave it out: --exclude")

    def host(self, shown: str, files: Mapping[str, Callable[[], bytes]], name: str) -> None:
        self.hosts += 1
        content = {
            path: data for path, read in files.items() if (data := self.bytes_of(f"{shown}/{path}", read)) is not None
        }
        self.collector.add_host(read_host(content, shown, name), content)

    def is_excluded(self, shown: str) -> bool:
        names = (shown, f"{self.name.rstrip('/')}/{shown}", _base(shown))
        hit = any(fnmatch.fnmatch(name, glob) for glob in self.exclude for name in names)
        self.excluded += hit
        return hit

    def refuse(self, shown: str, reason: str) -> None:
        if not self.is_excluded(shown):
            self.gap(shown, reason, "leave it out: --exclude")

    def gap(self, subject: str, reason: str, how: str) -> None:
        self.problems += 1
        self.collector.add_gap(Gap(input="files", subject=subject, reason=reason, how=how, asked=True))


def host_prefixes(names: Iterable[str]) -> tuple[str, ...]:
    """The folders, with a final slash, that are host archives.

    These are what the collector makes (a host.json with something beside it: others have files of that name), and bare
    copies of a node's files in `files/`, told by what only a node of Kubernetes has there.
    """
    heads: set[str] = set()
    bodies: set[str] = set()
    for name in names:
        for match in _HOST.finditer(name):
            (bodies if match["folder"] else heads).add(name[: match.start()])
            if match["node"]:
                heads.add(name[: match.start()])
    return tuple(sorted(heads & bodies, key=len, reverse=True))


def _of_host(path: str, prefix: str) -> bool:
    rest = path.removeprefix(prefix)
    return path.startswith(prefix) and (rest in HOST_FILES or rest.startswith(HOST_FOLDERS))


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


def _join(where: str, name: str) -> str:
    return f"{where}{name}" if where.endswith("!") else f"{where}/{name}" if where else name


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _stem(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".tar").removesuffix(".tgz").removesuffix(".zip")
