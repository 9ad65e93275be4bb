"""The live cluster: lists of just the kinds that some rule asks for, in pages, side by side, as raw bytes.

No write, no watch. Whatever the server refuses or fails to give ends as a gap of that kind; the rest is still read.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec

from kubepreflight.decoding import UNDECODABLE
from kubepreflight.errors import SourceError
from kubepreflight.finding import Gap
from kubepreflight.objects import Api
from kubepreflight.progress import SILENT, Progress
from kubepreflight.report import Cluster, SourceRecord
from kubepreflight.semantics.api_requests import ApiServerMetrics
from kubepreflight.snapshot import Collector
from kubepreflight.sources.connection import VERSION, ApiError, Connection
from kubepreflight.sources.metrics import metrics_of
from kubepreflight.sources.paging import pages_of
from kubepreflight.sources.unreachable import advice, next_step
from kubepreflight.upgrade import ServerVersion
from kubepreflight.version import Version

SIDE_BY_SIDE = 4
PAGES_AHEAD = 4
"""How many fetched pages may wait to be decoded; more would only fill memory."""


_METRICS = Api("", "", "metrics")
"""How progress calls what is no kind."""


class _GroupVersion(msgspec.Struct, rename="camel"):
    group_version: str = ""


class _Group(msgspec.Struct, rename="camel"):
    name: str = ""
    versions: list[_GroupVersion] = []
    preferred_version: _GroupVersion = msgspec.field(default_factory=_GroupVersion)


class _Groups(msgspec.Struct):
    groups: list[_Group] = []


class _Resource(msgspec.Struct):
    name: str = ""
    kind: str = ""
    namespaced: bool = False


class _Resources(msgspec.Struct):
    resources: list[_Resource] = []


class _GitVersion(msgspec.Struct, rename="camel"):
    git_version: str = ""


class _Fetched(msgspec.Struct):
    """What a fetching thread hands over: a page, a failure, or the end of one kind; or a fact beside them."""

    api: Api
    page: bytes = b""
    api_version: str = ""
    error: ApiError | None = None
    fact: object | None = None
    done: bool = False
    seconds: float = 0.0


def read_cluster(collector: Collector, connection: Connection, progress: Progress = SILENT) -> None:
    """Read everything that the collector's rules want. Raises SourceError when there is no usable server at all."""
    version = _version(connection)
    collector.give(ServerVersion(version))
    collector.give(connection.credential)
    collector.give(Cluster(name=connection.context, server=connection.server))
    collector.add_source(
        SourceRecord(kind="cluster", name=connection.context, detail=f"{connection.server}, {version}")
    )
    with progress.step("discovery"):
        served = _Discovery(connection)
        paths: dict[Api, str] = {}
        for api in collector.apis():
            _locate(api, served, paths, collector)
    _fetch_all(connection, paths, collector, progress)


def _version(connection: Connection) -> Version:
    try:
        return Version.parse(msgspec.json.decode(connection.get(VERSION), type=_GitVersion).git_version)
    except ApiError as error:
        raise _unusable(connection, "does not answer", error) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise SourceError(f"{connection.server} does not answer like a Kubernetes API server: {error}") from error


def _unusable(connection: Connection, what: str, error: ApiError) -> SourceError:
    todo = advice(error.status, error, connection.credential, connection.as_user)
    return SourceError(f"the API server {connection.server} {what}: {error}. {todo}".rstrip())


