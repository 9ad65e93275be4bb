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
from kubepreflight.objects import Api, KubernetesObject
from kubepreflight.semantics.kubeadm_config import mapping_in

CONFIG_MAP = "kubelet-config"
EDIT = f"kubectl -n kube-system edit configmap {CONFIG_MAP}"
"""The command that changes what kubeadm writes on each node."""

_FALSE = ("false", "f", "0")


class KubeletConfigurationMap(KubernetesObject):
    """The ConfigMap from which kubeadm gives the kubelets their configuration, by its name since 1.24."""

    api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name=CONFIG_MAP)
    data: dict[str, str] | None = None


class PlannedKubelets(msgspec.Struct, frozen=True):
    """The cluster's KubeletConfiguration; None when it cannot be had, and each node's own then counts."""

    document: Mapping[str, Any] | None = None
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(cls, config_maps: list[KubeletConfigurationMap] | None = None) -> Self:
        """From the ConfigMap."""
        text = (config_maps[0].data or {}).get("kubelet") if config_maps else None
        if text is None:
            return cls()
        try:
            return cls(mapping_in(text))
        except ValueError as error:
            return cls(
                None,
                (cannot_check(f"ConfigMap kube-system/{CONFIG_MAP}", f"cannot be read: {error}", asked=True),),
            )

    def value(self, host: Host, field: str, flag: str) -> Any | Missing | None:
        """What the upgraded kubelet of a host is told, None for its default; a flag's value comes as text."""
        given = told_by_flag(host, flag)
        if given is not None:
            return given
        return self.configured(host, field)

    def configured(self, host: Host, field: str) -> Any | Missing | None:
        """What the upgraded kubelet's configuration says, without its flags; None for the default.

        kubeadm lays the node's own instance-config.yaml over what it writes.
        """
        instance = host.kubelet.instance
        if instance is not None and field in instance.values:
            return instance.values[field]
        return own(host, field) if self.document is None else self.document.get(field)


def today(host: Host, field: str, flag: str) -> Any | Missing | None:
    """What the kubelet of a host is told now, None for its default; a flag's value comes as text."""
    given = told_by_flag(host, flag)
    return own(host, field) if given is None else given


def own(host: Host, field: str) -> Any | Missing | None:
    """What the configuration files on the host say."""
    return host.kubelet_config if isinstance(host.kubelet_config, Missing) else host.kubelet_config.get(field)


def told_by_flag(host: Host, flag: str) -> str | Missing | None:
    """The value of a flag on the host's kubelet, "" for a bare one; None when it is not given."""
    return host.kubelet_flags if isinstance(host.kubelet_flags, Missing) else host.kubelet_flags.get(flag)


def is_false(value: Any) -> bool:
    """Whether a setting was switched off, in a file or by a flag."""
    return value is False or (isinstance(value, str) and value.lower() in _FALSE)
