"""What the kubelets will be told once they are upgraded: by their flags, and by what kubeadm writes as config.yaml.

`kubeadm upgrade node` (and `apply`) writes the configuration from the cluster's ConfigMap anew on each node; what was
edited on the node itself is lost, unless a patch given with --patches brings it back. Source:
cmd/kubeadm/app/phases/upgrade/postupgrade.go (WriteKubeletConfigFiles) in 1.37.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import msgspec

from kubepreflight.finding import Gap, cannot_check
from kubepreflight.host import Host, Missing
from kubepreflight.host.kubelet import merged
from kubepreflight.knowledge.names import Names
from kubepreflight.objects import Api, KubernetesObject
from kubepreflight.semantics.kubeadm_config import mapping_in
from kubepreflight.version import Minor

CONFIG = "/var/lib/kubelet/config.yaml"
"""What kubeadm writes."""

CONFIG_MAP = "kubelet-config"
_FALSE = ("false", "f", "0")


class KubeletConfigurationMap(KubernetesObject):
    """The ConfigMap from which kubeadm gives the kubelets their configuration, by its name since 1.24."""

    api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name=CONFIG_MAP)
    data: dict[str, str] | None = None


class VersionedKubeletConfigurationMap(KubeletConfigurationMap):
    """The same by the names that it had before, one for each minor: the upgrade carries it over to the next."""

    @classmethod
    def apis(cls) -> tuple[Api, ...]:
        """One for each name."""
        names = Names.provide()
        (*_, newest), start = names.kubelet_configs, names.info.start
        minors = (start.plus(count) for count in range(newest.since.distance(start)))
        return tuple(cls.api._replace(name=names.kubelet_config(minor)) for minor in minors)


def edit_kubelets(name: str = CONFIG_MAP) -> str:
    """The command that changes what kubeadm writes on each node."""
    return f"kubectl -n kube-system edit configmap {name}"


def that_counts(
    config_maps: list[KubeletConfigurationMap] | None, versioned: list[VersionedKubeletConfigurationMap] | None
) -> KubeletConfigurationMap | None:
    """The one that the next kubelets get: kubeadm leaves those of minors that the cluster has left behind."""
    older = sorted(versioned or (), key=lambda one: Minor.parse(one.name.removeprefix(f"{CONFIG_MAP}-")))
    return next(iter((*(config_maps or ()), *reversed(older))), None)


class PlannedKubelets(msgspec.Struct, frozen=True):
    """The cluster's KubeletConfiguration; None when it cannot be had, and each node's own then counts.

    `name` is that of its ConfigMap.
    """

    document: Mapping[str, Any] | None = None
    gaps: tuple[Gap, ...] = ()
    name: str = CONFIG_MAP

    @classmethod
    def provide(
        cls,
        config_maps: list[KubeletConfigurationMap] | None = None,
        versioned: list[VersionedKubeletConfigurationMap] | None = None,
    ) -> Self:
        """From the ConfigMap."""
        found = that_counts(config_maps, versioned)
        text = (found.data or {}).get("kubelet") if found else None
        if found is None or text is None:
            return cls()
        try:
            return cls(mapping_in(text), name=found.name)
        except ValueError as error:
            gap = cannot_check(f"ConfigMap kube-system/{found.name}", f"cannot be read: {error}", asked=True)
            return cls(None, (gap,), found.name)

    @property
    def edit(self) -> str:
        """The command that changes it."""
        return edit_kubelets(self.name)

    def value(self, host: Host, field: str, flag: str) -> Any | Missing | None:
        """What the upgraded kubelet of a host is told, None for its default; a flag's value comes as text."""
        given = host.kubelet.flag(flag)
        return self.configured(host, field) if given is None else given

    def configured(self, host: Host, field: str) -> Any | Missing | None:
        """What the upgraded kubelet's configuration says, without its flags; None for the default.

        Over what kubeadm writes lie its instance-config.yaml and the kubelet's own drop-ins, which it leaves alone.
        """
        files = host.kubelet.files
        known = () if isinstance(files, Missing) else files
        if self.document is None or (known and known[0].path != CONFIG):
            return today(host, field)
        instance = () if host.kubelet.instance is None else (host.kubelet.instance.values,)
        return merged((self.document, *instance, *(one.values for one in known[1:]))).get(field)


def today(host: Host, field: str, flag: str = "") -> Any | Missing | None:
    """What the kubelet of a host is told now, None for its default; a flag's value comes as text."""
    return host.kubelet.value(field, flag)


def is_false(value: Any) -> bool:
    """Whether a setting was switched off, in a file or by a flag."""
    return value is False or (isinstance(value, str) and value.lower() in _FALSE)
