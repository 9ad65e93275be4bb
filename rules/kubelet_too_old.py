"""Kubelets that cannot stay as they are while the control plane moves on."""

from collections.abc import Iterator

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.knowledge.kubeadm_upgrades import KubeadmUpgrades
from kubepreflight.knowledge.versions import KubeadmPolicy, SkewPolicy
from kubepreflight.rule import rule
from kubepreflight.semantics import skew
from kubepreflight.semantics.kubelets import Kubelet, Kubelets, who_runs
from kubepreflight.semantics.several import common_subject
from kubepreflight.semantics.work import DrainCommand, catch_up_kubelet
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="versions", phase="control-plane-upgrade")
def kubelet_too_old(
    *,
    kubelets: Kubelets,
    upgrade: Upgrade,
    policy: SkewPolicy,
    kubeadm: KubeadmPolicy,
    upgrades: KubeadmUpgrades,
    drain: DrainCommand,
) -> Iterator[Finding | Gap]:
    """A kubelet is too old for the next step of the control plane.

    Why: the control plane moves first and the kubelets follow, so every kubelet has to work for a while with an API
    server that is newer by the whole step. How far apart they may be depends on the kubelet's own version. kubeadm has
    a limit of its own, which depends on the version of kubeadm, and was narrower once.

    What happens: `kubeadm upgrade apply` stops with "There are kubelets in this cluster that are too old", and goes on
    only with --force. Forced, the API server may no longer serve what those kubelets ask for: their nodes become
    NotReady. `kubeadm upgrade node` does not look.

    When it stays silent: each kubelet is within both limits of the first step. Later steps are not judged by today's
    kubelets, since the kubelets move with every step of the plan. Virtual nodes run no kubelet and are named as not
    checked. It is a warning when only kubeadm's own limit is passed and `kubeadm upgrade apply` has been run already.

    How to see it yourself: kubectl get nodes, and kubeadm upgrade apply VERSION --dry-run on a control-plane node;
    kubeadm upgrade plan does not look

    References:
        https://kubernetes.io/releases/version-skew-policy/#kubelet
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/create-cluster-kubeadm/#version-skew-policy

    """
    yield from kubelets.gaps
    end = upgrade.first_hop.end
    for minor in sorted({one.version.minor_version for one in kubelets.known}):
        wrong = skew.kubelet_skew(minor, end, end, policy)
        unsupported = wrong if wrong is not None and not wrong.newer else None
        allowed = kubeadm.limits(end).kubelets_behind
        refused = end.distance(minor) > allowed
        if unsupported is not None or refused:
            same = [one for one in kubelets.known if one.version.minor_version == minor]
            yield _finding(
                same, upgrade, unsupported, allowed if refused else None, _remedy(same, upgrade, upgrades, drain)
            )


def _finding(
    kubelets: list[Kubelet],
    upgrade: Upgrade,
    unsupported: skew.Skew | None,
    allowed: int | None,
    remedy: str,
) -> Finding:
    hop, minor = upgrade.first_hop, kubelets[0].version.minor_version
    steps = []
    if allowed is not None and not upgrade.half_upgraded:
        minors = "one minor version" if allowed == 1 else f"{allowed} minor versions"
        steps.append(
            f"`kubeadm upgrade apply` of {hop.end} refuses to begin: it wants every kubelet at most {minors} behind "
            "its target."
        )
    elif allowed is not None:
        steps.append(f"`kubeadm upgrade apply` of {hop.end} refuses if it has to be run again.")
    if unsupported is not None:
        steps.append(f"Beside an API server of {hop.end} such a kubelet is unsupported: {unsupported}.")
    is_mild = upgrade.half_upgraded and unsupported is None
    return finding(
        common_subject(kubelets, f"kubelet {minor}"),
        f"{who_runs(kubelets)} still {minor}. " + " ".join(steps),
        remedy=remedy,
        places=kubelets,
        evidence={"kubelets": [f"{one.node}: {one.version}" for one in kubelets]},
        severity=WARNING if is_mild else BLOCKER,
        hop=hop,
    )


def _remedy(kubelets: list[Kubelet], upgrade: Upgrade, upgrades: KubeadmUpgrades, drain: DrainCommand) -> str:
    hop = upgrade.first_hop
    kubeadm = hop.end if upgrade.half_upgraded else hop.start
    return (
        f"Bring {'it' if len(kubelets) == 1 else 'them'} to {hop.start} first, the minor version of the control plane "
        "today. "
    ) + catch_up_kubelet(
        hop.start,
        kubeadm,
        drain,
        upgrades.passed_over(kubelets[0].version.minor_version, kubeadm),
        windows=any(one.is_windows for one in kubelets),
    )
