"""Files from which manifests are made elsewhere: of these the files alone do not tell what will be applied."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
"""What kustomize takes for granted in a file of one of these names."""
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml")
_TAKES_IN = ("resources", "bases", "components", "crds")
_NAMES_FILES = (
    *("patches", "patchesStrategicMerge", "patchesJson6902", "generators", "transformers", "validators"),
    *("configurations", "replacements", "openapi"),
)
_GENERATORS = ("configMapGenerator", "secretGenerator")
# As kustomize tells a repository from a path: a scheme, a user, a well-known host, or a query.
_REMOTE = re.compile(
    r"^[a-z+]+://|^[\w.-]+@|^(www\.)?(github|gitlab|bitbucket)\.\w+[/:]|^git::|[?&](ref|version)=", re.IGNORECASE
)


def not_read(value: Mapping[str, Any], holds: Callable[[str], bool]) -> list[str]:
    """What a kustomization takes in that is not read, resources and charts; nothing for other objects.

    `holds` says whether a path, as it stands there, lies in what is read.
    """
    if value.get("kind") not in ("Kustomization", "Component"):
        return []
    taken = [one for key in _TAKES_IN for one in _list(value.get(key)) if isinstance(one, str)]
    charts = [one for one in _list(value.get("helmCharts")) if isinstance(one, dict)]
    return [
        *(one for one in taken if _REMOTE.search(one) or not holds(one)),
        *(f"the chart {one.get('name')}" for one in charts),
    ]


def remote_in(value: Mapping[str, Any]) -> list[str]:
    """What a kustomization would fetch from elsewhere: whatever names a file there may be an address."""
    found: list[str] = []
    stack = [value.get(key) for key in (*_TAKES_IN, *_NAMES_FILES)]
    generators = [one for key in _GENERATORS for one in _list(value.get(key)) if isinstance(one, dict)]
    stack += [one.get(key) for one in generators for key in ("files", "envs", "env")]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            found += [one] if "\n" not in one and any(map(_REMOTE.search, (one, one.partition("=")[2]))) else []
        elif isinstance(one, dict):
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def is_kubeconfig(api_version: Any, kind: Any) -> bool:
    """Whether it is one: it looks like an object of the cluster, and is none."""
    return (api_version, kind) == ("v1", "Config")
