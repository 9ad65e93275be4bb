"""Replays: bring up a scenario's lab, let its story happen, compare, and write down what came out."""

from __future__ import annotations

import importlib
import pkgutil
import platform
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kubepreflight.finding import Severity
from kubepreflight.report import Report, to_builtins
from kubepreflight.rule import load_rules
from tools.kubernetes.build import BuildError
from tools.kubernetes.modules import ModuleError
from tools.lab import cgroups, scenarios
from tools.lab.claims import Claim, compare, named
from tools.lab.kubeadm import Document
from tools.lab.lab import Lab
from tools.lab.machine import MachineError
from tools.lab.node import Result
from tools.lab.outcomes import Outcome
from tools.lab.plan import LabError, Plan

VERSION, NEXT = "1.36.3", "1.37.2"
"""The hop that is replayed."""
FOLDER = Path(__file__).parents[2] / "docs" / "replays"


@dataclass(frozen=True)
class Scenario:
    """One module of tools/lab/scenarios: its story in words, its claims, and the story itself."""

    name: str
    title: str
    story: str
    claims: Sequence[Claim]
    play: Callable[[Stage], None]
    versions: str


@dataclass
class Stage:
    """What a story has at hand: its lab, and where it puts what it sees."""

    name: str
    say: Callable[[str], None] = print
    reports: dict[str, Report] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    machine: str = ""
    _lab: Lab | None = None

    @property
    def lab(self) -> Lab:
        """The lab, once it is up."""
        if self._lab is None:
            raise LabError("this story has brought no lab up")
        return self._lab

    def up(self, given: Sequence[Document] = (), **shape: Any) -> Lab:
        """Bring a lab of that shape up (the fields of `Plan`), at VERSION and with what NEXT needs."""
        plan = Plan(**{"name": f"replay-{self.name}", "version": VERSION, "upgrades": (NEXT,), **shape})
        self._lab = lab = Lab(plan)
        self.say(f"lab of {len(plan.members)} nodes")
        lab.up(given)
        self.machine = _machine(lab)
        return lab

    def scan(self, *arguments: str, name: str = "") -> Report:
        """Scan the lab as an operator would, hosts included, and keep the report under that name."""
        self.say(f"scan {name}".strip())
        file = self.lab.folder / "report.json"
        done = self.lab.scan("--target", NEXT, "-o", f"json={file}", *arguments)
        if done.status == 2:
            raise LabError(f"the scan does not run: {done.stderr.strip()}")
        return self.judged(file, name)

    def judged(self, file: Path, name: str = "") -> Report:
        """Keep a JSON report under that name: for a story that needs no lab and scans on its own."""
        self.reports[name] = report = msgspec.json.decode(file.read_bytes(), type=Report)
        return report

    def see(self, observation: str, what: Result | str) -> None:
        """Keep what was seen, the words of a program (and its exit status) or of a log, for the claims about it."""
        if isinstance(what, Result):
            said = (what.stdout + what.stderr).strip()
            what = f"{said}\n(exit status {what.status})" if what.status else said
        self.seen[observation] = what
        self.say(f"{observation}: {' '.join(what.split())[-160:]}")

    def keep(self, folder: Path) -> None:
        """Keep what was seen, the reports and the nodes' logs in a folder, for a look at them later."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.seen.items():
            (folder / f"{name.replace('/', ' ')}.txt").write_text(text, encoding="utf-8")
        for name, report in self.reports.items():
            (folder / f"report {name}.json".replace(" .", ".")).write_bytes(msgspec.json.encode(to_builtins(report)))
        for node in self._lab.nodes if self._lab else []:
            try:
                node.keep_logs(folder)
            except (LabError, OSError, shutil.Error):
                continue  # a node that never came up has none

    def down(self) -> None:
        """Remove the lab."""
        if self._lab is not None and (left := self._lab.down()):
            raise LabError("\n".join(["could not be removed:", *left]))


def all_scenarios() -> dict[str, Scenario]:
    """Every scenario that there is, by name."""
    names = [each.name for each in pkgutil.iter_modules(scenarios.__path__)]
    return {each.replace("_", "-"): _scenario(each) for each in names}


def _scenario(module_name: str) -> Scenario:
    module = importlib.import_module(f"{scenarios.__name__}.{module_name}")
    title, story = (module.__doc__ or "").split("\n\n", 1)
    name, versions = module_name.replace("_", "-"), getattr(module, "VERSIONS", f"{VERSION} → {NEXT}")
    return Scenario(name, title.strip(), " ".join(story.split()), module.CLAIMS, module.play, versions)


def run(scenario: Scenario, say: Callable[[str], None], logs: Path | None = None) -> Outcome:
    """Play one scenario, and compare. A story that breaks off is an outcome too, with what was seen until then; one
    that cannot begin because the machine lacks something is none: raises MachineError.

    The lab is removed again; with `logs`, all that was seen is copied there before.
    """
    stage, begun, failure = Stage(scenario.name, say), time.monotonic(), ""
    date, rules = datetime.now(UTC), {one.name for one in load_rules()}
    try:
        scenario.play(stage)
    except MachineError:
        raise
    except (BuildError, LabError, ModuleError) as error:
        failure = str(error)
    finally:
        if logs:
            stage.keep(logs / scenario.name)
        stage.down()
    predictions = [claim.says for claim in scenario.claims if claim.says is not None]
    also = (
        f"{one.rule} about {named(one.subject) or one.subject} ({one.severity})"
        for report in stage.reports.values()
        for one in report.findings
        if one.severity != Severity.BLOCKER and not any(says.covers(one) for says in predictions)
    )
    return Outcome(
        name=scenario.name,
        title=scenario.title,
        story=scenario.story,
        versions=scenario.versions,
        machine=stage.machine,
        date=f"{date:%Y-%m-%d}",
        seconds=round(time.monotonic() - begun),
        rows=tuple(compare(scenario.claims, stage.reports, stage.seen, rules)),
        also_said=tuple(dict.fromkeys(also)),
        failure=failure,
    )


def _machine(lab: Lab) -> str:
    v1 = any(one.kind == "cgroup" for one in cgroups.hierarchies())
    runtime = lab.nodes[0].run("containerd", "--version").stdout.split()[2:3]
    shape = f"{lab.plan.control_planes} + {lab.plan.workers} nodes"
    return f"{shape}, Linux {platform.release().split('-')[0]}, cgroup v{1 if v1 else 2}, containerd {''.join(runtime)}"


def chosen(names: Iterable[str]) -> list[Scenario]:
    """The scenarios of those names, or all. Raises LabError for a name that is none."""
    known = all_scenarios()
    wanted = list(names) or list(known)
    if wrong := [name for name in wanted if name not in known]:
        raise LabError(f"there is no scenario {', '.join(wrong)}; there are: {', '.join(known)}")
    return [known[name] for name in wanted]
