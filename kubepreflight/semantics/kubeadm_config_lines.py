"""What to write into the ClusterConfiguration, in the shape of the version that this cluster has."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kubepreflight.image import parse_image
from kubepreflight.semantics.kubeadm_config import ARGUMENTS_AS_MAP, KubeadmConfig


def argument_lines(config: KubeadmConfig, at: Sequence[str], name: str, values: Sequence[str]) -> str:
    """The lines that set a flag; where a flag stands only once, several values are joined as Kubernetes' lists are."""
    if config.document.get("apiVersion") in ARGUMENTS_AS_MAP:
        return _below((*at, "extraArgs"), [f"{_quoted(name)}: {_quoted(','.join(values))}"])
    return _below((*at, "extraArgs"), [line for value in values for line in _item(name=name, value=value)])


def variable_lines(config: KubeadmConfig, at: Sequence[str], name: str) -> str:
    """The lines that set an environment variable, whose value is not read; empty where the version has no field."""
    if config.document.get("apiVersion") in ARGUMENTS_AS_MAP:
        return ""
    return _below((*at, "extraEnvs"), _item(name=name, value="…"))


def image_lines(at: Sequence[str], image: str) -> str:
    """The lines that make it the image of etcd."""
    parsed = parse_image(image)
    if parsed is None:
        return ""
    place = f"{parsed.registry}/{parsed.repository}".rpartition("/")[0]
    return _below(at, [f"imageRepository: {_quoted(place)}", f"imageTag: {_quoted(parsed.tag)}"])


def volume_lines(at: Sequence[str], name: str, values: Sequence[str]) -> str:
    """The lines that mount paths of the node; each value is a path, or `path at path in the container`."""
    lines = []
    for value in values:
        path, _, inside = value.partition(" at ")
        lines += _item(name=name, hostPath=path, mountPath=inside or path)
    return _below((*at, "extraVolumes"), lines)


def _item(**fields: str) -> list[str]:
    first, *others = (f"{key}: {_quoted(value)}" for key, value in fields.items())
    return [f"- {first}", *(f"  {one}" for one in others)]


def _below(path: Sequence[str], lines: Sequence[str]) -> str:
    opened = [f"{'  ' * depth}{key}:" for depth, key in enumerate(path)]
    return "\n".join([*opened, *(f"{'  ' * len(path)}{line}" for line in lines)])


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
