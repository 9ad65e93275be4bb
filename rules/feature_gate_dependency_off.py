"""Feature gates that are on at the target without another one that they need there."""

from collections.abc import Iterator, Mapping, Sequence

from kubepreflight.finding import BLOCKER, Finding, Gap, finding
from kubepreflight.rule import rule
from kubepreflight.semantics.gate_conflicts import GateConflict, GateConflicts
from kubepreflight.semantics.setting import ALL_GATES
from kubepreflight.semantics.setting_words import (
    consequences,
    edits,
    only_files,
    phase_of,
    severity_of,
    stands,
    subject_of,
)
from kubepreflight.semantics.several import listed


@rule(severity=BLOCKER, area="configuration", phase="control-plane-upgrade")
def feature_gate_dependency_off(conflicts: GateConflicts) -> Iterator[Finding | Gap]:
    """A feature gate is on at the target without another one that it needs, and that is off.

    Why: since 1.35 gates may depend on each other, and each minor adds some. A program looks at all its gates together,
    those that are set and the others with their defaults, and does not start when one is on and another that it depends
    on is off. Often just the latter is set, by somebody who never heard of the former, which is new or on by default.

    What happens: the new program ends with `… is enabled, but depends on features that are disabled: […]`. kubeadm
    waits for a new static pod in vain, and goes back; a kubelet's node stays NotReady; the pods of kube-proxy crash.
    What was only seen in files, or in static pods while kubeadm-config is not known, is a warning; so is what today's
    program refuses, too, where it is not seen what that is told.

    When it stays silent: each gate that is on at the target has what it needs; today's program refuses what is set
    already, unless it is seen that it runs without it. What is locked, or not known, at the target counts as if it were
    not set: feature-gate-locked and feature-gate-removed tell of that. AllAlpha and AllBeta count for all gates of
    their stage that are not set by name. A kubelet looks at its flags alone, then at its configuration over them, then
    at its flags over that, and ends at the first look that fails; without facts of the nodes the ConfigMap alone is
    judged. With --emulated-version gates are what they were in that version. Where gates are looked for, and where not,
    feature-gate-removed tells.

    How to see it yourself: kubectl -n kube-system get configmap kubeadm-config kubelet-config kube-proxy -o yaml | grep
    -E -A3 -i 'feature-?gates', and with the new program: kube-scheduler --feature-gates=… --kubeconfig=/none

    References:
        https://github.com/kubernetes/kubernetes/pull/133697
        https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/

    """
    yield from conflicts.gaps
    for together in conflicts.by_gate():
        yield _told(together)


def _told(together: Sequence[GateConflict]) -> Finding:
    settings = list(dict.fromkeys(one.setting for one in together))
    name, value = settings[0].name, str(settings[0].switch).lower()
    hop = min(one.hop for one in together)
    now = [one for one in together if one.hop == hop]
    lacking = {gate: sorted(lacks) for one in now for gate, lacks in sorted(one.unmet.items())}
    programs = list(dict.fromkeys(one.component for one in settings))
    return finding(
        subject_of(settings, name),
        f"The feature gate {name} is {value} in {stands(settings)}. {_without(lacking)}: {listed(programs)} of "
        f"Kubernetes {hop.end} {'ends' if len(programs) == 1 else 'end'} with `{now[0].error}`. "
        f"{_later(together, lacking)}{consequences(settings, hop)}{only_files(settings)}",
        remedy="\n".join((*_choice(now, name, value), edits(settings, name))),
        places=[one.place.subject for one in settings],
        evidence={"unmet": [f"{one} needs {listed(lacks)}" for one, lacks in lacking.items()]},
        severity=severity_of(settings),
        phase=phase_of(settings),
        hop=hop,
    )


def _without(lacking: Mapping[str, Sequence[str]]) -> str:
    needed = listed(one for lacks in lacking.values() for one in lacks)
    if len(lacking) == 1:
        return f"With that {listed(lacking)} is on without {needed}, which it depends on"
    return f"With that {listed(lacking)} are on without what they depend on, {needed}"


def _later(together: Sequence[GateConflict], lacking: Mapping[str, Sequence[str]]) -> str:
    more = {gate for one in together for gate in (*one.later, *one.unmet)} - lacking.keys()
    return f"After a later hop the same is so of {listed(sorted(more))}. " if more else ""


def _choice(now: Sequence[GateConflict], name: str, value: str) -> Iterator[str]:
    """What can be done, and what comes of taking the setting out."""
    if name in ALL_GATES:
        yield f"Name the gates that you use, and do without {name}."
        return
    keeps = all(one.likewise for one in now)
    if keeps:
        likewise = sorted({f"{gate}={value}" for one in now for gate in one.likewise})
        yield f"To keep it {value}, write {', '.join(likewise)} beside it, wherever it stands."
    after = ": the feature is on then, try that before." if value == "false" else "."
    yield f"{'Or take' if keeps else 'Take'} it out{after}"
