"""Everything known about one cluster at one moment, and what could not be read, and why.

Sources fill a `Collector`; it decodes what some rule asks for, drops the rest, and turns into a read-only `Snapshot`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from kubepreflight.decoding import UNDECODABLE, Head, ListHead, Page, Raw, Reader, is_desired, with_names
from kubepreflight.finding import Gap, Subject
from kubepreflight.host import Host
from kubepreflight.inputs import Wanted, to_list
from kubepreflight.objects import Api, K, KubernetesObject, Origin, group_of
from kubepreflight.report import SourceRecord

Kind = tuple[str, str]
"""Group and kind: ("apps", "Deployment")."""

Part = tuple[str, str, str, str]
"""Group and kind, and `Api.part`: the namespace, and the name or selector, to which it is narrowed."""


MEND = "mend it, or leave it out with --exclude"


class ManifestHeader(msgspec.Struct, frozen=True):
    """The head of one desired object of any kind: what it is and where it stands."""

    api_version: str
    kind: str
    namespace: str
    name: str
    origin: Origin

    @property
    def subject(self) -> Subject:
        """How reports name it."""
        return Subject(
            api_version=self.api_version,
            kind=self.kind,
            namespace=self.namespace,
            name=self.name,
            file=self.origin.file,
            line=self.origin.line,
        )


class ManifestHeaders(msgspec.Struct, frozen=True):
    """The heads of all desired objects, of those too whose bodies nobody reads."""

    all: tuple[ManifestHeader, ...]


class HostArchives(msgspec.Struct, frozen=True):
    """Every host archive as it was given: which of them count, and for which node, is for `HostIdentities` to say."""

    all: tuple[Host, ...]


class Recorder(Protocol):
    """Keeps what was read as it was read, for `kubepreflight snapshot`."""

    def record(
        self, api_version: str, kind: str, value: Raw | dict[str, Any], origin: Origin, *, desired: bool
    ) -> None:
        """Keep one object. Raises what UNDECODABLE names when it cannot be kept."""

    def record_host(self, host: Host, files: Mapping[str, bytes]) -> None:
        """Keep one host archive."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What is known. `listed` are the kinds of which everything was read (an empty list is then the truth), `parts`
    those of which everything was read that has a namespace or a name; `failures` the gaps of kinds and items that could
    not be read, `part_failures` those of such parts; `given` facts of the scan by their class. `roots` say of folders,
    as they were typed, where they lie below the folder that holds all that was named."""

    observed: Mapping[type[KubernetesObject], list[Any]]
    desired: Mapping[type[KubernetesObject], list[Any]]
    listed: frozenset[Kind]
    failures: Mapping[Kind, tuple[Gap, ...]]
    headers: tuple[ManifestHeader, ...]
    manifests_given: bool
    hosts: tuple[Host, ...]
    hosts_asked: bool
    given: Mapping[type, Any]
    gaps: tuple[Gap, ...]
    sources: tuple[SourceRecord, ...]
    opted_in: frozenset[str] = frozenset()
    parts: frozenset[Part] = frozenset()
    part_failures: Mapping[Part, tuple[Gap, ...]] = {}
    roots: Mapping[str, str] = {}

    def gaps_of(self, api: Api) -> tuple[Gap, ...]:
        """What could not be read of that which this asks for."""
        groups = (api.group, *api.also)
        whole = (gap for group in groups for gap in self.failures.get((group, api.kind), ()))
        parts = (gap for group in groups for gap in self.part_failures.get((group, api.kind, *api.part), ()))
        return (*whole, *parts)

    def has_listed(self, api: Api) -> bool:
        """Whether all was read that this asks for, under whichever of its groups."""
        return any(
            (group, api.kind) in self.listed
            or (group, api.kind, *api.part) in self.parts
            or (group, api.kind, api.namespace, "") in self.parts
            for group in (api.group, *api.also)
        )


class Collector:
    """Takes what sources read. Not safe for several threads at once: a source that fetches side by side adds in one."""

    def __init__(
        self, wanted: Wanted, recorder: Recorder | None = None, opted_in: frozenset[str] = frozenset()
    ) -> None:
        self.wanted = wanted
        self.opted_in = opted_in
        self.given: dict[type, Any] = {}
        self.manifests_given = False
        self.hosts_asked = False
        self._recorder = recorder
        self._observed: dict[type[KubernetesObject], list[Any]] = {kind: [] for kind in wanted.observed}
        self._desired: dict[type[KubernetesObject], list[Any]] = {kind: [] for kind in wanted.desired}
        self._structs: dict[tuple[bool, str, str], tuple[Reader, ...]] = {}
        self._listed: set[Kind] = set()
        self._empty: set[Kind] = set()
        self._parts: set[Part] = set()
        self._failures: dict[Kind, list[Gap]] = {}
        self._part_failures: dict[Part, list[Gap]] = {}
        self._headers: list[ManifestHeader] = []
        self._hosts: list[Host] = []
        self._gaps: list[Gap] = []
        self._sources: list[SourceRecord] = []
        self._roots: dict[str, str] = {}

    def apis(self) -> tuple[Api, ...]:
        """What to fetch from a cluster, with what the user opted in to; sorted."""
        return to_list(kind for kind in self.wanted.observed if not kind.opt_in or kind.opt_in in self.opted_in)

    def seen(self, kind: type[K]) -> Sequence[K]:
        """What was read so far of a kind that some rule wants; for sources that look where the cluster points."""
        return self._observed.get(kind, ())

    def wants(self, api_version: str, kind: str, *, desired: bool) -> bool:
        """Whether some rule reads objects of this kind; what nobody reads need not be decoded."""
        return bool(self._readers(api_version, kind, desired))

    def add_raw(
        self,
        raw: Raw,
        origin: Origin,
        *,
        api_version: str = "",
        kind: str = "",
        desired: bool | None = None,
        alone: bool = False,
    ) -> None:
        """Take one object as JSON, or a list of them. What it is may be said by the caller (items of a list that carry
        no kind); `desired` is told from its uid unless it is given. An object that cannot be decoded becomes a gap.

        Of an observed one it is believed that all others of its kind came with it, unless it came `alone` or the caller
        says with `desired` that it knows what it gives.
        """
        head: Head = Head(api_version, kind)
        told = desired is None
        if told or not (api_version and kind):
            try:
                found = msgspec.json.decode(raw, type=ListHead)
            except UNDECODABLE as error:
                self._broken(head, origin, f"cannot be decoded: {error}")
                return
            if (items := found.listed) is not None:
                self.add_list(found, origin, ((item, origin) for item in items))
                return
            head = Head(found.api_version or api_version, found.kind or kind, found.metadata)
        self._take(head, raw, origin, _is_desired(head, desired), told and not alone)

    def add_page(self, page: bytes, api_version: str, kind: str) -> None:
        """Take the observed objects of one kind, in a list as an API server sends it, or in one page of it.

        An object that cannot be decoded becomes a gap. Raises what UNDECODABLE names for what is no list.
        """
        head, origin = Head(api_version, kind), Origin()
        readers = self._readers(api_version, kind, False) if api_version and self._recorder is None else ()
        try:
            found = [(reader, reader.read_page(page)) for reader in readers]
        except UNDECODABLE:  # an object's fault, or the page's
            readers = ()
        if not readers:
            for item in msgspec.json.decode(page, type=Page[msgspec.Raw]).items or ():
                self._take(head, item, origin, False, False)
            return
        for reader, items in found:
            for one in items:
                self._see(head, reader.api, reader.keep(one, head, origin), False)

    def add_value(
        self, value: dict[str, Any], origin: Origin, *, desired: bool | None = None, alone: bool = False
    ) -> None:
        """Take one object as plain dicts and lists, as a YAML reader makes them; otherwise like `add_raw`."""
        try:
            head = msgspec.convert(value, Head)
        except msgspec.ValidationError as error:
            broken = Head(str(value.get("apiVersion", "")), str(value.get("kind", "")))
            self._broken(broken, origin, f"cannot be decoded: {error}")
            return
        items = value.get("items")
        if head.kind.endswith("List") and isinstance(items, list):
            self.add_list(head, origin, ((item, origin) for item in items))
        else:
            self._take(head, value, origin, _is_desired(head, desired), desired is None and not alone)

    def add_list(self, head: Head, origin: Origin, items: Iterable[tuple[Any, Origin]], namespace: str = "") -> None:
        """Take the items of a list, as JSON or as dicts. In a typed one (`PodList`) they may carry no kind; and it says
        that its kind was listed, be it empty, unless it goes on or holds manifests; or that one `namespace` of it was.
        """
        kind = head.kind.removesuffix("List")
        same = {"apiVersion": head.api_version, "kind": kind} if kind else {}
        empty, manifests = True, len(self._headers)
        for item, where in items:
            empty = False
            if isinstance(item, dict):
                self.add_value(same | item, where, alone=bool(namespace))
            elif isinstance(item, Raw):
                version = head.api_version if kind else ""
                self.add_raw(item, where, api_version=version, kind=kind, alone=bool(namespace))
            else:
                self._broken(Head(head.api_version, kind), where, "an item of a list that is no object")
        if head.metadata.token:
            how = f"read it whole: kubectl get {kind or 'KIND'} -A -o json"
            self._broken(Head(head.api_version, kind), origin, "one page of a list that goes on", how)
        elif kind and namespace:
            self._parts.add((group_of(head.api_version), kind, namespace, ""))
        elif kind and empty:
            self._empty.add((group_of(head.api_version), kind))
        elif kind and len(self._headers) == manifests and self.wants(head.api_version, kind, desired=False):
            self.mark_listed(group_of(head.api_version), kind)

    def add_header(self, header: ManifestHeader) -> None:
        """Take the head of a desired object whose body nobody reads."""
        self.manifests_given = True
        self._headers.append(header)

    def add_host(self, host: Host, files: Mapping[str, bytes]) -> None:
        """Take one host and the files that it was read from, however many tell of one node."""
        self.hosts_asked = True
        self._gaps.extend(host.unreadable)
        self._hosts.append(host)
        if self._recorder is not None:
            self._recorder.record_host(host, files)

    def mark_listed(self, group: str, kind: str, namespace: str = "", name: str = "") -> None:
        """Say that every object of a kind was read, or of a namespace or a name; or that the cluster has no such kind.

        Of a kind that is only wanted in parts the others are not kept: they must not count as listed in a snapshot.
        """
        wanted = {one.api.part for one in self._readers(f"{group}/", kind, False)}
        if namespace or name:
            self._parts.add((group, kind, namespace, name))
        elif wanted and ("", "") not in wanted:
            self._parts.update((group, kind, *one) for one in wanted)
        else:
            self._listed.add((group, kind))

    def fail(self, group: str, kind: str, gap: Gap, namespace: str = "", name: str = "") -> None:
        """Say that a kind, or one object of it, could not be read; or just what has a namespace or a name."""
        if namespace or name:
            self._part_failures.setdefault((group, kind, namespace, name), []).append(gap)
        else:
            self._failures.setdefault((group, kind), []).append(gap)

    def add_gap(self, gap: Gap) -> None:
        """Say that something which belongs to no kind could not be read: a file, a host."""
        self._gaps.append(gap)

    def add_source(self, source: SourceRecord) -> None:
        """Say what was read."""
        self._sources.append(source)

    def add_sources(self, sources: Iterable[SourceRecord]) -> None:
        """Say what else was read."""
        self._sources.extend(sources)

    def add_roots(self, roots: Mapping[str, str]) -> None:
        """Say where folders, as they were typed, lie below the folder that holds all that was named."""
        self._roots |= roots

    def give(self, fact: object) -> None:
        """Supply a fact of the scan that rules ask for by its class; what can be `joined` with an earlier one is."""
        earlier = self.given.get(type(fact))
        join = getattr(fact, "joined", None)
        self.given[type(fact)] = fact if earlier is None or join is None else join(earlier)

    def snapshot(self) -> Snapshot:
        """What is known now. The collector must not be used afterwards."""
        # Where lists come by namespace, an empty one is of one namespace too, and nobody says of which.
        by_namespace = {(group, kind) for group, kind, _, name in self._parts if not name}
        for group, kind in self._empty - by_namespace:
            self.mark_listed(group, kind)
        return Snapshot(
            observed=self._observed,
            desired=self._desired,
            listed=frozenset(self._listed),
            parts=frozenset(self._parts),
            failures={kind: tuple(gaps) for kind, gaps in self._failures.items()},
            part_failures={part: tuple(gaps) for part, gaps in self._part_failures.items()},
            headers=tuple(dict.fromkeys(self._headers)),
            manifests_given=self.manifests_given,
            hosts=tuple(sorted(self._hosts, key=lambda host: host.name)),
            hosts_asked=self.hosts_asked,
            given=self.given,
            gaps=tuple(dict.fromkeys(self._gaps)),
            sources=tuple(dict.fromkeys(self._sources)),
            opted_in=self.opted_in,
            roots=self._roots,
        )

    def _readers(self, api_version: str, kind: str, desired: bool) -> tuple[Reader, ...]:
        key = (desired, api_version, kind)
        if key not in self._structs:
            group = group_of(api_version)
            lists = self._desired if desired else self._observed
            self._structs[key] = tuple(
                Reader(struct, api, lists[struct])
                for struct in sorted(lists, key=lambda one: one.__name__)
                for api in struct.apis()
                if api.serves(group, kind) and (not struct.opt_in or struct.opt_in in self.opted_in)
            )
        return self._structs[key]

    def _take(self, head: Head, value: Raw | dict[str, Any], origin: Origin, desired: bool, others: bool) -> None:
        if not (head.api_version and head.kind):
            self._broken(Head(head.api_version, head.kind), Origin(origin.file), "an object without apiVersion or kind")
            return
        if desired:
            names = head.metadata
            self.add_header(ManifestHeader(head.api_version, head.kind, names.namespace, names.name, origin))
        readers = self._readers(head.api_version, head.kind, desired)
        taken = False
        for reader in readers:
            try:
                took = reader.read(head, value, origin)
            except UNDECODABLE as error:
                self._broken(with_names(head, value), origin, f"cannot be decoded: {error}")
                return
            taken = taken or took
            if not desired:
                self._see(head, reader.api, took, others)
        if taken and self._recorder is not None:
            try:
                self._recorder.record(head.api_version, head.kind, value, origin, desired=desired)
            except UNDECODABLE as error:  # in a part of it that no rule reads
                self._broken(with_names(head, value), origin, f"cannot be kept: {error}")

    def _see(self, head: Head, api: Api, took: bool, others: bool) -> None:
        """What one observed object says of those that were not given with it."""
        group = group_of(head.api_version)
        if api.part == ("", ""):
            if others:
                self._listed.add((group, head.kind))
        elif not (api.namespace or api.name):
            if others:
                self._parts.add((group, head.kind, *api.part))
        elif took or (others and head.metadata.namespace == api.namespace):
            self._parts.add((group, head.kind, *api.part))

    def _broken(self, head: Head, origin: Origin, reason: str, how: str = MEND) -> None:
        names = head.metadata
        where = f"{origin.file}:{origin.line}" if origin.line else origin.file
        what = " ".join(part for part in (head.kind or "object", f"{names.namespace}/{names.name}".strip("/")) if part)
        gap = Gap(
            input=head.kind or "object",
            subject=f"{what} ({where})" if where else what,
            reason=reason,
            how=how,
            asked=True,
        )
        if head.kind:
            self.fail(group_of(head.api_version), head.kind, gap)
        self.add_gap(gap)


def _is_desired(head: Head, desired: bool | None) -> bool:
    return is_desired(head.api_version, head.kind, head.metadata.uid) if desired is None else desired
