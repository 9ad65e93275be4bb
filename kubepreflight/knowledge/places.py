"""On which line of a file a thing stands that is named by its place in it, as `$.stop[2].leaves`."""

from __future__ import annotations

import re
from typing import Any

_PLACE = re.compile(r" - at `([^`]*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def place_in(message: str) -> str:
    """The place that a message of msgspec's ends with; empty where it names none."""
    found = _PLACE.search(message)
    return found[1] if found else ""


def line_of(place: str, text: str, suffix: str) -> int:
    """The line of a place in a file of that suffix, `.toml` or `.yaml`; 0 when it is not known."""
    steps = [name or int(number) for name, number in _STEP.findall(place)]
    return _in_yaml(text, steps) if suffix == ".yaml" else _in_toml(text, steps)


def _in_toml(text: str, steps: list[str | int]) -> int:
    """The line of the last header or key on the way there; within a value, the line where that begins."""
    lines = text.splitlines()
    at, names = 0, ""
    for number, step in enumerate(steps):
        if isinstance(step, int):
            continue
        names = f"{names}.{step}" if names else step
        following = steps[number + 1] if number + 1 < len(steps) else None
        nth = following if isinstance(following, int) else None
        header = f"[{names}]" if nth is None else f"[[{names}]]"
        heads = [line for line in range(at, len(lines)) if "".join(lines[line].split()).startswith(header)]
        if (nth or 0) < len(heads):
            at = heads[nth or 0] + 1
            continue
        key = re.compile(rf"\s*[\"']?{re.escape(step)}[\"']?\s*[.=]")
        return next((line + 1 for line in range(at, len(lines)) if key.match(lines[line])), at)
    return at


def _in_yaml(text: str, steps: list[str | int]) -> int:
    import yaml

    node: Any = yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for step in steps:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), node)
    return int(node.start_mark.line) + 1 if node else 0
