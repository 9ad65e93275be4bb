"""What the control plane's static pods have beside what kubeadm would render in their place.

Compared are flags, volumes, images, containers and the names of environment variables. kubeadm writes a manifest anew
from the ClusterConfiguration at every upgrade, and nothing else (patches apart) comes into it.
Source: cmd/kubeadm/app/phases/upgrade/staticpods.go and cmd/kubeadm/app/util/arguments.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kubepreflight.finding import Hop
from kubepreflight.host import flags_in
from kubepreflight.knowledge.static_pods import ANY, LOCAL_ETCD, NOTHING, RenderedSetting, StaticPodRendering
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.setting import STATIC_COMPONENTS
from kubepreflight.semantics.static_pod_images import image_edit
from kubepreflight.semantics.static_pods import NodePod
from kubepreflight.static_pod import StaticContainer, StaticPodSpec

Values = tuple[str, ...]
_FIELD = re.compile(r"\{([\w.-]+)\}")


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One setting that the upgrade changes on one node.

    `setting` is `flag`, `volume`, `image`, `container`, `environment variable` or `command`. `running` is empty for
    what the pod lacks, `rendered` for what kubeadm would not render; `configured` says that the ClusterConfiguration
    has it.
    """

    component: str
    setting: str
    name: str
    running: Values
    rendered: Values
    configured: bool
    pod: NodePod


def edits(pod: NodePod, spec: StaticPodSpec, config: KubeadmConfig, table: StaticPodRendering, hop: Hop) -> list[Edit]:
    """Everything that the upgrade would change in one of kubeadm's static pods, but for its version.

    Raises ValueError when the configuration's extraArgs cannot be read.
    """
    at = STATIC_COMPONENTS[pod.name]
    main, others = _main(pod.name, spec)
    given = config.extra_arguments(*at)
    sides: list[tuple[str, Mapping[str, Values], Mapping[str, Values], Mapping[str, list[RenderedSetting]]]] = [
        ("volume", _volumes(spec, main), _extra_volumes(config, at), table.of(pod.name, "volume")),
        ("environment variable", _environment(main), _extra_environment(config, at), {}),
        ("container", {one.name: (one.image or "",) for one in others}, {}, {}),
    ]
    words = main.command_line
    if words and words[0].rpartition("/")[2] == pod.name:
        sides.insert(0, ("flag", _by_name(flags_in(words[1:])), _by_name(given), table.of(pod.name, "flag")))
    joined = config.joined_arguments(*at)
    compared = _Comparison(pod, config, hop)
    found = [one for side in sides for one in compared.all(*side) if not (side[0] == "flag" and one.name in joined)]
    if words and words[0].rpartition("/")[2] != pod.name:
        # Not what stands behind it: a shell's script may hold anything, secrets too.
        found.append(compared.edit("command", "", (f"{words[0]} …",), (f"{pod.name} …",)))
    image = image_edit(pod.name, main.image or "", config)
    return [*found, compared.edit("image", "", (main.image or "",), (image,))] if image else found


class _Comparison(msgspec.Struct, frozen=True):
    pod: NodePod
    config: KubeadmConfig
    hop: Hop

    def edit(self, setting: str, name: str, running: Values, rendered: Values, *, configured: bool = False) -> Edit:
        return Edit(
            component=self.pod.name,
            setting=setting,
            name=name,
            running=running,
            rendered=rendered,
            configured=configured,
            pod=self.pod,
        )

    def all(
        self,
        setting: str,
        running: Mapping[str, Values],
        configured: Mapping[str, Values],
        rows: Mapping[str, list[RenderedSetting]],
    ) -> Iterator[Edit]:
        for name, values in running.items():
            if name in configured:
                if not are_same(values, configured[name]):
                    yield self.edit(setting, name, values, configured[name], configured=True)
            elif not self._kubeadms(values, rows.get(name, ())):
                yield self.edit(setting, name, values, self._becomes(rows.get(name, ())))
        for name, values in configured.items():
            if name not in running:
                yield self.edit(setting, name, (), values, configured=True)
        for name, some in rows.items():
            if name not in running and name not in configured and self._always(some):
                yield self.edit(setting, name, (), self._becomes(some))

    def _kubeadms(self, values: Values, rows: Iterable[RenderedSetting]) -> bool:
        """Whether some kubeadm rendered it so; what depends on the node, or on what is not recorded, is as it is."""
        known = [_resolved(row.value, self.config) for row in rows]
        certain = [one for one in known if one is not None]
        return bool(known) and (not certain or ANY in certain or any(are_same(values, (one,)) for one in certain))

    def _becomes(self, rows: Iterable[RenderedSetting]) -> Values:
        """What the kubeadm of the hop renders of a setting when the ClusterConfiguration does not have it."""
        external = self.config.etcd_is_external
        covering = [row for row in rows if row.covers(self.hop.end) and not (external and row.when == LOCAL_ETCD)]
        values = dict.fromkeys(_resolved(row.value, self.config) for row in covering)
        certain = [one for one in values if one and one != ANY]
        return (" or ".join(certain),) if certain else ()

    def _always(self, rows: list[RenderedSetting]) -> bool:
        """Whether kubeadm renders it today and after the hop, in all circumstances, with a value that is known."""
        both = (self.hop.start, self.hop.end)
        return bool(self._becomes(rows)) and all(not row.when and all(map(row.covers, both)) for row in rows)


