"""Kernels that the target, or its kube-proxy, does not take."""

from collections.abc import Iterator, Mapping

import msgspec

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Gap, Hop, Severity, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.nodes import NodeNeeds, Verification
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.addon_objects import KubeProxyConfigMap
from kubepreflight.semantics.host_roles import is_control_plane
from kubepreflight.semantics.kernels import numbers
from kubepreflight.semantics.planned_kubelets import PlannedKubelets
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.semantics.system_verification import (
    kernel_matches,
    missing_controllers,
    missing_options,
    unknown,
)
from kubepreflight.upgrade import Upgrade

IGNORE = "kubeadm upgrade node --ignore-preflight-errors=SystemVerification   # and so with apply"
NEWER = "Bring the node to a newer kernel, with its distribution's next release, while it is drained."
REFUSES = "refuses to upgrade such a node ([ERROR SystemVerification])"


class Trouble(msgspec.Struct, frozen=True):
    """One cause, for all nodes that have it. `field` tells it from others; in `says` stand `{names}` and `{has}`."""

    field: str
    says: str
    remedy: str
    hop: Hop | None
    severity: Severity = BLOCKER


@rule(severity=BLOCKER, area="nodes", phase="node-upgrade")
def kernel_too_old(
    *,
    hosts: list[Host],
    upgrade: Upgrade,
    needs: NodeNeeds,
    kubelets: PlannedKubelets,
    proxies: list[KubeProxyConfigMap] | None = None,
    nodes: list[Node] | None = None,
) -> Iterator[Finding | Gap]:
    """A node's kernel, or what it was built with, is not what the target needs.

    Why: kubeadm looks at the kernel before it upgrades a node (1.33 and later): its release, the options it was built
    with, and the controllers of its control groups. kube-proxy in nftables mode asks for a kernel of its own.

    What happens: `kubeadm upgrade` stops with [ERROR SystemVerification], on each such node, before it has changed
    anything: 1.33 for kernels before 4.19, a blocker; 1.33 and later for missing options or controllers, or where the
    kernel's configuration is nowhere to be found. `kubeadm join` has asked for those ever since, so whoever runs such a
    node has gone past it before and has to again: a warning. Of other kernels that it does not name, 1.34 and later
    only warn: a note. kube-proxy in nftables mode exits on a kernel before 5.13, and Services stop working on that
    node. From 1.37 on the kubelet sets memory.high where memoryThrottlingFactor is given; kernels before 5.9 may hang.

    When it stays silent: kubeadm names the kernel and finds all that it asks for; kube-proxy runs in another mode, or
    the kernel is young enough. Kernels to which a distribution brought back what later ones have are told by their
    number all the same: so do kubeadm and kube-proxy.

    How to see it yourself: kubeadm init phase preflight --dry-run shows the same check on a node; uname -r

    References:
        https://kubernetes.io/docs/reference/node/kernel-version-requirements/
        https://github.com/kubernetes/system-validators
        https://github.com/kubernetes/kubernetes/pull/124152

    """
    mode = proxies[0].mode if proxies else ""
    by_name = {node.name: node for node in nodes or ()}
    found: dict[Trouble, list[Host]] = {}
    for host in hosts:
        if needs.verification(upgrade.hops[-1].end):
            yield from (host.cannot_check("system", one) for one in unknown(host))
        proxy, memory = (
            _nftables(host, upgrade, needs) if mode == "nftables" else (),
            _memory(host, upgrade, needs, kubelets),
        )
        for one in (*_verification(host, upgrade, needs), *proxy, *memory):
            if isinstance(one, Gap):
                yield one
            else:
                found.setdefault(one, []).append(host)
    for trouble, same in found.items():
        control_plane = any(is_control_plane(one, by_name) is True for one in same)
        names, alone = listed(one.name for one in same), len(same) == 1
        yield finding(
            common_subject(same, trouble.field),
            trouble.says.format(names=names, has="has" if alone else "have"),
            remedy=trouble.remedy,
            places=same,
            evidence={"kernel": [f"{one.name}: {one.kernel}" for one in same if isinstance(one.kernel, str)]},
            severity=trouble.severity,
            hop=trouble.hop,
            phase="control-plane-upgrade" if control_plane and "SystemVerification" in trouble.says else None,
        )


def _verification(host: Host, upgrade: Upgrade, needs: NodeNeeds) -> Iterator[Trouble]:
    """What the first hop that finds fault says; the same fault is not told again for later hops."""
    told: set[str] = set()
    for hop in upgrade.hops:
        row = needs.verification(hop.end)
        for trouble in _check(host, hop, row) if row else ():
            if trouble.field not in told:
                told.add(trouble.field)
                yield trouble


