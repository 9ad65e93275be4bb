"""One setting of one of Kubernetes' programs, the place where it is made, and how its texts are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Self

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.host.kubelet import below
from kubepreflight.semantics.several import listed
from kubepreflight.version import Minor
from kubepreflight.visible import visible

API_SERVER, SCHEDULER, ETCD = "kube-apiserver", "kube-scheduler", "etcd"
KUBELET, PROXY, KUBEADM = "kubelet", "kube-proxy", "kubeadm"
STATIC_COMPONENTS: Mapping[str, tuple[str, ...]] = {
    API_SERVER: ("apiServer",),
    "kube-controller-manager": ("controllerManager",),
    SCHEDULER: ("scheduler",),
    ETCD: ("etcd", "local"),
}
"""What kubeadm runs as static pods, and where its ClusterConfiguration speaks of them."""

GATES = "feature-gates"
ALL_GATES = ("AllAlpha", "AllBeta")
"""They stand for many gates, and every version knows them."""

_DEFAULT_PREFIX = "kube"
_MOST_SHOWN = 100
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


class Where(Enum):
    """What sort of place it is; the order of the members is that of remedies."""

    KUBEADM_CONFIG = "the ConfigMap kubeadm-config, from which kubeadm renders the static pods anew"
    KUBELET_CONFIG = "the ConfigMap kubelet-config, from which kubeadm writes each node's config.yaml anew"
    PROXY_CONFIG = "the ConfigMap of kube-proxy"
    NODE = "a file on a node, which kubeadm leaves alone"
    STATIC_POD = "a static pod as it runs, where kubeadm-config is not known"
    FILE = "a file that somebody may give to kubeadm, or bring to a node"

    @property
    def rank(self) -> int:
        """0 for the first."""
        return list(Where).index(self)


class Place(msgspec.Struct, frozen=True):
    """Where a setting is made: `entry` is the field of a document or the variable of a file, empty for a bare flag.

    `running` is the minor of the kubelet that reads it, None for what moves with the cluster. `is_kubeadms` is true for
    the flags that kubeadm itself keeps, or may keep. `is_pending` says that nothing runs with it yet: the upgrade
    brings it; `runs_otherwise` that its program runs, but is told something else besides; `is_unseen` that it is not
    seen what runs: when nothing can run with it, it is pending, as it seems.
    """

    where: Where
    subject: Subject
    entry: str = ""
    running: Minor | None = None
    is_kubeadms: bool = False
    is_pending: bool = False
    runs_otherwise: bool = False
    is_unseen: bool = False

    @property
    def is_pending_as_it_seems(self) -> bool:
        """Whether that nothing runs with it was concluded, and not seen."""
        return self.is_pending and self.is_unseen


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A flag without its dashes, or a feature gate, of a component; `value` as it is written."""

    component: str
    name: str
    value: str
    place: Place

    @property
    def switch(self) -> bool | None:
        """The value as Go's ParseBool reads it; None for what it refuses."""
        return truth(self.value)

    @property
    def program(self) -> tuple[str, ...]:
        """Equal for settings that one program reads: `program_of`."""
        return program_of(self.component, self.place)

    @property
    def if_pending(self) -> Self:
        """The same, if nothing runs with it."""
        return msgspec.structs.replace(self, place=msgspec.structs.replace(self.place, is_pending=True))

    @property
    def as_it_may_run(self) -> tuple[Self, ...]:
        """What to judge, until the first is refused: itself, and if nothing runs with it where that is not seen."""
        return (self, self.if_pending) if self.place.is_unseen else (self,)

    @property
    def items(self) -> tuple[str, ...]:
        """The value as a list."""
        return tuple(item for part in self.value.split(",") if (item := part.strip()))

    @property
    def item_place(self) -> Place:
        """The place of one item of that list."""
        entry = " in ".join(filter(None, (f"--{self.name}", self.place.entry)))
        return msgspec.structs.replace(self.place, entry=entry)


