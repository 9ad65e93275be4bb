"""What `kubeadm upgrade apply` says of the versions that it meets.

Upstream's NormalizeKubernetesVersion (cmd/kubeadm/app/util/config/common.go) and EnforceVersionPolicies
(cmd/kubeadm/app/phases/upgrade/policy.go), question by question and in their order. The numbers of the rows are those
of the project's table. kubeadm compares minors alone in most of them and never looks at a kubelet that is too new;
`upgrade plan` and `upgrade node` ask none of this.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from kubepreflight.knowledge.versions import KubeadmLimits, KubeadmPolicy
from kubepreflight.version import Version


class PolicyError(msgspec.Struct, frozen=True):
    """One error that kubeadm prints: the number of its row, whether --force passes over it, and its text."""

    row: int
    skippable: bool
    text: str

    def __str__(self) -> str:
        return self.text


class KubeadmVerdict(msgspec.Struct, frozen=True):
    """All errors, in kubeadm's order."""

    errors: tuple[PolicyError, ...] = ()

    @property
    def mandatory(self) -> tuple[PolicyError, ...]:
        """What stops it, --force or not."""
        return tuple(error for error in self.errors if not error.skippable)

    @property
    def skippable(self) -> tuple[PolicyError, ...]:
        """What stops it unless --force is given."""
        return tuple(error for error in self.errors if error.skippable)


def kubeadm_upgrade_verdict(
    *,
    target: Version,
    cluster: Version | None,
    kubeadm: Version | None,
    kubelets: Collection[Version] | None,
    policy: KubeadmPolicy,
    allow_experimental: bool = False,
    allow_release_candidates: bool = False,
) -> KubeadmVerdict:
    """What a `kubeadm` says to `kubeadm upgrade apply TARGET`.

    `cluster` is the version of the API server that it reaches, `kubelets` those of all nodes; None is what it cannot
    read. The last two are its flags --allow-experimental-upgrades and --allow-release-candidate-upgrades.
    """
    if cluster is None:
        return KubeadmVerdict((PolicyError(1, False, "Unable to fetch cluster version"),))
    if kubeadm is None:
        return KubeadmVerdict((PolicyError(2, False, "Unable to fetch kubeadm version"),))
    limits = policy.limits(kubeadm.minor_version)
    minimum = Version(kubeadm.major, kubeadm.minor - limits.control_plane_behind, 0)
    if target < minimum:
        # Asked before all else: the row of this name in EnforceVersionPolicies is never reached.
        text = f"this version of kubeadm only supports deploying clusters with the control plane version >= {minimum}"
        return KubeadmVerdict((PolicyError(4, False, f"{text}. Current version: v{target}"),))
    unreadable = (PolicyError(3, True, "Unable to fetch kubelet version"),) if kubelets is None else ()
    return KubeadmVerdict(
        (
            *unreadable,
            *_of_the_hop(target, cluster, limits),
            *_of_kubeadm(target, kubeadm),
            *_of_previews(target, allow_experimental, allow_release_candidates),
            *_of_kubelets(target, kubelets or (), limits),
        )
    )


def _of_the_hop(target: Version, cluster: Version, limits: KubeadmLimits) -> Iterator[PolicyError]:
    preview = target.prerelease is not None
    if target.minor > cluster.minor + limits.upgrade_minors:
        text = f"is too high; kubeadm can upgrade only {limits.upgrade_minors} minor version at a time"
        yield PolicyError(5, preview, f"{_specified(target)} {text}")
    if target.minor < cluster.minor - limits.downgrade_minors:
        text = f"is too low; kubeadm can downgrade only {limits.downgrade_minors} minor version at a time"
        yield PolicyError(6, preview, f"{_specified(target, 'downgrade')} {text}")


def _of_kubeadm(target: Version, kubeadm: Version) -> Iterator[PolicyError]:
    if kubeadm < target and target.minor > kubeadm.minor:
        text = (
            "is at least one minor release higher than the kubeadm minor release "
            f"({target.minor} > {kubeadm.minor}). Such an upgrade is not supported"
        )
        yield PolicyError(7, target.prerelease is not None, f"{_specified(target)} {text}")
    elif kubeadm < target:
        text = (
            f"is higher than the kubeadm version {_quoted(kubeadm)}. "
            "Upgrade kubeadm first using the tool you used to install kubeadm"
        )
        yield PolicyError(8, True, f"{_specified(target)} {text}")
    if kubeadm.major > target.major or kubeadm.minor > target.minor:
        text = f"can only be used to upgrade to Kubernetes version {kubeadm.minor_version}"
        yield PolicyError(9, True, f"Kubeadm version v{kubeadm} {text}")


def _of_previews(target: Version, experimental: bool, candidates: bool) -> Iterator[PolicyError]:
    if target.prerelease is None or experimental or (target.prerelease[0] == "rc" and candidates):
        return
    text = "is an unstable version and such upgrades weren't allowed via setting the --allow-*-upgrades flags"
    yield PolicyError(10, True, f"{_specified(target)} {text}")


def _of_kubelets(target: Version, kubelets: Collection[Version], limits: KubeadmLimits) -> Iterator[PolicyError]:
    old = [kubelet for kubelet in kubelets if target.minor > kubelet.minor + limits.kubelets_behind]
    if old:
        # Each as it is told: kubeadm takes 1.33.9 and 1.33.9+k3s1 for two.
        versions = " ".join(dict.fromkeys(kubelet.text or f"v{kubelet}" for kubelet in sorted(old)))
        text = "There are kubelets in this cluster that are too old that have these versions"
        yield PolicyError(11, True, f"{text} [{versions}]")


def _specified(target: Version, direction: str = "upgrade") -> str:
    return f"Specified version to {direction} to {_quoted(target)}"


def _quoted(version: Version) -> str:
    return f'"v{version}"'
