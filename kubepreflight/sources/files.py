"""Files and folders offline: manifests, dumps, archives, host archives, snapshots, logs: all told by their content."""

from __future__ import annotations

import fnmatch
import io
import os
import posixpath
import stat
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from kubepreflight.errors import SourceError
from kubepreflight.finding import Gap
from kubepreflight.progress import SILENT, Progress
from kubepreflight.report import SourceRecord
from kubepreflight.snapshot import Collector
from kubepreflight.sources.helm_output import places
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.host_files import CUT_OFF
from kubepreflight.sources.host.members import host_prefixes, is_member
from kubepreflight.sources.objects_in_files import ObjectsInFiles
from kubepreflight.sources.rendered_files import RenderedFiles
from kubepreflight.sources.rendering import Renderer
from kubepreflight.sources.request_files import SUFFIXES, Peeked, RequestFiles
from kubepreflight.sources.snapshot_file import is_snapshot, read_snapshot
from kubepreflight.sources.tree import (
    ArchiveError,
    Entry,
    archive_entries,
    folder_entries,
    is_archive,
    joined,
    read_whole,
)

TEXT_SUFFIXES = (".yaml", ".yml", ".json")
ARCHIVE_SUFFIXES = (".tar", ".tgz", ".gz", ".zip")
READ = (*TEXT_SUFFIXES, *ARCHIVE_SUFFIXES)


class FileSource:
    """Reads what was named. `exclude` are globs over paths, as shown or below what was named, or over names of files.

    `render` makes what renders charts and kustomizations in folders; without it they are named as not rendered.
    """

    def __init__(
        self,
        paths: Sequence[str],
        exclude: Sequence[str] = (),
        progress: Progress = SILENT,
        render: Callable[[Collector], Renderer] | None = None,
    ) -> None:
        self.paths = paths
        self.exclude = exclude
        self.progress = progress
        self.render = render

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
        collector.add_roots(_roots(self.paths))
        for name in self.paths:
            with self.progress.step(name):
                renderer = self.render(collector) if self.render is not None else None
                reading = _Reading(collector, name, self.paths, self.exclude, renderer)
                reading.read()
                reading.finish()


