"""etcd and Kubernetes moved together, in good order: the scan says go, and it goes.

One control plane and one worker, a Deployment of two replicas with a budget that can give one. `kubeadm upgrade apply`
(once with nothing ignored, to hear what it minds), then node by node: drain, the new kubelet, uncordon. All the while
the Deployment is asked for.
"""

from kubepreflight.finding import NOTE, WARNING
from kubepreflight.report import Verdict
from tools.lab import workloads
from tools.lab.claims import Claim, Concludes, Says, Shows, Silent
from tools.lab.replay import NEXT, Stage
from tools.lab.steps import move_kubelet, upgrade_apply, upgrade_node, watched

CLAIMS = (
    Claim(
        says=Concludes((Verdict.GO, Verdict.GO_WITH_WARNINGS)),
        shows=Shows("nodes afterwards", r"^cp1 +Ready .* v1\.37\.2$\s+^w1 +Ready .* v1\.37\.2$"),
    ),
    Claim(shows=Shows("kubeadm upgrade apply on cp1", r"SUCCESS! .* was upgraded to \"v1\.37\.2\"")),
    Claim(
        says=Silent("drain-blocked-by-budget"),
        shows=Shows("kubectl drain w1", "node/w1 drained"),
    ),
    Claim(
        says=Silent("drain-stops-at-local-storage"),
        shows=Shows("kubectl drain cp1", "node/cp1 drained"),
    ),
    Claim(
        says=Says("single-control-plane", WARNING, "cp1", "the API is away for some minutes"),
        shows=Shows("the Deployment, all the while", r"the API did not answer for [1-9]\d* s"),
    ),
    Claim(shows=Shows("the Deployment, all the while", "at least [12] available")),
    Claim(
        says=Says("etcd-version-gate", NOTE, "*", "kubeadm makes the step from 3.* all the same, with no stop between"),
        shows=Shows("images afterwards", r"\S*/etcd:3\.7\.\S*"),
    ),
    Claim(
        says=Says("cgroup-v1", WARNING, "*", "refuses to upgrade such a node"),
        shows=Shows("kubeadm upgrade apply, nothing ignored", r"ERROR SystemVerification\]: cgroups v1 support"),
    ),
    Claim(shows=Shows("pods afterwards", r"\A(.* (Running|Completed) .*\n?)+\Z")),
)


def play(stage: Stage) -> None:
    """Scan, upgrade the control plane, move both kubelets, look."""
    lab = stage.up()
    front = workloads.deployment("front", 2, workloads.pod_spec())
    lab.load([workloads.namespace(), front, workloads.budget("front", 1)], stand_ins=True)
    shop = f"--namespace={workloads.NAMESPACE}"
    lab.kubectl(shop, "rollout", "status", "deployment/front", "--timeout=120s").checked()
    stage.scan()
    cp1, w1 = lab.nodes
    with watched(lab, "deployment", "front", shop) as told:
        cp1.install(NEXT, "kubeadm")
        done = cp1.run("kubeadm", "upgrade", "apply", "--yes", f"v{NEXT}")
        stage.see("kubeadm upgrade apply, nothing ignored", done)
        if done.status:
            done = upgrade_apply(cp1, NEXT)
        stage.see("kubeadm upgrade apply on cp1", done)
        done.checked()
        stage.see("kubectl drain cp1", move_kubelet(lab, cp1, NEXT))
        upgrade_node(w1, NEXT).checked()
        stage.see("kubectl drain w1", move_kubelet(lab, w1, NEXT))
        lab.wait_ready()
        lab.kubectl(shop, "rollout", "status", "deployment/front", "--timeout=120s").checked()
    stage.see("the Deployment, all the while", "\n".join(told))
    stage.see("nodes afterwards", lab.kubectl("get", "nodes", "--no-headers"))
    stage.see("pods afterwards", lab.kubectl("get", "pods", "--all-namespaces", "--no-headers"))
    images = r'-o=jsonpath={range .items[*]}{.spec.containers[*].image}{"\n"}{end}'
    stage.see("images afterwards", lab.kubectl("get", "pods", "--namespace=kube-system", images))
