"""A drain stops at local storage, then at a bare pod, then at a budget; and what each flag costs.

One control plane and one worker. On the worker: a Deployment of one pod with an emptyDir, a pod without a controller,
and a Deployment of one pod whose budget wants that one. `kubectl drain` is tried with one flag more each time, and at
last with the budget loosened as the finding tells.
"""

from __future__ import annotations

from kubepreflight.finding import BLOCKER, WARNING
from tools.lab import workloads
from tools.lab.claims import Claim, Says, Shows
from tools.lab.lab import Lab
from tools.lab.replay import Stage

LOCAL, BARE, BUDGET = "drain-stops-at-local-storage", "drain-stops-at-bare-pod", "drain-blocked-by-budget"
CLAIMS = (
    Claim(
        says=Says(LOCAL, WARNING, "uploads", "evicts nothing from there without --delete-emptydir-data"),
        shows=Shows("drain", r"cannot delete Pods with local storage \(use --delete-emptydir-data to override\)"),
    ),
    Claim(shows=Shows("pods on w1 after it", r"^(?s:.*)alone(?s:.*)strict-(?s:.*)uploads-")),
    Claim(
        says=Says(BARE, BLOCKER, "alone", "evicts nothing from there without --force"),
        shows=Shows("drain --delete-emptydir-data", r"cannot delete Pods that declare no controller \(use --force"),
    ),
    Claim(
        says=Says(BARE, BLOCKER, "alone", "with --force it is deleted and nothing brings it back"),
        shows=Shows("pod alone, after drain --force", r'pods "alone" not found'),
    ),
    Claim(
        says=Says(LOCAL, WARNING, "uploads", "with it they are deleted"),
        shows=Shows("files in the emptyDir, after drain --delete-emptydir-data", r"\Anone\s*\Z"),
    ),
    Claim(
        says=Says(BUDGET, BLOCKER, "strict", "can never let a pod go"),
        shows=Shows("drain --delete-emptydir-data --force", "Cannot evict pod as it would violate"),
    ),
    Claim(
        says=Says(BUDGET, BLOCKER, "strict", "asks again every 5 seconds and never gets through"),
        shows=Shows("drain --delete-emptydir-data --force", "global timeout reached"),
    ),
    Claim(shows=Shows("drain, the budget loosened as told", "node/w1 drained")),
)
SHOP = f"--namespace={workloads.NAMESPACE}"


def play(stage: Stage) -> None:
    """Load, write a file into the emptyDir, scan, drain with one flag more each time."""
    lab = stage.up()
    on_w1 = workloads.pod_spec(node="w1")
    lab.load(
        [
            workloads.namespace(),
            workloads.deployment("uploads", 1, workloads.pod_spec(empty_dir=True, node="w1")),
            workloads.bare_pod("alone", on_w1),
            workloads.deployment("strict", 1, on_w1),
            workloads.budget("strict", 1),
        ],
        stand_ins=True,
    )
    lab.kubectl(SHOP, "wait", "--for=condition=Available", "deployment", "--all", "--timeout=120s").checked()
    lab.kubectl(SHOP, "wait", "--for=condition=Ready", "pod/alone", "--timeout=120s").checked()
    w1 = lab.node("w1")
    emptied = "/var/lib/kubelet/pods/*/volumes/kubernetes.io~empty-dir/uploads"
    w1.shell(f"for folder in {emptied}; do echo much-loved >$folder/picture; done").checked()
    stage.scan()
    _drain(stage, lab)
    stage.see("pods on w1 after it", lab.kubectl(SHOP, "get", "pods", "--field-selector=spec.nodeName=w1"))
    _drain(stage, lab, "--delete-emptydir-data")
    _drain(stage, lab, "--delete-emptydir-data", "--force")
    stage.see("pod alone, after drain --force", lab.kubectl(SHOP, "get", "pod", "alone"))
    left = w1.shell(f"cat {emptied}/picture 2>/dev/null || echo none").stdout
    stage.see("files in the emptyDir, after drain --delete-emptydir-data", left)
    patch = '{"spec":{"minAvailable":null,"maxUnavailable":1}}'
    lab.kubectl(SHOP, "patch", "poddisruptionbudget", "strict", "--type=merge", "-p", patch).checked()
    _drain(stage, lab, "--delete-emptydir-data", "--force", name="drain, the budget loosened as told")


def _drain(stage: Stage, lab: Lab, *flags: str, name: str = "") -> None:
    done = lab.kubectl("drain", "w1", "--ignore-daemonsets", *flags, "--timeout=45s")
    stage.see(name or " ".join(("drain", *flags)), done)
