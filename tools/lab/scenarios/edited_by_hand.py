"""Two things edited by hand: a static pod loses its flag in the upgrade, and a kubelet is stopped by its own.

One control plane and one worker. In kube-apiserver.yaml on cp1 somebody wrote a limit of requests, and in
kubeadm-flags.env on w1 the kubelet's `--containerd`, which 1.36 still takes and 1.37 does not know. Then the upgrade of
cp1, and that of w1, whose flag is taken out in the end.
"""

from __future__ import annotations

from kubepreflight.finding import BLOCKER, WARNING
from tools.lab.claims import Claim, Says, Shows
from tools.lab.lab import until
from tools.lab.node import Node
from tools.lab.replay import NEXT, VERSION, Stage
from tools.lab.steps import get, is_ready, kubelet_log, restart_kubelet, runs, settle, upgrade_apply, upgrade_node

MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
BY_HAND = "--max-requests-inflight=800"
FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
REMOVED = "--containerd=/run/containerd/containerd.sock"
CLAIMS = (
    Claim(shows=Shows("the API server's command before", BY_HAND)),
    Claim(
        says=Says("static-pod-edited-by-hand", WARNING, "*", "and it is gone"),
        shows=Shows("kube-apiserver.yaml after kubeadm upgrade apply", "no such flag"),
    ),
    Claim(shows=Shows("kubelet 1.36.3 on w1", "Flag --containerd has been deprecated")),
    Claim(
        says=Says("flag-removed", BLOCKER, "*", "--containerd"),
        shows=Shows("kubelet 1.37.2 on w1", "unknown flag: --containerd"),
    ),
    Claim(
        says=Says("flag-removed", BLOCKER, "*", "--containerd"),
        shows=Shows("nodes", r"^w1 +NotReady"),
    ),
    Claim(shows=Shows("nodes, the flag taken out", r"^w1 +Ready .* v1\.37\.2")),
)


def play(stage: Stage) -> None:
    """Edit, scan, upgrade cp1, then w1."""
    lab = stage.up()
    cp1, w1 = lab.nodes
    cp1.run("sed", "-i", f"s|^    - kube-apiserver$|&\\n    - {BY_HAND}|", MANIFEST).checked()
    until(lambda: BY_HAND in _command(cp1), 180, "the API server with its flag")
    settle(lab)
    stage.see("the API server's command before", _command(cp1))
    w1.run("sed", "-i", f's|"$| {REMOVED}"|', FLAGS).checked()
    restart_kubelet(w1, VERSION).checked()
    until(lambda: "--containerd has been deprecated" in kubelet_log(w1) and runs(lab, w1, VERSION), 120, "w1 again")
    lab.wait_ready()
    stage.see("kubelet 1.36.3 on w1", kubelet_log(w1))
    stage.scan()
    upgrade_apply(cp1, NEXT).checked()
    left = cp1.shell(f"grep -- '{BY_HAND}' {MANIFEST} || echo no such flag").stdout
    stage.see("kube-apiserver.yaml after kubeadm upgrade apply", left)
    upgrade_node(w1, NEXT).checked()
    restart_kubelet(w1, NEXT)
    until(lambda: (found := get(lab, "nodes", "w1")) and not is_ready(found), 180, "w1 not Ready")
    stage.see("kubelet 1.37.2 on w1", kubelet_log(w1))
    stage.see("nodes", lab.kubectl("get", "nodes", "--no-headers"))
    w1.run("sed", "-i", f"s| {REMOVED}||", FLAGS).checked()
    until(lambda: runs(lab, w1, NEXT), 120, "w1 Ready")
    stage.see("nodes, the flag taken out", lab.kubectl("get", "nodes", "--no-headers"))


def _command(node: Node) -> str:
    """The command lines of the API servers that run on the node."""
    return node.shell("pgrep -a kube-apiserver").stdout
