"""Values of flags and fields that the target's programs no longer take."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import starmap

from kubepreflight.finding import BLOCKER, Finding, Gap, Hop, finding
from kubepreflight.knowledge.setting_values import RefusedValue
from kubepreflight.rule import rule
from kubepreflight.semantics.setting import Setting
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
from kubepreflight.semantics.value_fates import ValueFate, ValueFates
from kubepreflight.visible import visible

MOST = 20
"""So many values are shown as evidence."""
LONGEST = 100
"""So much is shown of one."""


@rule(severity=BLOCKER, area="configuration", phase="control-plane-upgrade")
def setting_value_refused(fates: ValueFates) -> Iterator[Finding | Gap]:
    """A flag or a field has a value that the target refuses.

    Why: a setting stays, and what it may be set to changes: a cloud provider, a mode, a controller goes. Release notes
    tell of flags that go, seldom of values; kubeadm gives both on as they are.

    What happens: the program looks at its settings first, and ends at once with what the finding quotes. kubeadm waits
    for a new static pod in vain, and goes back; a kubelet's node stays NotReady; the pods of kube-proxy crash. What was
    only seen in files, or in static pods while kubeadm-config is not known, is a warning; so is what today's program
    refuses, too, where it is not seen what that is told.

    When it stays silent: the value is none that the table `setting-values` names, or today's program refuses it
    already, unless it is seen that it runs without it, in static pods and in the nodes' config.yaml (the upgrade then
    brings it); a gate or another flag lets it pass (DisableCloudProviders=false, --leader-elect=false), or what the
    nodes have (control groups of version 2 for LimitedSwap); a later one of the same flag takes its place, or what each
    kubelet is told over its ConfigMap: a drop-in, a flag. Gates count as they are in the version that looks: by their
    defaults, and by AllAlpha and AllBeta; one that is locked or gone there lets nothing pass any more. True and false
    count in each way in which Go reads them. What is not collected is a gap: the file of --encryption-provider-config,
    where the API server no longer takes KMS v1 by itself (1.29), and whether nodes can do ipvs, where kube-proxy no
    longer falls back to iptables (1.26). Values that no table names (numbers out of their range, misspelt ones) are not
    looked at; those of --feature-gates, --runtime-config and of the flags for admission plugins have rules of their
    own. kube-proxy's flags, and patches for kubeadm, are not read.

    How to see it yourself: kubectl -n kube-system get configmap kubeadm-config kubelet-config kube-proxy -o yaml, on
    each node: systemctl cat kubelet; cat /var/lib/kubelet/kubeadm-flags.env /etc/default/kubelet, and the new program
    with that flag: it says so before it does anything

    References:
        https://kubernetes.io/docs/reference/command-line-tools-reference/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/control-plane-flags/
        https://kubernetes.io/docs/tasks/administer-cluster/running-cloud-controller/

    """
    yield from fates.gaps
    for together in fates.by_name():
        yield _about(together)


def _about(by_hop: Mapping[Hop, Sequence[ValueFate]]) -> Finding:
    together = [one for fates in by_hop.values() for one in fates]
    settings, rows = [one.setting for one in together], _by_row(together)
    first = next(iter(by_hop))
    return finding(
        subject_of(settings, together[0].row.name),
        " ".join(starmap(_says, by_hop.items())),
        remedy=_remedy(rows),
        places=[one.place.subject for one in settings],
        evidence={"values": sorted({_shown(one.value) for one in settings})[:MOST]},
        severity=severity_of(settings),
        phase=phase_of(one.setting for one in by_hop[first]),
        hop=first,
        references=tuple(dict.fromkeys(row.source for row in rows)),
    )


def _by_row(fates: Iterable[ValueFate]) -> Mapping[RefusedValue, list[Setting]]:
    rows: dict[RefusedValue, list[Setting]] = {}
    for one in fates:
        rows.setdefault(one.row, []).append(one.setting)
    return rows


def _says(hop: Hop, fates: Sequence[ValueFate]) -> str:
    settings, rows = [one.setting for one in fates], _by_row(fates)
    programs = list(dict.fromkeys(one.component for one in settings))
    told = dict.fromkeys(text for row, there in rows.items() for text in _told(row, there))
    errors = {one.row: f"`{one.error}`" for one in reversed(fates)}  # the first of each row
    return (
        f"{listed(told)} in {stands(settings)}. {listed(programs)} of Kubernetes {hop.end} "
        f"{'refuse' if len(programs) > 1 else 'refuses'} that: {listed(errors[row] for row in rows)}. "
        f"{consequences(settings, hop)}{only_files(settings)}"
    )


def _told(row: RefusedValue, settings: Sequence[Setting]) -> Iterator[str]:
    """What is set to what: `--cloud-provider is gce`, `--controllers names service and route`."""
    values: dict[str, list[str]] = {}
    for one in settings:
        values.setdefault(_written(row, one), []).append(_shown(one.value))
    for what, there in values.items():
        yield f"{what} {'names' if row.is_of_items else 'is'} {listed(there)}"


def _written(row: RefusedValue, setting: Setting) -> str:
    return f"--{row.flag}" if setting.name == row.flag else row.field


def _shown(value: str) -> str:
    return visible(value)[:LONGEST] or "set"


def _remedy(rows: Mapping[RefusedValue, Sequence[Setting]]) -> str:
    lines: dict[str, None] = {}
    for row, settings in rows.items():
        lines[row.instead] = None
        by_name: dict[str, list[Setting]] = {}
        for one in settings:
            by_name.setdefault(_written(row, one), []).append(one)
        for what, there in by_name.items():
            lines[edits(there, _items(there) if row.is_of_items else what, row.new)] = None
    return "\n".join(lines)


def _items(settings: Sequence[Setting]) -> str:
    return listed(dict.fromkeys(_shown(one.value) for one in settings))
