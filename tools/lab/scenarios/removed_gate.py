"""A removed feature gate: the new API server never comes up, and kubeadm goes back, with all but etcd.

One control plane whose ClusterConfiguration sets SidecarContainers for the API server, which 1.36 still knows and 1.37
does not. `kubeadm upgrade apply`, and what the new API server says meanwhile.
"""

from concurrent.futures import ThreadPoolExecutor

from kubepreflight.finding import BLOCKER
from tools.lab.claims import Claim, Says, Shows
from tools.lab.replay import NEXT, Stage
from tools.lab.steps import first_line, settle, upgrade_apply

GATE = "SidecarContainers"
APPLY = "kubeadm upgrade apply"
CLAIMS = (
    Claim(
        says=Says("feature-gate-removed", BLOCKER, "*", GATE),
        shows=Shows("log of the new API server", f"unrecognized feature gate: {GATE}"),
    ),
    Claim(
        says=Says("feature-gate-removed", BLOCKER, "*", GATE),
        shows=Shows(APPLY, "couldn't upgrade control plane. kubeadm has tried to recover everything"),
    ),
    Claim(shows=Shows("kubectl version afterwards", r"Server Version: v1\.36\.3")),
    Claim(shows=Shows("etcd afterwards", r"etcd:3\.7")),
)


def play(stage: Stage) -> None:
    """Scan, upgrade in vain, look at what is left."""
    gates = [{"name": "feature-gates", "value": f"{GATE}=true"}]
    lab = stage.up([{"kind": "ClusterConfiguration", "apiServer": {"extraArgs": gates}}], workers=0)
    stage.scan()
    cp1 = lab.node("cp1")
    with ThreadPoolExecutor(1) as beside:
        line = beside.submit(first_line, cp1, "kube-apiserver", "feature gate: ")
        stage.see(APPLY, upgrade_apply(cp1, NEXT))
        stage.see("log of the new API server", line.result())
    settle(lab)
    stage.see("kubectl version afterwards", lab.kubectl("version"))
    stage.see("etcd afterwards", cp1.run("grep", "image:", "/etc/kubernetes/manifests/etcd.yaml"))
