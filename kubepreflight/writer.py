"""The contract of report writers: a module in `reports/` with one function, `render`.

    def render(report: Report, medium: Medium) -> str

The module's name is the format's name, its docstring's first line is what `--help` says of it. Writers are pure:
they read nothing but the report and print nothing. They are found through the entry point group
`kubepreflight.reports`, like rules.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from types import ModuleType

import msgspec

from kubepreflight.errors import PluginError
from kubepreflight.report import Report

GROUP = "kubepreflight.reports"


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """What the text will be shown on: `width` in columns, `color` for a terminal that shows it."""

    width: int = 80
    color: bool = False


class Writer(msgspec.Struct, frozen=True):
    """One report format."""

    name: str
    summary: str
    render: Callable[[Report, Medium], str]


def writer_names() -> Mapping[str, str]:
    """The full module name of every format, without importing any of them. Raises PluginError for a duplicate."""
    names: dict[str, str] = {}
    for point in sorted(entry_points(group=GROUP)):
        try:
            package = importlib.import_module(point.value)
        except ImportError as error:
            raise PluginError(f"the report pack {point.name!r} ({point.value}) does not load: {error}") from error
        for module in pkgutil.iter_modules(package.__path__):
            if module.name.startswith("_"):
                continue
            if module.name in names:
                raise PluginError(
                    f"two report writers are called {module.name!r}: {names[module.name]} and {point.value}"
                )
            names[module.name] = f"{point.value}.{module.name}"
    return names


def load_writer(name: str) -> Writer:
    """The writer of one format. Raises PluginError when there is none or its module does not load."""
    names = writer_names()
    if name not in names:
        raise PluginError(f"there is no report format {name!r}; there are: {', '.join(sorted(names))}")
    try:
        module: ModuleType = importlib.import_module(names[name])
        render: Callable[[Report, Medium], str] = module.render
    except (ImportError, AttributeError, SyntaxError) as error:
        raise PluginError(f"the report writer {name!r} ({names[name]}) does not load: {error}") from error
    return Writer(name, (module.__doc__ or "").strip().partition("\n")[0], render)