def _check(host: Host, hop: Hop, row: Verification) -> Iterator[Trouble]:
    kubeadm = f"kubeadm {hop.end}"
    if isinstance(host.kernel, str) and not kernel_matches(host.kernel, row):
        if row.refuses:
            says = f"{{names}} {{has}} a kernel that {kubeadm} {REFUSES}: it takes {row.named}."
            yield Trouble("kernel too old for kubeadm", says, f"{NEWER}\nOr go past the check:\n{IGNORE}", hop)
        else:
            says = f"{{names}} {{has}} a kernel that {kubeadm} warns of; it names {row.named}. Nothing stops for it."
            yield Trouble("kernel that kubeadm does not name", says, "Nothing has to be done for it.", hop, NOTE)
    options = missing_options(host, row)
    if options is None:
        says = (
            f"The kernel's configuration lies nowhere on {{names}} where kubeadm looks for it. {kubeadm} {REFUSES} "
            "unless `modprobe configs` brings it to light."
        )
        remedy = f"Put it there: /boot/config-$(uname -r), or:\n{IGNORE}"
        yield Trouble("kernel's configuration not found", says, remedy, hop, WARNING)
    elif options and not isinstance(options, Missing):
        says = f"{{names}} {{has}} a kernel built without {listed(options)}. {kubeadm} {REFUSES}."
        remedy = f"{NEWER}\nOr go past the check:\n{IGNORE}"
        yield Trouble(f"kernel without {' '.join(options)}", says, remedy, hop, WARNING)
    controllers = missing_controllers(host, row)
    if controllers and not isinstance(controllers, Missing):
        says = f"{{names}} {{has}} control groups without {listed(controllers)}. {kubeadm} {REFUSES}."
        remedy = (
            "Boot the node with them; /proc/cmdline may switch them off (cgroup_disable), or not on (cgroup_enable)."
        )
        yield Trouble(f"control groups without {' '.join(controllers)}", says, remedy, hop, WARNING)


def _nftables(host: Host, upgrade: Upgrade, needs: NodeNeeds) -> Iterator[Trouble]:
    oldest = needs.oldest_kernel("nftables")
    hop = upgrade.hop_to(oldest.since)
    if hop is None or not _is_older(host.kernel, oldest.release):
        return
    exits = f"{{names}} {{has}} a kernel before {oldest.release}, on which kube-proxy in nftables mode exits"
    if hop.start < oldest.since:
        says, severity = f"{exits} from {oldest.since} on: no Service works there then.", BLOCKER
    else:
        says = f"{exits}. Where it runs all the same, it was told not to look, in a DaemonSet that kubeadm writes anew."
        severity = WARNING
    remedy = (
        f"{NEWER}\nOr let kube-proxy use iptables (mode: iptables), before the upgrade:\n"
        "kubectl -n kube-system edit configmap kube-proxy\n"
        "kubectl -n kube-system rollout restart daemonset kube-proxy"
    )
    yield Trouble("kernel too old for kube-proxy", says, remedy, hop, severity)


def _memory(host: Host, upgrade: Upgrade, needs: NodeNeeds, kubelets: PlannedKubelets) -> Iterator[Trouble | Gap]:
    oldest = needs.oldest_kernel("memory-qos")
    hop = upgrade.hop_to(oldest.since)
    if hop is None or host.machine.cgroup_version == 1 or not _is_older(host.kernel, oldest.release):
        return
    factor, gates = (kubelets.configured(host, name) for name in ("memoryThrottlingFactor", "featureGates"))
    if isinstance(factor, Missing):
        yield host.cannot_check("kubelet settings", factor)
    elif factor is not None and not (isinstance(gates, Mapping) and gates.get("MemoryQoS") is False):
        says = (
            f"{{names}} {{has}} a kernel before {oldest.release}, and memoryThrottlingFactor is set: {oldest.since} "
            "and later set memory.high for containers by it, in which such a kernel may hang."
        )
        remedy = f"Take memoryThrottlingFactor out of the kubelets' configuration:\n{kubelets.edit}\n{NEWER}"
        yield Trouble("kernel too old for memory.high", says, remedy, hop, WARNING)


def _is_older(release: str | Missing, than: str) -> bool:
    return not isinstance(release, Missing) and () < numbers(release) < numbers(than)
