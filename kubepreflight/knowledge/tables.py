"""All tables together: which there are, and how a folder of the user's replaces them or adds to them."""

from __future__ import annotations

import difflib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

import kubepreflight.knowledge
from kubepreflight.errors import KnowledgeError
from kubepreflight.knowledge import table
from kubepreflight.knowledge.checks import check
from kubepreflight.knowledge.table import DIRECTORY, TableInfo
from kubepreflight.visible import visible

ADDONS = "addons"


class Table(msgspec.Struct, frozen=True):
    """One table, as rules ask for it, and the files that it was made of."""

    info: TableInfo
    files: tuple[Path, ...]

    @property
    def own(self) -> tuple[str, ...]:
        """Those of the files that are the user's."""
        return tuple(str(path) for path in self.files if not path.is_relative_to(DIRECTORY))


def load() -> tuple[Table, ...]:
    """Every table, with the files that it is made of.

    All are read anew. Raises KnowledgeError for the first one that cannot be used.
    """
    found = []
    for kind in kinds():
        _forget()
        table.opened()
        info = kind.provide().info
        found.append(Table(info, tuple(table.opened())))
    return tuple(sorted(found, key=lambda one: one.info.table))


def use(folder: Path) -> tuple[Table, ...]:
    """Read tables from a folder of the user's too: a file with a shipped one's name stands in its place, one in
    `addons/` that is new is one more add-on. Everything in it is checked before any of it counts.

    Raises KnowledgeError, naming file and line, and leaves the tables as they are shipped.
    """
    own = _files_of(folder)
    for shipped, path in own.items():
        check(path, shipped if shipped.exists() else None)
    table.replace(own)
    try:
        found = load()
        unread = set(own.values()) - {path for one in found for path in one.files}
        if unread:
            raise KnowledgeError(f"{min(unread)}: no table reads it")
    except KnowledgeError:
        use_shipped()
        raise
    return found


def use_shipped() -> None:
    """Read what is shipped, and nothing else."""
    table.replace({})
    _forget()


def shipped_files() -> tuple[Path, ...]:
    """Every file of facts that comes with kubepreflight."""
    return tuple(sorted((*DIRECTORY.glob("*.csv"), *DIRECTORY.glob("*.toml"), *(DIRECTORY / ADDONS).glob("*.yaml"))))


def _files_of(folder: Path) -> Mapping[Path, Path]:
    """The user's files by those in whose place they stand."""
    known = {path.name for path in shipped_files() if path.parent == DIRECTORY}
    own = {}
    for path in _entries(folder):
        if path.name == ADDONS and path.is_dir():
            for addon in _entries(path):
                if addon.suffix != ".yaml":
                    raise KnowledgeError(f"{addon}: the name of an add-on's file ends in .yaml")
                own[DIRECTORY / ADDONS / addon.name] = addon
        elif path.name in known:
            own[DIRECTORY / path.name] = path
        else:
            near = difflib.get_close_matches(path.name, (*known, ADDONS), 1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted((*known, f'{ADDONS}/')))}"
            raise KnowledgeError(f"{path}: no table has a file of this name; {hint}")
    if not own:
        raise KnowledgeError(f"--knowledge {folder}: there is no file of facts in it")
    return own


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise KnowledgeError(f"--knowledge {visible(str(folder))}: {error.strerror or error}") from error


def kinds() -> Iterator[Any]:
    """The classes that are tables: those in a module of `knowledge` with `info`, and a `provide` that needs nothing."""
    for module in pkgutil.iter_modules(kubepreflight.knowledge.__path__):
        loaded = import_module(f"{kubepreflight.knowledge.__name__}.{module.name}")
        for kind in vars(loaded).values():
            if inspect.isclass(kind) and kind.__module__ == loaded.__name__ and _is_table(kind):
                yield kind


def _is_table(kind: type) -> bool:
    provide = getattr(kind, "provide", None)
    if provide is None or inspect.isabstract(kind):
        return False
    return hasattr(kind, "info") and not inspect.signature(provide).parameters


def _forget() -> None:
    """Drop what the loaders keep of tables that were read."""
    prefix = f"{kubepreflight.knowledge.__name__}."
    for name, module in list(sys.modules.items()):
        if name.startswith(prefix):
            _forget_in(module)


def _forget_in(module: ModuleType) -> None:
    for value in list(vars(module).values()):
        inside = [value, *(getattr(value, name, None) for name in vars(value))] if inspect.isclass(value) else [value]
        for one in inside:
            if callable(clear := getattr(one, "cache_clear", None)):
                clear()