def program_of(component: str, place: Place) -> tuple[str, ...]:
    """Equal for what one program of a component reads, as far as it stands in places of one sort."""
    subject = place.subject
    return (component, place.where.name, subject.file, subject.node, subject.name)


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration of a component: KubeletConfiguration, KubeProxyConfiguration, KubeSchedulerConfiguration.

    `lines` has the line of each dotted key, where that is known. `running` are the configurations, as far as known,
    that this one takes the place of; without any it is taken to be in use.
    """

    component: str
    values: Mapping[str, Any]
    place: Place
    lines: Mapping[str, int] = {}
    running: tuple[Mapping[str, Any], ...] = ()

    @property
    def runs_otherwise(self) -> bool:
        """Whether nothing runs with its feature gates yet."""
        return self._is_pending("featureGates")

    def at(self, field: str) -> Place:
        """The place of one of its fields."""
        line = self.lines.get(field, self.place.subject.line)
        subject = msgspec.structs.replace(self.place.subject, field=field, line=line)
        return msgspec.structs.replace(
            self.place,
            subject=subject,
            entry=field,
            is_pending=self._is_pending(field),
            is_unseen=self.place.is_unseen and not self.running,
        )

    def _is_pending(self, field: str) -> bool:
        value = below(self.values, field)
        return bool(self.running) and all(below(one, field) != value for one in self.running)


def setting_of(document: Document, field: str) -> Setting | None:
    """A field of a configuration, named with dots, as a setting; None where it is not set to one value."""
    value = below(document.values, field)
    if value is None or isinstance(value, Mapping | list):
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Setting(component=document.component, name=field, value=text, place=document.at(field))


def truth(value: str) -> bool | None:
    """A text as Go's ParseBool reads it; None for what it refuses."""
    return True if value in _TRUE else False if value in _FALSE else None


def gates_of_flag(flag: Setting) -> Iterator[Setting]:
    """The gates that one `--feature-gates` sets: `A=true,B=false`; since 1.31 also `kube:A=true`.

    Of one that stands there twice the last counts. Those of another component than Kubernetes' own are passed over.
    """
    values: dict[str, str] = {}
    for item in flag.items:
        name, assigned, value = item.partition("=")
        prefix, _, bare = name.strip().rpartition(":")
        if assigned and prefix in ("", _DEFAULT_PREFIX):
            values[bare] = value.strip()
    place = flag.item_place
    return (Setting(component=flag.component, name=name, value=value, place=place) for name, value in values.items())


def no_gates(flag: Setting) -> Iterator[Gap]:
    """What of one `--feature-gates` is no gate and its value."""
    wrong = [item for item in flag.items if truth(item.partition("=")[2].strip()) is None]
    if wrong:
        yield _no_gate(flag, f"in --{GATES}, {_listed(wrong)}")


def gates_of_document(document: Document) -> Iterator[Setting | Gap]:
    """The gates in the `featureGates` of a configuration; only a truth value can be one, and others end its program."""
    given = document.values.get("featureGates")
    if not isinstance(given, Mapping | None):
        yield _no_gate(document, "featureGates, which is no mapping")
        return
    wrong = []
    for name, value in (given or {}).items():
        if isinstance(value, bool | None):  # Go decodes null as false
            place = document.at(f"featureGates.{name}")
            yield Setting(component=document.component, name=str(name), value=str(bool(value)).lower(), place=place)
        else:
            wrong.append(str(name))
    if wrong:
        yield _no_gate(document, f"in featureGates, {_listed(wrong)}")


def _listed(wrong: Iterable[str]) -> str:
    return f"{listed(visible(one)[:_MOST_SHOWN] for one in wrong)}: neither true nor false"


def _no_gate(one: Setting | Document, what: str) -> Gap:
    reason = f"{what}; {one.component} does not start with that"
    return cannot_check("feature gates", reason, subject=str(one.place.subject), asked=True)


def told_in(setting: Setting) -> tuple[Where, Subject]:
    """Where a program is told of it and of all else: one for all flags of a node's kubelet, of one file, one object."""
    where, subject = setting.place.where, setting.place.subject
    if where is Where.NODE:
        return where, Subject(node=subject.node)
    return where, msgspec.structs.replace(subject, field="", line=0)


def flags_of(component: str, arguments: Iterable[tuple[str, str]], place: Place) -> Iterator[Setting]:
    """Each flag of a component that is set at a place, which then tells which one; `_` in a name is read as `-`."""
    for written, value in arguments:
        name = written.replace("_", "-")
        subject = msgspec.structs.replace(place.subject, field=f"{component} --{name}")
        yield Setting(
            component=component, name=name, value=value, place=msgspec.structs.replace(place, subject=subject)
        )
