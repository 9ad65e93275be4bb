"""What the cluster's kubeadm was told: the ClusterConfiguration in the ConfigMap kube-system/kubeadm-config.

Read in every version from kubeadm.k8s.io/v1beta1 to v1. For what is read here they differ in two things: until v1beta3
`extraArgs` is a map, since v1beta4 a list of names and values in which a name may stand twice; and in v1 a value may be
joined to kubeadm's own instead of replacing it. Source: cmd/kubeadm/app/apis/kubeadm/*/types.go and
https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.inputs import Unavailable
from kubepreflight.objects import Api, KubernetesObject

READABLE = (*(f"kubeadm.k8s.io/v1beta{number}" for number in range(1, 5)), "kubeadm.k8s.io/v1")
"""The versions of the ClusterConfiguration that are understood."""

CERTIFICATES_DIRECTORY = "/etc/kubernetes/pki"
"""Where kubeadm keeps certificates unless `certificatesDir` says otherwise."""

Arguments = tuple[tuple[str, str], ...]
"""Flags without `--` and their values, in kubeadm's order; a name may stand twice."""

EDIT = "kubectl -n kube-system edit configmap kubeadm-config"
"""The command that changes it."""

ARGUMENTS_AS_MAP = READABLE[:3]
"""The versions in which `extraArgs` is a map."""

_KEY = "ClusterConfiguration"
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|μs|ns)", re.ASCII)
_DURATION = re.compile(rf"([+-]?)(?:0|(?:{_PART.pattern})+)", re.ASCII)
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_DURATION_LIMIT = 1000
_DEPTH_LIMIT = 50


class KubeadmConfigMap(KubernetesObject):
    """The ConfigMap in which kubeadm keeps its configuration, and no other."""

    api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name="kubeadm-config")
    data: dict[str, str] | None = None


