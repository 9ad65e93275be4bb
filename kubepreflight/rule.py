"""The contract of rules: one risk, one module in `rules/`, one decorated pure function.

    @rule(severity=BLOCKER, area="storage", phase="node-upgrade")
    def ceph_unhealthy(clusters: list[CephCluster]) -> Iterator[Finding]:
        '''A node goes down while Ceph is not healthy.

        Why: …
        What happens: …
        When it stays silent: …
        How to see it yourself: …
        References:
            https://…
        '''

The parameters' types say what the rule needs (see `kubepreflight.inputs`), the docstring is its page. A rule yields
findings, and a `Gap` (from `cannot_check`) for what it could not look at.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from kubepreflight.errors import PluginError
from kubepreflight.finding import Finding, Gap, Phase, Severity
from kubepreflight.inputs import Parameter, parameters_of

GROUP = "kubepreflight.rules"
AREAS = (
    "versions",
    "certificates",
    "packages",
    "nodes",
    "control-plane",
    "configuration",
    "drain",
    "storage",
    "apis",
    "compatibility",
    "recovery",
)
SECTIONS = ("Why", "What happens", "When it stays silent", "How to see it yourself", "References")
_HEADING = re.compile(rf"^({'|'.join(SECTIONS)}):[ \t]*", re.MULTILINE)

Judgement = Callable[..., Iterable[Finding | Gap]]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as the engine and `kubepreflight explain` know it.

    `title` is the docstring's first paragraph; `page` maps the headings of `SECTIONS` to their texts.
    """

    name: str
    severity: Severity
    area: str
    phase: Phase
    judge: Judgement
    parameters: tuple[Parameter, ...]
    title: str
    page: Mapping[str, str]
    module: str

    @property
    def references(self) -> tuple[str, ...]:
        """The links of the page's last section."""
        return tuple(word for word in self.page.get("References", "").split() if word.startswith("https://"))

    def __call__(self, *args: Any, **kwargs: Any) -> Iterable[Finding | Gap]:
        """The function itself, for tests and for other rules' reading."""
        return self.judge(*args, **kwargs)


def rule(*, severity: Severity, area: str, phase: Phase | str) -> Callable[[Judgement], Rule]:
    """Make a rule of a function: its worst `severity`, its `area`, the `phase` in which it usually bites.

    Raises PluginError when the area is unknown, or the docstring or a parameter's type is missing.
    """

    def decorate(judge: Judgement) -> Rule:
        name = judge.__name__.replace("_", "-")
        if area not in AREAS:
            raise PluginError(f"rule {name}: there is no area {area!r}; there are: {', '.join(AREAS)}")
        title, page = read_page(inspect.getdoc(judge) or "")
        if not title:
            raise PluginError(f"rule {name}: it has no docstring, which would be its page")
        return Rule(
            name=name,
            severity=severity,
            area=area,
            phase=Phase(phase),
            judge=judge,
            parameters=parameters_of(judge),
            title=title,
            page=page,
            module=judge.__module__,
        )

    return decorate


def read_page(docstring: str) -> tuple[str, Mapping[str, str]]:
    """Split a rule's docstring into its title and its sections."""
    parts = _HEADING.split(docstring)
    sections = {heading: inspect.cleandoc(text) for heading, text in zip(parts[1::2], parts[2::2], strict=True)}
    return " ".join(parts[0].split("\n\n")[0].split()), sections


def load_rules(folders: Iterable[Path] = ()) -> tuple[Rule, ...]:
    """All rules of the installed packs and of `folders` (`--rules DIR`), sorted by name.

    Raises PluginError when a pack does not load or two rules share a name.
    """
    found: dict[str, Rule] = {}
    for one in (*_from_packs(), *(each for folder in folders for each in _from_folder(folder))):
        if one.name in found and found[one.name].module != one.module:
            raise PluginError(f"two rules are called {one.name!r}: in {found[one.name].module} and in {one.module}")
        found[one.name] = one
    return tuple(found[name] for name in sorted(found))


def _from_packs() -> Iterator[Rule]:
    for point in sorted(entry_points(group=GROUP)):
        try:
            package = importlib.import_module(point.value)
            modules = [
                importlib.import_module(f"{point.value}.{module.name}")
                for module in pkgutil.iter_modules(package.__path__)
                if not module.name.startswith("_")
            ]
        except (Exception, SystemExit) as error:
            raise PluginError(f"the rule pack {point.name!r} ({point.value}) does not load: {error}") from error
        for module in modules:
            yield from _rules_in(module)


def _from_folder(folder: Path) -> list[Rule]:
    if not folder.is_dir():
        raise PluginError(f"--rules {folder}: no such folder")
    rules: list[Rule] = []
    for path in sorted(folder.glob("[!_]*.py")):
        name = f"kubepreflight_rules_of.{path.resolve().with_suffix('')}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            raise PluginError(f"the rule module {path} does not load: {error!r}") from error
        rules += _rules_in(module)
    if not rules:
        raise PluginError(f"--rules {folder}: no module in it has a rule")
    return rules


def _rules_in(module: ModuleType) -> Iterator[Rule]:
    yield from (one for one in vars(module).values() if isinstance(one, Rule) and one.module == module.__name__)
