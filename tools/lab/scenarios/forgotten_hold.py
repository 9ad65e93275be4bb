"""An apt upgrade on a node whose hold was forgotten.

A Debian root with a real dpkg and apt, in which kubelet, kubeadm and kubectl 1.36.3 are installed from a repository in
the layout of pkgs.k8s.io, signed by a key made on the spot. The packages are small ones with the dependencies of the
real ones; the programs in them only say their version. The repositories hold 1.36.4 and 1.37.2 besides. Five variants
of the node, each scanned with a dump of its cluster before `apt-get upgrade` really runs: what is held, the repository
of the next minor beside the first or not, a pin.
"""

from __future__ import annotations

import re

from kubepreflight.finding import BLOCKER, WARNING, Severity
from tools.lab.claims import Claim, Prediction, Says, Shows, Silent
from tools.lab.plan import LabError
from tools.lab.replay import Stage
from tools.packages import forgotten_hold
from tools.packages.forgotten_hold import (
    ALL_HELD,
    FORGOTTEN,
    HELD_NEXT_TOO,
    NEXT,
    NEXT_TOO,
    NODE,
    NOW,
    PATCH,
    PINNED,
    Variant,
)
from tools.packages.kubernetes import deb_version
from tools.packages.machine import PackagesError

VERSIONS = f"{NOW}, repositories with {PATCH} and {NEXT}"
HOLD, REPOSITORY, MOVES = "package-not-held", "package-repository-wrong-minor", "plain-upgrade-moves-kubernetes"


def _upgrade(variant: Variant) -> str:
    return f"apt-get upgrade ({variant.name})"


def _dpkg(variant: Variant) -> str:
    return f"dpkg-query after it ({variant.name})"


def _kubelet(variant: Variant) -> str:
    return f"kubelet --version after it ({variant.name})"


def _after(variant: Variant) -> str:
    return f"{variant.name}, afterwards"


def _nothing_moves(variant: Variant, says: Prediction) -> Claim:
    return Claim(says=says, shows=Shows(_upgrade(variant), "^0 upgraded, 0 newly installed"), scan=variant.name)


def _moves(variant: Variant, version: str, rule: str, severity: Severity, sentence: str) -> Claim:
    shows = Shows(_dpkg(variant), rf"^{re.escape(f'kubelet {deb_version(version)}')}$")
    return Claim(says=Says(rule, severity, NODE, sentence), shows=shows, scan=variant.name)


CLAIMS = (
    _nothing_moves(ALL_HELD, Silent(HOLD)),
    _nothing_moves(ALL_HELD, Silent(MOVES)),
    _nothing_moves(HELD_NEXT_TOO, Silent(HOLD)),
    _nothing_moves(HELD_NEXT_TOO, Says(REPOSITORY, WARNING, NODE, "takes the newest of whatever is not held")),
    _moves(FORGOTTEN, PATCH, HOLD, WARNING, f"Today a plain upgrade of the system there takes kubelet to {PATCH}"),
    Claim(shows=Shows(_upgrade(FORGOTTEN), r"have been kept back:\s+kubeadm kubectl")),
    _moves(NEXT_TOO, NEXT, HOLD, BLOCKER, f"takes kubelet to {NEXT}. That is past the API server, {NOW} on cp1"),
    _moves(NEXT_TOO, NEXT, REPOSITORY, WARNING, "takes the newest of whatever is not held, past the control plane"),
    Claim(
        says=Says("kubelet-restart-pending", WARNING, NODE, "from the next restart, by a reboot or a crash"),
        shows=Shows(_kubelet(NEXT_TOO), f"Kubernetes v{NEXT}"),
        scan=_after(NEXT_TOO),
    ),
    _moves(PINNED, PATCH, HOLD, WARNING, f"Today a plain upgrade of the system there takes kubelet to {PATCH}"),
)


def play(stage: Stage) -> None:
    """Play every variant on a copy of one node."""
    try:
        with forgotten_hold.world() as world:
            apt = " ".join(world.node.said("apt-get", "--version").split()[:2])
            stage.machine = f"A Debian root made by debootstrap, {apt}"
            for variant in forgotten_hold.VARIANTS:
                stage.say(variant.name)
                outcome = forgotten_hold.play(world, variant)
                stage.reports[variant.name] = outcome.before
                stage.reports[_after(variant)] = outcome.after
                stage.see(_upgrade(variant), outcome.upgrade)
                stage.see(_dpkg(variant), "\n".join(map(" ".join, outcome.versions.items())))
                stage.see(_kubelet(variant), outcome.kubelet)
    except PackagesError as error:
        raise LabError(str(error)) from error
