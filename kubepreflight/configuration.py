"""`kubepreflight.toml`: the options of `scan`, kept in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from kubepreflight.errors import UsageError
from kubepreflight.report import SourceRecord
from kubepreflight.toml_decoder import TomlError, decode_toml

NAME = "kubepreflight.toml"
PLAN = ("target", "at", "window")
"""What a file beside scanned input may set; a merge request must not waive its own findings."""
READING = ("exclude", "opt_in", "rules", "context", "kubeconfig", "knowledge")
"""What says what is read, and how."""
REPEATABLE = ("output", "require", "only", "disable", "exclude", "opt_in", "rules")
SINGLE = (*PLAN, "fail_on", "allow_incomplete", "context", "kubeconfig", "knowledge")


def read_configuration(path: Path) -> dict[str, Any]:
    """The options of one file, by their names with underscores. Raises UsageError, with the file's name."""
    try:
        values = decode_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, TomlError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    options = {key.replace("-", "_"): value for key, value in values.items()}
    for key, value in options.items():
        if key not in (*REPEATABLE, *SINGLE):
            raise UsageError(f"{path}: there is no option {key!r}; there are: {', '.join((*SINGLE, *REPEATABLE))}")
        if key in REPEATABLE:
            options[key] = [value] if isinstance(value, str) else value
        if not _has_type(key, options[key]):
            quoted = "; write it in quotes: TOML takes 1.30 for 1.3" if key == "target" else ""
            raise UsageError(f"{path}: {key} has no such value: {value!r}{quoted}")
    return options


def _has_type(key: str, value: Any) -> bool:
    if key in REPEATABLE:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if key in ("allow_incomplete", "window", "at"):
        return isinstance(value, {"allow_incomplete": bool, "window": str | int, "at": str | date}[key])
    return isinstance(value, str)


def beside(paths: Iterable[str], own: Path | None) -> tuple[dict[str, Any], tuple[SourceRecord, ...]]:
    """Target, date and window from the files that lie in scanned folders, and what the report says of them.

    `own` is the user's own configuration, which is not taken twice. Raises UsageError for a file that cannot be read.
    """
    found: dict[str, Any] = {}
    records = []
    for path in paths:
        file = Path(path) / NAME
        if path == "-" or not _is_file(file) or (own is not None and file.resolve() == own.resolve()):
            continue
        values = read_configuration(file)
        taken = {key: value for key, value in values.items() if key in PLAN}
        ignored = sorted(values.keys() - taken.keys())
        detail = ", ".join(f"{key} {value}" for key, value in taken.items())
        if ignored:
            detail += f"; ignored, because a file beside the input may not set it: {', '.join(ignored)}"
        records.append(SourceRecord(kind="configuration", name=str(file), detail=detail))
        found |= taken
    return found, tuple(records)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # a name that is too long, a folder that may not be entered: the source that reads it says so


def effective(typed: Mapping[str, Any], given: frozenset[str], *layers: Mapping[str, Any]) -> dict[str, Any]:
    """The options as typed, completed from `layers`, the strongest first; what was typed (`given`) always wins."""
    options = dict(typed)
    for layer in reversed(layers):
        options |= {key: value for key, value in layer.items() if key not in given}
    return options
