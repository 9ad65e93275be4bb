"""How a feature gate that is refused is told."""

from __future__ import annotations

from collections.abc import Sequence

from kubepreflight.finding import Finding, finding
from kubepreflight.semantics.gate_fates import GateFate
from kubepreflight.semantics.setting_words import (
    consequences,
    edits,
    first_refused,
    only_files,
    phase_of,
    severity_of,
    stands,
    subject_of,
)
from kubepreflight.semantics.several import listed


def refused(together: Sequence[GateFate], why: tuple[str, str], error: str, afterwards: str) -> Finding:
    """One finding about one gate, wherever it is set: `why` programs refuse it, what is so `afterwards`.

    `why` is said of several and of one: `do not know it`, `does not know it`; `error` is what they print.
    """
    settings = [one.setting for one in together]
    name, hop = settings[0].name, together[0].hop
    programs = list(dict.fromkeys(one.component for one in settings))
    does = why[len(programs) == 1]
    refusing = first_refused(min(one.since for one in together), hop)
    return finding(
        subject_of(settings, name),
        f"The feature gate {name} is set in {stands(settings)}; {listed(programs)} of Kubernetes {refusing} {does} "
        f"(`{error}`). "
        f"{consequences(settings, hop, refusing)}{only_files(settings)}",
        remedy=f"{afterwards}\n{edits(settings, name)}",
        places=[one.place.subject for one in settings],
        evidence={"set": sorted({f"{one.component}: {one.value}" for one in settings})},
        severity=severity_of(settings),
        phase=phase_of(settings),
        hop=hop,
    )


def on_or_off(value: bool) -> str:
    """How a switch is called in sentences."""
    return "on" if value else "off"
