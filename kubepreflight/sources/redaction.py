"""What is cut from an object before it is written to a snapshot."""

from __future__ import annotations

from typing import Any

import msgspec

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
CUT = "(cut)"


def redact(value: dict[str, Any], kind: str) -> dict[str, Any]:
    """The same object, changed in place: environment values, Secret data but `tls.crt`, last-applied bodies are cut."""
    if kind == "Secret":
        for part in ("data", "stringData"):
            if isinstance(content := value.get(part), dict):
                value[part] = {key: one if key == "tls.crt" else "" for key, one in content.items()}
    metadata = value.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if isinstance(annotations, dict) and LAST_APPLIED in annotations:
        annotations[LAST_APPLIED] = _head(annotations[LAST_APPLIED])
    _cut_environment(value)
    return value


def _head(body: Any) -> str:
    """The apiVersion, kind and name of what was applied: that is all that rules read of it."""
    try:
        applied = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, TypeError, UnicodeDecodeError):
        return "{}"
    metadata = applied.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    head = {key: applied[key] for key in ("apiVersion", "kind") if isinstance(applied.get(key), str)}
    kept = {key: names[key] for key in ("name", "namespace") if isinstance(names.get(key), str)}
    return msgspec.json.encode({**head, "metadata": kept}).decode()


def _cut_environment(value: dict[str, Any] | list[Any]) -> None:
    stack: list[dict[str, Any] | list[Any]] = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if isinstance(environment := one.get("env"), list):
                for variable in environment:
                    if isinstance(variable, dict) and "value" in variable:
                        variable["value"] = CUT
            stack.extend(inner for inner in one.values() if isinstance(inner, (dict, list)))
        else:
            stack.extend(inner for inner in one if isinstance(inner, (dict, list)))