class _Discovery:
    """Which versions of which groups the server has, asked for as they are needed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        try:
            groups = msgspec.json.decode(connection.get("/apis"), type=_Groups).groups
        except ApiError as error:
            raise _unusable(connection, "does not say what it serves", error) from error
        except msgspec.DecodeError as error:
            raise SourceError(f"the API server {connection.server} does not say what it serves: {error}") from error
        self._groups = {group.name: group for group in groups}
        self._resources: dict[str, frozenset[tuple[str, str]] | ApiError] = {}

    def versions(self, group: str) -> Iterator[str]:
        """The group's versions, the preferred one first: `apps/v1`."""
        if not group:
            yield "v1"
        elif group in self._groups:
            found = self._groups[group]
            yield found.preferred_version.group_version
            for one in found.versions:
                if one.group_version != found.preferred_version.group_version:
                    yield one.group_version

    def serves(self, group_version: str, api: Api) -> bool:
        """Whether a version has this kind. Raises ApiError."""
        if group_version not in self._resources:
            self._resources[group_version] = self._ask(group_version)
        resources = self._resources[group_version]
        if isinstance(resources, ApiError):
            raise resources
        return (api.plural, api.kind) in resources

    def _ask(self, group_version: str) -> frozenset[tuple[str, str]] | ApiError:
        """What one version serves, or why it does not say; asked once, whatever the answer."""
        try:
            body = self._connection.get(_root(group_version))
            resources = msgspec.json.decode(body, type=_Resources).resources
        except ApiError as error:
            return error
        except msgspec.DecodeError as error:
            return ApiError(0, f"{_root(group_version)} is no resource list: {error}")
        return frozenset((one.name, one.kind) for one in resources)


def _root(group_version: str) -> str:
    return f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"


def _locate(api: Api, served: _Discovery, paths: dict[Api, str], collector: Collector) -> None:
    for group in (api.group, *api.also):
        for group_version in served.versions(group):
            try:
                found = served.serves(group_version, api)
            except ApiError as error:
                collector.fail(api.group, api.kind, _gap(api, error), *api.part)
                return
            if found:
                space = f"/namespaces/{api.namespace}" if api.namespace else ""
                paths[api] = f"{_root(group_version)}{space}/{api.plural}"
                return
    collector.mark_listed(api.group, api.kind)


def _gap(api: Api, error: ApiError) -> Gap:
    how = next_step(error.status, f"`list` of {api.resource}", api.group)
    return Gap(input=api.label, reason=str(error), how=how, asked=True)


def _fetch_all(connection: Connection, paths: dict[Api, str], collector: Collector, progress: Progress) -> None:
    pages: queue.Queue[_Fetched] = queue.Queue(PAGES_AHEAD)
    stop = threading.Event()  # set when nobody takes pages any more: an interrupt
    pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="fetch")
    try:
        if wants_metrics := ApiServerMetrics in collector.wanted.others:
            pool.submit(_fetch_metrics, connection, pages)
        for api, path in paths.items():
            pool.submit(_fetch, connection, api, path, pages, stop)
        left = len(paths) + wants_metrics
        while left:
            fetched = pages.get()
            left -= fetched.done
            _take(fetched, collector, progress)
    finally:
        stop.set()
        while not pages.empty():
            pages.get_nowait()
        pool.shutdown(wait=False, cancel_futures=True)


def _fetch(connection: Connection, api: Api, path: str, pages: queue.Queue[_Fetched], stop: threading.Event) -> None:
    started = time.monotonic()
    error: ApiError | None = None
    try:
        selector = f"metadata.name={api.name}" if api.name else api.selector
        for page in pages_of(connection, path, selector, api.labels):
            if stop.is_set():
                return
            pages.put(_Fetched(api, *page))
    except ApiError as failure:
        error = failure
    except Exception as failure:  # a thread that died in silence would be waited for for ever
        error = ApiError(0, f"{type(failure).__name__}: {failure}")
    pages.put(_Fetched(api, error=error, done=True, seconds=time.monotonic() - started))


def _fetch_metrics(connection: Connection, pages: queue.Queue[_Fetched]) -> None:
    started = time.monotonic()
    fact = metrics_of(connection)
    pages.put(_Fetched(_METRICS, fact=fact, done=True, seconds=time.monotonic() - started))


def _take(fetched: _Fetched, collector: Collector, progress: Progress) -> None:
    api = fetched.api
    if fetched.done:
        if fetched.fact is not None:
            collector.give(fetched.fact)
        elif fetched.error is not None:
            collector.fail(api.group, api.kind, _gap(api, fetched.error), *api.part)
        else:
            collector.mark_listed(api.group, api.kind, *api.part)
        progress.did(api.resource, fetched.seconds)
        return
    progress.doing(api.resource)
    try:
        collector.add_page(fetched.page, fetched.api_version, api.kind)
    except UNDECODABLE as error:
        collector.fail(api.group, api.kind, _gap(api, ApiError(0, f"the answer is no list: {error}")), *api.part)
