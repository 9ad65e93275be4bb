"""What one release's API server serves, by the description of itself that upstream commits, and what of it by default.

`api/openapi-spec/swagger.json` is what upstream's own build of the API server says of itself with every version and
every feature gate switched on; a check of theirs keeps it true for each commit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.knowledge.api_packages import Package, packages
from tools.knowledge.lives import api_version
from tools.knowledge.modules import kubernetes, staging
from tools.knowledge.pins import Pin
from tools.kubernetes.modules import ModuleError

# A resource, not a subresource of one.
_RESOURCE = re.compile(r"/(?:api|apis/[^/]+)/[^/]+/(?:namespaces/\{namespace\}/)?([^/{}]+)/?")
_CONTROL_PLANES = ("pkg/controlplane", "pkg/master")
_OTHERS = ("apiextensions-apiserver", "kube-aggregator")
"""Modules whose servers are part of kube-apiserver."""

Resource = tuple[str, str, str]
"""Group, version and name: `apps`, `v1`, `deployments`."""


@dataclass(frozen=True)
class Served:
    """A kind in one version; by default or not, and the feature gate without which it is not served."""

    api_version: str
    kind: str
    by_default: bool
    gate: str


def served(pin: Pin) -> Iterator[Served]:
    """All that the release can serve. Raises ModuleError when its source is not to be had, or is not as it was."""
    source = kubernetes(pin)
    modules = {"k8s.io/kubernetes": source}
    modules |= {f"k8s.io/{name}": staging(name, pin) for name in ("api", *_OTHERS)}
    said = packages(modules, (*_default_sources(source), *_storage_providers(source)))
    by_default = _by_default(said)
    gates = {(group, version, name): gate for one in said.values() for group, version, name, gate in one.gates}
    for resource, kind in _resources(source).items():
        group, version, _ = resource
        on = by_default.get(resource, by_default.get((group, version, ""), False))
        yield Served(api_version(group, version), kind, on, gates.get(resource, ""))


def _resources(source: Path) -> dict[Resource, str]:
    """The kind of each resource."""
    found: dict[Resource, str] = {}
    document = json.loads((source / "api/openapi-spec/swagger.json").read_text(encoding="utf-8"))
    for path, operations in document["paths"].items():
        match = _RESOURCE.fullmatch(path)
        for verb in ("post", "get") if match else ():
            kind = operations.get(verb, {}).get("x-kubernetes-group-version-kind")
            if match and kind:
                found.setdefault((kind["group"], kind["version"], match[1]), kind["kind"])
    return found


def _default_sources(source: Path) -> Iterator[str]:
    for folder in _CONTROL_PLANES:
        if (source / folder).is_dir():
            yield f"k8s.io/kubernetes/{folder}"
    for name in _OTHERS:
        yield f"k8s.io/{name}/pkg/apiserver"


def _storage_providers(source: Path) -> Iterator[str]:
    for folder in sorted((source / "pkg/registry").glob("*/rest")):
        yield f"k8s.io/kubernetes/pkg/registry/{folder.parent.name}/rest"


def _by_default(said: Mapping[str, Package]) -> dict[Resource, bool]:
    """By resource, and by version (without a resource's name): whether it is switched on unless somebody asks."""
    found = {
        (group, version, name): function.startswith("Enable")
        for one in said.values()
        for function, group, version, name in one.served
    }
    if ("", "v1", "") not in found:
        raise ModuleError("nothing says which versions are served by default: served_apis.py must say where it went")
    return found
