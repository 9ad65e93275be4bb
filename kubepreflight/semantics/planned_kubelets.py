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
from kubepreflight.objects import Api, KubernetesObject
from kubepreflight.semantics.kubeadm_config import mapping_in

CONFIG = "/var/lib/kubelet/config.yaml"
"""What kubeadm writes."""

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
