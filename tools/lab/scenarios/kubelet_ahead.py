"""A kubelet ahead of its API server: a plain package upgrade with the hold forgotten.

One control plane and one worker. The worker's kubelet is replaced by the next minor's and restarted while the API
server stays; then the one beside the API server. It is seen what they ask for in vain, whether their nodes stay Ready
and new pods start, and what `kubeadm upgrade plan` says of it. Then the control plane is brought after them, as the
finding tells.
"""

from __future__ import annotations

from kubepreflight.finding import BLOCKER
from tools.lab import workloads
from tools.lab.claims import Claim, Says, Shows
from tools.lab.lab import Lab, until
from tools.lab.node import Node, Result
from tools.lab.replay import NEXT, Stage
from tools.lab.steps import SYSTEM, kubelet_log, restart_kubelet, runs, settle, upgrade_apply

RULE = "kubelet-newer-than-api-server"
CLAIMS = (
    Claim(
        says=Says(RULE, BLOCKER, "w1", "it asks for what this one does not have"),
        shows=Shows("kubelet log of w1", r'"Failed to watch" err="failed to list .* is forbidden'),
    ),
    Claim(shows=Shows("kubelet log of w1", r'Warning: unknown field \\?"status\.nodeInfo')),
    Claim(
        says=Says(RULE, BLOCKER, "w1", "the node may stay Ready while only its log complains"),
        shows=Shows("nodes", r"^w1 +Ready .* v1\.37\.2"),
    ),
    Claim(shows=Shows("a new pod on w1", r"^fresh +1/1 +Running")),
    Claim(
        says=Says(RULE, BLOCKER, "w1", "kubeadm does not look at this"),
        shows=Shows("kubeadm upgrade plan", r"You can now apply the upgrade by executing"),
    ),
    Claim(
        says=Says(RULE, BLOCKER, "*", "The kubelets on cp1 and w1 are 1.37"),
        shows=Shows("nodes, with the kubelet of cp1 moved too", r"^cp1 +(Not)?Ready .* v1\.37\.2"),
        scan="both kubelets",
    ),
    Claim(
        says=Says(RULE, BLOCKER, "*", "it asks for what this one does not have"),
        shows=Shows("kubelet log of cp1", r'"Failed to watch" err="failed to list .* is forbidden'),
        scan="both kubelets",
    ),
    Claim(shows=Shows("kubeadm upgrade apply, the cure", r"SUCCESS! .* was upgraded to \"v1\.37\.2\"")),
    Claim(shows=Shows("kubelet log of w1, after the cure", "silent")),
)


def play(stage: Stage) -> None:
    """Move the worker's kubelet, scan, look; then that of the control plane; then the control plane."""
    lab = stage.up()
    cp1, w1 = lab.nodes
    lab.load([workloads.namespace()])
    _ahead(stage, lab, w1)
    stage.scan()
    lab.load([workloads.bare_pod("fresh", workloads.pod_spec(node="w1"))], stand_ins=True)
    fresh = (f"--namespace={workloads.NAMESPACE}", "get", "pod", "fresh", "--no-headers")
    lab.kubectl(f"--namespace={workloads.NAMESPACE}", "wait", "--for=condition=Ready", "pod/fresh", "--timeout=60s")
    stage.see("a new pod on w1", lab.kubectl(*fresh))
    _sees_errors(w1)
    stage.see("kubelet log of w1", kubelet_log(w1))
    stage.see("nodes", lab.kubectl("get", "nodes", "--no-headers"))
    cp1.install(NEXT, "kubeadm")
    stage.see("kubeadm upgrade plan", cp1.run("kubeadm", "upgrade", "plan", f"v{NEXT}", SYSTEM))
    _ahead(stage, lab, cp1)
    settle(lab)
    stage.scan(name="both kubelets")
    _sees_errors(cp1)
    stage.see("kubelet log of cp1", kubelet_log(cp1))
    stage.see("nodes, with the kubelet of cp1 moved too", lab.kubectl("get", "nodes", "--no-headers"))
    stage.see("kubeadm upgrade apply, the cure", upgrade_apply(cp1, NEXT))
    stage.see("kubelet log of w1, after the cure", _new_errors(w1))


def _ahead(stage: Stage, lab: Lab, node: Node) -> None:
    stage.say(f"kubelet {NEXT} on {node.name}")
    restart_kubelet(node, NEXT).checked()
    until(lambda: runs(lab, node, NEXT), 180, f"{node.name} Ready with kubelet {NEXT}")


def _sees_errors(node: Node) -> None:
    """Wait for the kubelet's first error about what it may not list; it need not come."""
    node.shell("timeout 60 sh -c 'until grep -q \"Failed to watch\" /var/log/kubelet.log; do sleep 2; done'")


def _new_errors(node: Node) -> Result | str:
    """What the kubelet could not watch within the last minute and a half of its log, or that it is silent."""
    count = "grep -c 'Failed to watch' /var/log/kubelet.log"
    before = node.shell(count).stdout
    node.run("sleep", "90")
    after = node.shell(count).stdout
    last = node.shell("grep 'Failed to watch' /var/log/kubelet.log | tail -n 1")
    return "silent" if before == after else last
