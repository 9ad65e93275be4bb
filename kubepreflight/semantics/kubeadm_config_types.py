"""What kubeadm's decoder refuses in a ClusterConfiguration that somebody wrote by hand: values of another type.

Tried with `kubeadm config validate` of 1.36.3, which decodes as `kubeadm upgrade` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubepreflight.host.kubelet import below
from kubepreflight.semantics.kubeadm_config import ARGUMENTS_AS_MAP
from kubepreflight.semantics.setting import STATIC_COMPONENTS
from kubepreflight.visible import visible

_LONGEST = 60
TEXT = "a string"
_TYPES: tuple[tuple[type, str], ...] = (
    *((bool, "a bool"), (int, "a number"), (float, "a number"), (dict, "an object"), (list, "an array")),
)


def wrong_types(document: Mapping[str, Any]) -> Iterator[str]:
    """Each place where a value has a type that kubeadm refuses, in its decoder's word for that type, and the right one.

    Looked at are `extraArgs`, whose shape goes by the version, and `featureGates`.
    """
    as_map = document.get("apiVersion") in ARGUMENTS_AS_MAP
    for path in STATIC_COMPONENTS.values():
        at = f"{'.'.join(path)}.extraArgs"
        arguments = below(document, at)
        if arguments is not None:
            yield from _of_arguments(arguments, at, as_map=as_map)
    gates = document.get("featureGates")
    for name, value in gates.items() if isinstance(gates, Mapping) else ():
        if isinstance(value, str):
            yield f"featureGates.{_short(name)} is a string, not a bool"


def _of_arguments(arguments: Any, at: str, *, as_map: bool) -> Iterator[str]:
    if as_map:
        if not isinstance(arguments, Mapping):
            yield f"{at} is {_kind(arguments)}, not an object with the flags' names and values"
            return
        values = list(arguments.items())
    else:
        if not isinstance(arguments, list):
            yield f"{at} is {_kind(arguments)}, not an array of names and values"
            return
        values = [(one.get("name"), one.get("value")) for one in arguments if isinstance(one, Mapping)]
    for name, value in values:
        if _kind(value) not in ("", TEXT):
            yield f"{at}: the value of {_short(name)} is {_kind(value)}, not a string"


def _kind(value: Any) -> str:
    """The decoder's word for a type; empty for null. A date is a text to it."""
    return next((word for kind, word in _TYPES if isinstance(value, kind)), TEXT if value is not None else "")


def _short(name: object) -> str:
    return visible(str(name))[:_LONGEST]
