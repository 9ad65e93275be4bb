"""Nodes on control groups of version 1."""

from collections.abc import Iterator

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Gap, Hop, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.nodes import CgroupV1, NodeNeeds
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.host_roles import is_control_plane
from kubepreflight.semantics.planned_kubelets import PlannedKubelets, is_false, today
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade

BOOT = (
    "Boot each node with version 2, while it is drained (kernel 5.8 or later, systemd 244 or later). On Debian and "
    "Ubuntu, with this word in GRUB_CMDLINE_LINUX in /etc/default/grub, and no other value of it, it is update-grub in "
    "place of grubby:\n"
    "  grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=1\n"
    "  reboot\n"
    "  stat -fc %T /sys/fs/cgroup   # must say cgroup2fs"
)

REFUSED, EDITED, ALLOWED = "cgroup v1", "cgroup v1, allowed by the node's file alone", "cgroup v1, allowed"


@rule(severity=BLOCKER, area="nodes", phase="node-upgrade")
def cgroup_v1(
    hosts: list[Host],
    upgrade: Upgrade,
    needs: NodeNeeds,
    kubelets: PlannedKubelets,
    nodes: list[Node] | None = None,
) -> Iterator[Finding | Gap]:
    """A node runs on control groups of version 1.

    Why: Kubernetes gives up version 1 of the kernel's control groups. Since 1.35 the kubelet does not start on it
    unless failCgroupV1 is false, and kubeadm does not upgrade a node on it.

    What happens: `kubeadm upgrade` stops on the node with [ERROR SystemVerification], before it has changed anything.
    Whoever goes past that has a kubelet that exits when it is started, and a node that stays NotReady. Where the
    kubelet is told failCgroupV1: false, it is kubeadm alone that stops: a warning. kubeadm writes config.yaml anew from
    the ConfigMap kubelet-config; what only stands on the node's disk is lost, unless a patch brings it back.

    When it stays silent: /sys/fs/cgroup itself is of version 2, as the kubelet tests it. With both versions mounted
    side by side (hybrid) the kubelet counts version 1. Where the plan ends before 1.35 it is a note, before 1.31,
    when the end of version 1 was announced, nothing.

    How to see it yourself: stat -fc %T /sys/fs/cgroup; version 2 is cgroup2fs

    References:
        https://kubernetes.io/docs/concepts/architecture/cgroups/
        https://github.com/kubernetes/enhancements/issues/5573
        https://github.com/kubernetes/kubernetes/pull/134744

    """
    yield from kubelets.gaps
    table, hop = needs.cgroup_v1, upgrade.hop_to(needs.cgroup_v1.refused_since)
    found: dict[str, list[Host]] = {REFUSED: [], EDITED: [], ALLOWED: []}
    for host in hosts:
        version = host.machine.cgroup_version
        if isinstance(version, Missing):
            yield host.cannot_check("system", version)
        elif version == 1 and upgrade.hop_to(table.announced):
            planned = kubelets.value(host, table.field, table.flag)
            if isinstance(planned, Missing) and hop:
                yield host.cannot_check("kubelet settings", planned)
            if isinstance(planned, Missing) or is_false(planned):
                found[ALLOWED].append(host)
            else:
                found[EDITED if is_false(today(host, table.field, table.flag)) else REFUSED].append(host)
    by_name = {node.name: node for node in nodes or ()}
    for field, same in found.items():
        if not same:
            continue
        control_plane = any(is_control_plane(one, by_name) is True for one in same)
        severity = NOTE if hop is None else BLOCKER if field is REFUSED else WARNING
        yield finding(
            common_subject(same, field),
            _says(field, listed(one.name for one in same), len(same) == 1, hop, table),
            remedy=f"{BOOT}\n{_goes_on(table, '' if field is ALLOWED else kubelets.edit)}",
            places=same,
            evidence=_evidence(same),
            hop=hop,
            severity=severity,
            phase=("control-plane-upgrade" if control_plane else "node-upgrade") if hop else "after",
        )


def _evidence(hosts: list[Host]) -> dict[str, list[str]]:
    booted = [f"{one.name}: {words}" for one in hosts if (words := _words(one))]
    return {"booted with": booted} if booted else {}


def _words(host: Host) -> str:
    options = host.machine.kernel.boot_options
    return "" if isinstance(options, Missing) else " ".join(options)


def _says(field: str, names: str, alone: bool, hop: Hop | None, table: CgroupV1) -> str:
    runs = f"{names} {'runs' if alone else 'run'} on control groups of version 1."
    if hop is None:
        return (
            f"{runs} From {table.refused_since} on kubeadm refuses such a node, and the kubelet does not start on it "
            "unless it is told to; this plan does not come to that."
        )
    kubeadm = f"kubeadm {hop.end} refuses to upgrade such a node ([ERROR {table.preflight_check}])"
    if field is ALLOWED:
        return f"{runs} {kubeadm}, whatever its kubelet is told, until it is told to go on."
    if field is EDITED:
        return (
            f"{runs} {kubeadm}. Its kubelet is allowed to ({table.field}: false) by the file on the node alone: "
            "`kubeadm upgrade` writes that anew from the ConfigMap kubelet-config, which says nothing of it, and "
            "unless a patch (--patches) brings it back, the kubelet does not start afterwards."
        )
    return f"{runs} {kubeadm}, and the kubelet of {hop.end} does not start on it: nothing sets {table.field}: false."


def _goes_on(table: CgroupV1, edit: str) -> str:
    ignore = f"kubeadm upgrade node --ignore-preflight-errors={table.preflight_check}   # and so with apply"
    setting = (
        f"Or put it off: let the kubelets start ({table.field}: false)\n{edit}\nand kubeadm go on:\n" if edit else ""
    )
    return (setting or "Until then:\n") + ignore