def _resolved(value: str, config: KubeadmConfig) -> str | None:
    """A value of the table with the configuration's own in it; None where the configuration has none."""
    if value == ANY:
        return ANY
    if value == NOTHING:
        return ""
    fields = {name: _field(name, config) for name in _FIELD.findall(value)}
    return _FIELD.sub(lambda match: fields[match[1]], value) if all(fields.values()) else None


def _field(name: str, config: KubeadmConfig) -> str:
    if name == "certificatesDir":
        return config.certificates_directory
    *path, last = name.split(".")
    if path and path[-1] == "extraArgs":
        return dict(config.extra_arguments(*path[:-1])).get(last, "")
    return config.text_at(*path, last)


def are_same(some: Values, others: Values) -> bool:
    """Whether two sets of values mean the same."""
    return tuple(map(_plain, some)) == tuple(map(_plain, others))


def _plain(value: str) -> tuple[str, ...]:
    """A value as it counts: a bare flag is a true one, the order of a list is of no effect, nor a slash at the end."""
    return tuple(sorted(part.strip().rstrip("/") for part in (value or "true").split(",")))


def _main(component: str, spec: StaticPodSpec) -> tuple[StaticContainer, list[StaticContainer]]:
    """The component's own container and all others; kubeadm renders no others."""
    everyone = list(spec.all_containers)
    main = next((one for one in everyone if one.name == component), everyone[0] if everyone else StaticContainer())
    return main, [one for one in everyone if one is not main]


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, Values]:
    found: dict[str, Values] = {}
    for name, value in pairs:
        key = name.replace("_", "-")
        found[key] = (*found.get(key, ()), value)
    return found


def _environment(container: StaticContainer) -> dict[str, Values]:
    """The names; those of proxies kubeadm takes from the shell that it runs in."""
    names = (one.name for one in container.env or ())
    return {name: ("",) for name in names if not name.lower().endswith("_proxy")}


def _extra_environment(config: KubeadmConfig, at: tuple[str, ...]) -> dict[str, Values]:
    return {str(one.get("name")): ("",) for one in config.extras("extraEnvs", *at)}


def _volumes(spec: StaticPodSpec, main: StaticContainer) -> dict[str, Values]:
    mounts: dict[str, list[str]] = {}
    for one in main.volume_mounts or ():
        mounts.setdefault(one.name, []).append(one.mount_path)
    found = {}
    for volume in spec.volumes or ():
        name = str(volume.get("name"))
        source = _source(volume)
        found[name] = tuple(_volume(source, mounted) for mounted in mounts.get(name, [""]))
    return found


def _source(volume: Mapping[str, Any]) -> str:
    host_path = volume.get("hostPath")
    if isinstance(host_path, Mapping):
        return str(host_path.get("path"))
    return next((key for key in volume if key != "name"), "nothing")


def _volume(source: str, mounted: str) -> str:
    return source if source.rstrip("/") == mounted.rstrip("/") else f"{source} at {mounted or 'no place'}"


def _extra_volumes(config: KubeadmConfig, at: tuple[str, ...]) -> dict[str, Values]:
    given = config.extras("extraVolumes", *at)
    return {str(one.get("name")): (_volume(str(one.get("hostPath")), str(one.get("mountPath"))),) for one in given}