class KubeadmConfig(msgspec.Struct, frozen=True):
    """The ClusterConfiguration, as decoded; what it does not say is empty."""

    document: Mapping[str, Any]

    @classmethod
    def provide(cls, config_maps: list[KubeadmConfigMap]) -> KubeadmConfig:
        """From the ConfigMap. Raises Unavailable when it is not there, or cannot be read."""
        if not config_maps:
            raise Unavailable(_gap("there is no ConfigMap kube-system/kubeadm-config: not made by kubeadm?"))
        text = (config_maps[0].data or {}).get(_KEY)
        if text is None:
            raise Unavailable(_gap(f"the ConfigMap kube-system/kubeadm-config has no {_KEY}", asked=True))
        try:
            return cls.parse(text)
        except ValueError as error:
            raise Unavailable(_gap(f"the {_KEY} cannot be read: {error}", asked=True)) from error

    @classmethod
    def parse(cls, text: str) -> KubeadmConfig:
        """Read a ClusterConfiguration from YAML. Raises ValueError for what is none, or of an unknown version."""
        document = mapping_in(text)
        version, kind = document.get("apiVersion"), document.get("kind")
        if kind != _KEY or version not in READABLE:
            raise ValueError(f"it is {str(kind)[:60]} of {str(version)[:60]}; understood are {', '.join(READABLE)}")
        return cls(document)

    @property
    def subject(self) -> Subject:
        """The ConfigMap."""
        return Subject(api_version="v1", kind="ConfigMap", namespace="kube-system", name="kubeadm-config")

    @property
    def kubernetes_version(self) -> str:
        """The version that `kubeadm init` or the last `kubeadm upgrade apply` wrote."""
        return self._text("kubernetesVersion")

    @property
    def control_plane_endpoint(self) -> str:
        """The shared endpoint, `host:port` or `host`."""
        return self._text("controlPlaneEndpoint")

    @property
    def endpoint_host(self) -> str:
        """The host of the shared endpoint in lower case, without port and brackets."""
        return host_of(self.control_plane_endpoint)

    @property
    def image_repository(self) -> str:
        """Where the control plane's images come from."""
        return self._text("imageRepository")

    @property
    def certificates_directory(self) -> str:
        """Where the certificates lie on the control-plane nodes, without a slash at its end."""
        return self._text("certificatesDir").rstrip("/") or CERTIFICATES_DIRECTORY

    @property
    def certificate_validity(self) -> timedelta | None:
        """How long new leaf certificates live; None when it is kubeadm's default."""
        return _duration(self._text("certificateValidityPeriod"))

    @property
    def etcd_is_external(self) -> bool:
        """Whether somebody else than kubeadm runs etcd."""
        return _inner(self.document, "etcd").get("external") is not None

    @property
    def etcd_endpoints(self) -> tuple[str, ...]:
        """The client addresses of an external etcd."""
        endpoints = _inner(self.document, "etcd", "external").get("endpoints")
        return tuple(map(str, endpoints)) if isinstance(endpoints, list) else ()

    @property
    def etcd_image_tag(self) -> str:
        """The tag of etcd's image, whatever version kubeadm would run by itself; empty where it is left to kubeadm."""
        tag = _inner(self.document, "etcd", "local").get("imageTag")
        return tag if isinstance(tag, str) else ""

    def extra_arguments(self, *component: str) -> Arguments:
        """The flags set for `apiServer`, `controllerManager`, `scheduler`, or `etcd`, `local`.

        Raises ValueError when they have neither of the two shapes.
        """
        value = _inner(self.document, *component).get("extraArgs")
        if value is None:
            return ()
        if isinstance(value, dict):
            return tuple(sorted((str(name), _argument(one)) for name, one in value.items()))
        if isinstance(value, list) and all(isinstance(one, dict) and "name" in one for one in value):
            return tuple((str(one["name"]), _argument(one.get("value"))) for one in value)
        raise ValueError(f"{'.'.join(component)}.extraArgs is neither a map nor a list of names and values")

    def joined_arguments(self, *component: str) -> frozenset[str]:
        """The flags whose value is joined to kubeadm's own instead of replacing it."""
        value = _inner(self.document, *component).get("extraArgs")
        listed = value if isinstance(value, list) else ()
        return frozenset(str(one.get("name")) for one in listed if isinstance(one, dict) and one.get("mergeMethod"))

    def extras(self, kind: str, *component: str) -> tuple[Mapping[str, Any], ...]:
        """The `extraVolumes` or `extraEnvs` (`kind`) of a component, each as it is written."""
        value = _inner(self.document, *component).get(kind)
        return tuple(one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else ()

    def is_disabled(self, addon: str) -> bool:
        """Whether kubeadm is told to leave an add-on alone: `dns` or `proxy`."""
        return _inner(self.document, addon).get("disabled") is True

    def text_at(self, *path: str) -> str:
        """A text anywhere in it, a list of texts joined with commas; empty when there is none."""
        value = _inner(self.document, *path[:-1]).get(path[-1])
        if isinstance(value, list):
            return ",".join(map(str, value))
        return value if isinstance(value, str) else ""

    def _text(self, field: str) -> str:
        value = self.document.get(field)
        return value if isinstance(value, str) else ""


def host_of(address: str) -> str:
    """The host of an address, `host:port` or `host`, in lower case, without port and brackets."""
    host = address.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _gap(reason: str, *, asked: bool = False) -> Gap:
    how = "kubectl -n kube-system get configmap kubeadm-config -o yaml"
    return cannot_check("kubeadm-config", reason, how=how, asked=asked)


def _inner(value: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for field in path:
        inner = value.get(field)
        value = inner if isinstance(inner, Mapping) else {}
    return value


def _argument(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _duration(text: str) -> timedelta | None:
    """As Go's time.ParseDuration reads it; None for what it refuses."""
    # Longer ones are nobody's, and the time that the pattern takes for them grows with the square of their length.
    match = _DURATION.fullmatch(text) if len(text) <= _DURATION_LIMIT else None
    if match is None:
        return None
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    try:
        return timedelta(seconds=-seconds if match[1] == "-" else seconds)
    except OverflowError:
        return timedelta.max


@functools.cache
def _loader() -> Any:
    """PyYAML gives `=`, `<<` and `1:30` a meaning of their own; for kubeadm they are texts."""
    import yaml

    class Loader(yaml.CSafeLoader):
        pass

    for tag in ("tag:yaml.org,2002:value", "tag:yaml.org,2002:merge"):
        Loader.add_constructor(tag, lambda _, node: node.value)
    for tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
        Loader.add_constructor(tag, _number(yaml.CSafeLoader.yaml_constructors[tag]))
    return Loader


def _number(read: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda loader, node: node.value if ":" in node.value else read(loader, node)


def mapping_in(text: str) -> dict[str, Any]:
    """The first document of a configuration in YAML. Raises ValueError for what is no mapping, or hostile."""
    import yaml

    depth = 0
    try:
        for event in yaml.parse(text, yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > _DEPTH_LIMIT:
                raise ValueError("it has YAML aliases, or is nested too deep, which no configuration needs")
        value = next(yaml.load_all(text, _loader()), None)
    except yaml.YAMLError as error:
        raise ValueError(f"it is no YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(value, dict):
        raise ValueError(f"it is {type(value).__name__}, not a mapping")
    return value
