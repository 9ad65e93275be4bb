"""What an object of kubeadm's add-ons has that kubeadm would replace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kubepreflight.knowledge.addon_templates import AddonSetting, AddonTemplate


class AddonEdit(NamedTuple):
    """A field, what is in it now, and what kubeadm writes there; nothing for what it takes away."""

    path: str
    running: tuple[str, ...]
    rendered: tuple[str, ...] = ()


def addon_edits(value: Mapping[str, Any], template: AddonTemplate) -> Iterator[AddonEdit]:
    """The fields of an object (`{"spec": …}`) that hold something that no kubeadm writes."""
    for setting in template.setting:
        found = _at(value, setting.path)
        if setting.items is not None:
            known = set(setting.items)
            lost = [one for one in _items(found, setting) if one not in known]
            if lost:
                yield AddonEdit(setting.path, tuple(map(_short, lost)))
        elif found not in _EMPTY and _compact(found) not in map(_compact, setting.values or ()):
            yield AddonEdit(setting.path, (_short(found),), tuple(map(_short, (setting.values or ())[:1])))


_EMPTY: tuple[Any, ...] = (None, {}, [], "")


def _at(value: Any, path: str) -> Any:
    """What stands at a path; None when nothing does."""
    for part in path.split("."):
        if isinstance(value, list) and part.isdecimal():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _items(value: Any, setting: AddonSetting) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (key if setting.keys else f"{key}={one}" for key, one in value.items())
    for one in value if isinstance(value, list) else ():
        name = one.get("name") if isinstance(one, Mapping) else one if isinstance(one, str) else None
        text = (
            name if isinstance(name, str) else json.dumps(_without_defaults(one), sort_keys=True, separators=(",", ":"))
        )
        if not (setting.ignored_suffix and text.lower().endswith(setting.ignored_suffix)):
            yield text


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _without_defaults(value: Any) -> Any:
    """An item without what means the same as nothing."""
    if not isinstance(value, Mapping):
        return value
    return {key: one for key, one in value.items() if one not in _EMPTY and (key, one) != ("operator", "Equal")}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else _compact(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
