"""What an API server has been asked for: as its metrics count it, and as its audit log tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import ClassVar, Self

import msgspec

from kubepreflight.finding import Gap, Subject
from kubepreflight.inputs import Unavailable

READING = frozenset({"get", "list", "watch"})
METRICS = "/metrics"
INPUT = "/metrics of the API server"
_ACCOUNT = "system:serviceaccount:"
_NO_METRICS = Gap(
    input=INPUT,
    reason="no metrics of an API server were given: nothing tells which versions its clients ask for",
    how="give an audit log, or name this file in the scan, which tells less: kubectl get --raw /metrics > metrics.txt",
)


class RequestedApi(msgspec.Struct, frozen=True, kw_only=True):
    """A deprecated version of a resource that was asked for since the server started. `verbs` counts the requests that
    were granted, in lower case; it is empty when nothing tells."""

    api_version: str
    resource: str
    verbs: Mapping[str, int] = {}


class ServerRequests(msgspec.Struct, frozen=True, kw_only=True):
    """What one API server counts. `name` is its address or the file; `version` and `since` are empty when not told."""

    name: str
    version: str = ""
    since: datetime | None = None
    requested: tuple[RequestedApi, ...] = ()


class ApiServerMetrics(msgspec.Struct, frozen=True):
    """What the API servers count whose metrics were read; a source supplies it."""

    non_resource_urls: ClassVar[tuple[str, ...]] = (METRICS,)
    servers: tuple[ServerRequests, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(cls) -> Self:
        """Raises Unavailable: where no source supplies it there is none."""
        raise Unavailable(_NO_METRICS)

    def joined(self, earlier: Self) -> Self:
        """The same with what was read before; of one server, which its start tells, the last that was read."""
        mine = {one.since for one in self.servers if one.since}
        others = (one for one in earlier.servers if one.since not in mine)
        return type(self)((*others, *self.servers), (*earlier.gaps, *self.gaps))


class ApiClient(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked for one version of a resource. `agent` is the first word of the User-Agent (`kubectl/v1.36.3`).

    `verbs` counts the requests; `deprecated` says that the server itself called the version so, `removed_release` the
    release that it named.
    """

    api_version: str
    resource: str
    user: str
    agent: str
    verbs: Mapping[str, int]
    first: datetime
    last: datetime
    deprecated: bool = False
    removed_release: str = ""

    def joined(self, other: ApiClient) -> ApiClient:
        """The same with what else it asked for of the same resource."""
        return msgspec.structs.replace(
            self,
            verbs={verb: self.verbs.get(verb, 0) + other.verbs.get(verb, 0) for verb in (*self.verbs, *other.verbs)},
            first=min(self.first, other.first),
            last=max(self.last, other.last),
            deprecated=self.deprecated or other.deprecated,
            removed_release=max(self.removed_release, other.removed_release),
        )

    @property
    def program(self) -> str:
        """The name of the program, without its version; of one that tells none, the user."""
        return self.agent.partition("/")[0].removesuffix(".exe") or self.user

    @property
    def only_reads(self) -> bool:
        """Whether it changed nothing."""
        return READING.issuperset(self.verbs)

    @property
    def subject(self) -> Subject:
        """The client as something to find: its ServiceAccount, or its user."""
        if self.user.startswith(_ACCOUNT):
            namespace, _, name = self.user.removeprefix(_ACCOUNT).partition(":")
            return Subject(kind="ServiceAccount", namespace=namespace, name=name)
        return Subject(kind="User", name=self.user)


class AuditLog(msgspec.Struct, frozen=True, kw_only=True):
    """What audit logs tell of versions that go away; a source supplies it. `first` and `last` say how far they reach,
    `files` how many there were, `events` how many lines."""

    clients: tuple[ApiClient, ...] = ()
    first: datetime | None = None
    last: datetime | None = None
    files: int = 0
    events: int = 0
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(cls) -> Self:
        """Raises Unavailable: where no source supplies it there is none."""
        raise Unavailable(Gap(input="audit log", reason="no audit log was given", how="name its files in the scan"))

    def with_gap(self, gap: Gap) -> Self:
        """The same, and something of it that could not be read."""
        return msgspec.structs.replace(self, gaps=(*self.gaps, gap))

    def joined(self, earlier: Self) -> Self:
        """The same with what other files told."""
        both = (self, earlier)
        return type(self)(
            clients=tuple(_joined_clients((*earlier.clients, *self.clients))),
            first=min((one.first for one in both if one.first), default=None),
            last=max((one.last for one in both if one.last), default=None),
            files=self.files + earlier.files,
            events=self.events + earlier.events,
            gaps=(*earlier.gaps, *self.gaps),
        )


def _joined_clients(clients: Iterable[ApiClient]) -> Iterator[ApiClient]:
    together: dict[tuple[str, str, str, str], ApiClient] = {}
    for one in clients:
        key = (one.api_version, one.resource, one.user, one.agent)
        together[key] = together[key].joined(one) if key in together else one
    yield from together.values()


def resource_of(kind: str) -> str:
    """The plural under which a kind of Kubernetes' own is asked for: `IngressClass` → `ingressclasses`."""
    name = kind.lower()
    if name.endswith(("ss", "us")):
        return f"{name}es"
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return name if name.endswith("s") else f"{name}s"