class _Reading:
    """One named path, of several."""

    def __init__(
        self,
        collector: Collector,
        name: str,
        paths: Sequence[str],
        exclude: Sequence[str],
        renderer: Renderer | None,
    ) -> None:
        self.collector = collector
        self.name = name
        self.paths = paths
        # A file is called as it would be typed here: two folders may each have one of that name, and remedies name it.
        self.is_folder = name != "-" and Path(name).is_dir()
        self.prefix = _folder(name)
        self.exclude = exclude
        self.hosts = self.snapshots = self.problems = self.excluded = 0
        self.requests = RequestFiles(collector)
        self.objects = ObjectsInFiles(collector, self.gap, self.holds)
        rendered = renderer if self.is_folder else None
        self.rendered = RenderedFiles(rendered, self.objects, self.gap) if rendered else None

    def read(self) -> None:
        path = Path(self.name)
        if self.name == "-":
            self.file("standard input", sys.stdin.buffer)
        elif self.is_folder:
            entries = folder_entries(path, lambda below, why: self.refuse(joined(self.prefix, below), why))
            self.tree(list(entries), self.prefix, path.name)
        elif not self.is_excluded(shown := joined(self.prefix, path.name)):
            try:
                stream = path.open("rb")
            except OSError as error:
                raise SourceError(f"{self.name}: {error.strerror}") from error
            with stream:
                self.file(shown, stream)

    def file(self, shown: str, stream: IO[bytes]) -> None:
        """One named file. Of a pipe nothing can be read twice, so it is read whole before it is looked at."""
        if stream.seekable() and is_snapshot(stream):
            self.snapshots += 1
            read_snapshot(self.collector, stream, self.name)
            return
        try:
            peeked = Peeked(stream)
            if not self.requests.take(shown, peeked):
                self.content(shown, read_whole(peeked))
        except OSError as error:
            raise SourceError(f"{self.name if self.name != '-' else shown}: {error.strerror or error}") from error

    def finish(self) -> None:
        self.objects.finish()
        found_objects = self.objects.lists or self.objects.objects
        found_requests = self.requests.logs or self.requests.metrics
        rendered = self.rendered.told() if self.rendered else []
        anything = found_objects or found_requests or rendered or self.hosts or self.problems or self.excluded
        if not anything and self.snapshots:
            return
        if not anything:
            what = "no Kubernetes object in YAML or JSON, no host archive, no snapshot"
            if self.objects.kubeconfigs:
                what = f"it is a kubeconfig, for a live scan: kubepreflight scan --kubeconfig {self.name}"
            raise SourceError(f"{self.name} holds nothing to look at: {what}")
        counts = ((self.objects.objects, "object"), (self.hosts, "host"), (self.requests.logs, "audit log"))
        found = [f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts if count]
        found += ["metrics"] if self.requests.metrics else []
        found += rendered
        found += [f"{self.excluded} left out"] if self.excluded else []
        self.collector.add_source(SourceRecord(kind="files", name=self.name, detail=", ".join(found)))

    def tree(self, entries: list[Entry], where: str, name: str, *, cut_off: bool = False) -> None:
        """All files of a folder or an archive: the hosts among them as hosts, the rest one by one."""
        prefixes = host_prefixes([entry.path for entry in entries])
        self.objects.charts |= {
            joined(where, entry.path.rpartition("/")[0]) for entry in entries if _base(entry.path) == "Chart.yaml"
        }
        done = self.render(self.objects.charts) if where == self.prefix else ()
        hosts: dict[str, dict[str, Callable[[], bytes]]] = {}
        for entry in entries:
            shown = joined(where, entry.path)
            if self.is_excluded(shown) or shown.startswith(done):
                continue
            prefix = next((one for one in prefixes if is_member(entry.path, one)), None)
            if prefix is not None:
                hosts.setdefault(prefix, {})[entry.path.removeprefix(prefix)] = entry.read
            elif self.tells_requests(shown, entry) or (not entry.path.endswith(READ) and entry.path):
                continue
            elif (data := self.bytes_of(shown, entry.read)) is not None:
                self.content(shown, data)
        last = list(hosts)[-1:] if cut_off else []
        for prefix, files in hosts.items():
            if prefix in last:
                files[CUT_OFF] = bytes
            self.host(joined(where, prefix.rstrip("/")), files, PurePosixPath(prefix).name or _stem(name))

    def render(self, charts: Iterable[str]) -> tuple[str, ...]:
        """Render the charts that are not excluded. Returns the beginnings of the paths that it makes superfluous."""
        if self.rendered is None:
            return ()
        return self.rendered.render_charts(one for one in charts if not self.matches(joined(one, "Chart.yaml")))

    def tells_requests(self, shown: str, entry: Entry) -> bool:
        """Whether it is an audit log or the like, which may be too large to be read whole."""
        if not entry.path.endswith(SUFFIXES):
            return False
        try:
            with entry.open() as stream:
                return self.requests.take(shown, Peeked(stream))
        except OSError:
            return False

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
        elif not self.requests.take(shown, Peeked(io.BytesIO(data))):
            self.objects.take(shown, data, places(shown, data) if self.name == "-" else None)

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

    def host(self, shown: str, files: Mapping[str, Callable[[], bytes]], name: str) -> None:
        self.hosts += 1
        content = {
            path: data for path, read in files.items() if (data := self.bytes_of(f"{shown}/{path}", read)) is not None
        }
        folder = self.name.rstrip("/") if self.is_folder and not self.prefix else ""
        self.collector.add_host(read_host(content, joined(folder, shown).rstrip("!"), name), content)

    def holds(self, archive: str, path: str) -> bool:
        """Whether a path, from the archive's root or from what was named, lies in what is read."""
        if archive:
            return posixpath.normpath(path).partition("/")[0] not in ("..", "")
        where = Path(os.path.realpath(path))
        return self.name != "-" and any(where.is_relative_to(os.path.realpath(one)) for one in self.paths if one != "-")

    def is_excluded(self, shown: str) -> bool:
        hit = self.matches(shown)
        self.excluded += hit
        return hit

    def matches(self, shown: str) -> bool:
        """Whether one of the globs is about a path."""
        below = shown.removeprefix(f"{self.prefix}/") if self.prefix else shown
        names = (shown, below, f"{self.name.rstrip('/')}/{below}", _base(shown))
        return any(fnmatch.fnmatch(name, glob.removeprefix("./")) for glob in self.exclude for name in names)

    def refuse(self, shown: str, reason: str) -> None:
        if not self.is_excluded(shown):
            self.gap(shown, reason, "leave it out: --exclude")

    def gap(self, subject: str, reason: str, how: str) -> None:
        self.problems += 1
        self.collector.add_gap(Gap(input="files", subject=subject, reason=reason, how=how, asked=True))


def _roots(paths: Sequence[str]) -> dict[str, str]:
    """Where the folder of each path, as it was typed, lies below the one that holds them all."""
    folders = {one: str(Path(one).resolve()) for one in map(_folder, (path for path in paths if path != "-"))}
    common = os.path.commonpath(folders.values()) if folders else ""
    return {typed: os.path.relpath(path, common) if path != common else "" for typed, path in folders.items()}


def _folder(name: str) -> str:
    """The folder that is named, or that the named file lies in, as it was typed; empty for this one."""
    folder = name if name != "-" and Path(name).is_dir() else posixpath.dirname(name)
    return posixpath.normpath(folder) if Path(folder) != Path() else ""


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _stem(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".tar").removesuffix(".tgz").removesuffix(".zip")
