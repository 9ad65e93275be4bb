"""Every field that some minor's files had, given to real programs: each names those that it is said not to know."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from kubepreflight.knowledge.component_config import ComponentConfig
from kubepreflight.version import Minor
from tests.real.machine import Machine
from tools.knowledge import makers, records

TABLE = "component_config_fields"
FILES: dict[str, tuple[str, str, dict[str, Any]]] = {
    # with something in it at which the program ends
    "kubelet": ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration", {"maxPods": -1}),
    "kube-proxy": ("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration", {"mode": "no"}),
    "kube-scheduler": ("kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration", {"nothing": 1}),
}
LIST = "profiles."
"""What is in the elements of a list cannot be given like the rest."""
DURATION = re.compile(r"(?!eviction(Max|Soft)).*(Age|Frequency|Interval|Period|PeriodCriticalPods|Timeout|TTL)")
"""The only fields that cannot be null."""


def recorded(api_version: str, kind: str) -> dict[Minor, set[str]]:
    """The dotted names of the fields that each minor's files have."""
    found: dict[Minor, set[str]] = {}
    for pin in makers.pins_of(TABLE).pins:
        for version, one, outer, names in records.rows(TABLE, pin.minor):
            if (version, one) == (api_version, kind):
                inside = (f"{outer}.{name}" if outer else name for name in names.split())
                found.setdefault(pin.minor, set()).update(inside)
    return found


def nested(names: set[str]) -> dict[str, Any]:
    """All of them, with as little in them as can be."""
    document: dict[str, Any] = {}
    for name in sorted(names):
        *outer, last = name.split(".")
        inside = document
        for part in outer:
            inside[part] = inside = inside.get(part) or {}
        inside.setdefault(last, "1s" if DURATION.fullmatch(last) else None)
    return document


@pytest.mark.parametrize("version", ["1.36.3", "1.37.2"])
@pytest.mark.parametrize("program", FILES)
def test_a_program_names_the_fields_that_it_does_not_know(program: str, version: str, machine: Machine) -> None:
    api_version, kind, ending = FILES[program]
    by_minor = recorded(api_version, kind)
    came_or_went = {field.field for field in ComponentConfig.provide().fields(api_version, kind)}
    given = {name for names in by_minor.values() for name in names if "." not in name} | came_or_went
    given = {name for name in given if not name.startswith(LIST)}
    document = {**nested(given), **ending, "apiVersion": api_version, "kind": kind}
    (machine.root / program).write_text(yaml.safe_dump(document), encoding="utf-8")
    done = machine.run(program, version, f"--config=/{program}")
    unknown = set(re.findall(r'unknown field \\"([^"\\]+)\\"', done.stdout + done.stderr)) - {"nothing"}
    assert unknown == given - by_minor[Minor.parse(version)]
