"""What `kubectl drain --dry-run` decides about each pod of a node, read from everything that it prints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubepreflight.semantics.drain import OKAY, SKIP, Decision, DrainFlags, Reason
from tests.real.cluster import Cluster

CASE = "case"
"""The label by which kubectl is told to leave pods out: each has its own number there."""

_POD = r"[a-z0-9-]+/[a-z0-9-]+"
_PODS = rf"{_POD}(?:, {_POD})*"
_ERROR = re.compile(rf"cannot delete (.+): ({_PODS})")
_WARNING = re.compile(rf"([^;]+): ({_PODS})")
_THROTTLED = '"Waited before sending request"'
"""What kubectl logs when it holds itself back; it sends no more than 5 requests a second, whatever the machine."""
_HOW = {"client": "dry run", "server": "server dry run"}


class Answer(NamedTuple):
    """One answer of kubectl: its messages by pod (`namespace/name`), and the pods that it would evict."""

    errors: dict[str, str]
    warnings: dict[str, str]
    evicted: frozenset[str]


def arguments(flags: DrainFlags) -> list[str]:
    """The flags as a user would type them."""
    given = {
        "--ignore-daemonsets": flags.ignore_daemonsets,
        "--delete-emptydir-data": flags.delete_emptydir_data,
        "--force": flags.force,
    }
    skip = [f"--skip-wait-for-delete-timeout={flags.skip_wait_for_delete_timeout}"]
    return [name for name, is_set in given.items() if is_set] + skip * bool(flags.skip_wait_for_delete_timeout)


def decisions(
    cluster: Cluster, node: str, flags: DrainFlags, cases: Mapping[str, str], more: Sequence[str] = (), **how: str
) -> dict[str, Decision]:
    """What kubectl decides about each pod of `cases` (pod to value of its label `case`), which all are on `node`.

    One refused pod hides what would become of the others: those are asked about again without it. `more` are more
    flags, `how` says which `dry_run` and which `version` of kubectl.
    """
    given = [*arguments(flags), *more]
    first = rest = ask(cluster, node, given, **how)
    if first.errors:
        refused = ",".join(cases[pod] for pod in first.errors)
        rest = ask(cluster, node, [*given, f"--pod-selector={CASE} notin ({refused})"], **how)
        assert not rest.errors
    assert {*first.errors, *rest.warnings, *rest.evicted} <= cases.keys()
    return {pod: _decision(pod, first, rest) for pod in cases}


def _decision(pod: str, first: Answer, rest: Answer) -> Decision:
    if pod in first.errors:
        return Decision(False, Reason.ERROR, first.errors[pod])
    if pod in rest.warnings:
        return Decision(pod in rest.evicted, Reason.WARNING, rest.warnings[pod])
    return OKAY if pod in rest.evicted else SKIP


def ask(cluster: Cluster, node: str, flags: Sequence[str], *, dry_run: str = "client", version: str = "") -> Answer:
    """Run `kubectl drain` without doing it, and account for every line of what it prints."""
    done = cluster.kubectl("drain", node, f"--dry-run={dry_run}", *flags, version=version)
    how = _HOW[dry_run]
    evicting = re.compile(rf"evicting pod ({_POD}) \({how}\)")
    said = done.stdout.splitlines()
    complaints = [line for line in done.stderr.splitlines() if _THROTTLED not in line]
    assert said.pop(0) == f"node/{node} cordoned ({how})", done
    warnings: dict[str, str] = {}
    if complaints and complaints[0].startswith("Warning: "):
        warnings = _by_pod(_WARNING, complaints.pop(0).removeprefix("Warning: ").split("; "))
    errors = _by_pod(_ERROR, complaints[3:])
    if done.returncode == 0:
        assert said.pop() == f"node/{node} drained ({how})", done
        assert not complaints, done
    else:
        told = ", ".join(complaints[3:])
        told = f"[{told}]" if len(complaints) > 4 else told
        unable = f'error: unable to drain node "{node}" due to error: {told}, continuing command...'
        assert complaints[:3] == [unable, "There are pending nodes to be drained:", f" {node}"], done
        assert said == [], done
        assert warnings == {}, done
    evicted = [evicting.fullmatch(line) for line in said]
    assert all(evicted), done
    return Answer(errors, warnings, frozenset(one[1] for one in evicted if one))


def _by_pod(form: re.Pattern[str], parts: list[str]) -> dict[str, str]:
    """The message about each pod, from `MESSAGE: NAMESPACE/NAME, NAMESPACE/NAME`."""
    found: dict[str, str] = {}
    for part in parts:
        match = form.fullmatch(part)
        assert match, part
        pods = match[2].split(", ")
        assert not found.keys() & pods, part
        found |= dict.fromkeys(pods, match[1])
    return found
