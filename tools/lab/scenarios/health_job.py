"""kubeadm's health check finds no node, or is refused by a webhook that nobody answers.

One control plane and one worker. First cp1 is drained before its own upgrade, and the worker has a taint. Then the
worker is cordoned too, for which kubeadm skips the check. Then both are free, and a webhook with failurePolicy Fail, of
which only the Service is left, is told of all pods. Each time the scan is held against what kubeadm 1.37 says.
"""

from __future__ import annotations

from kubepreflight.finding import BLOCKER, WARNING
from tools.lab import workloads
from tools.lab.claims import Claim, Says, Shows, Silent
from tools.lab.kubeadm import Document
from tools.lab.lab import until
from tools.lab.replay import NEXT, Stage
from tools.lab.steps import SYSTEM, upgrade_apply

RULE = "upgrade-health-job-cannot-run"
WEBHOOK = "only-its-service-is-left"
FAILS = r"\[ERROR CreateJob\]: .* did not complete in 1m0s"
CLAIMS = (
    Claim(
        says=Says(RULE, WARNING, "upgrade-health-check", "No node would take its pod"),
        shows=Shows("kubeadm upgrade apply, cp1 drained and w1 tainted", FAILS),
        scan="cp1 drained and w1 tainted",
    ),
    Claim(shows=Shows("versions after it", r"Server Version: v1\.36\.3")),
    Claim(
        says=Silent(RULE),
        shows=Shows("kubeadm upgrade plan, all cordoned", '"CreateJob."? was skipped because there are no schedulable'),
        scan="all cordoned",
    ),
    Claim(
        says=Silent(RULE),
        shows=Shows("kubeadm upgrade plan, all free", "You can now apply the upgrade"),
        scan="all free",
    ),
    Claim(
        says=Says(RULE, WARNING, WEBHOOK, "they are refused while it does not answer"),
        shows=Shows("kubeadm upgrade apply, webhook unanswered", FAILS),
        scan="webhook unanswered",
    ),
    Claim(
        says=Says("webhook-fails-closed", BLOCKER, WEBHOOK),
        shows=Shows("events, a pod evicted", f'failed calling webhook "{WEBHOOK}.example.com"'),
        scan="webhook unanswered",
    ),
)
SHOP = f"--namespace={workloads.NAMESPACE}"


def play(stage: Stage) -> None:
    """The three obstacles, one after the other."""
    lab = stage.up()
    cp1 = lab.node("cp1")
    cp1.install(NEXT, "kubeadm")
    lab.load([workloads.namespace(), workloads.deployment("front", 1, workloads.pod_spec())], stand_ins=True)
    lab.kubectl(SHOP, "rollout", "status", "deployment/front", "--timeout=120s").checked()

    lab.kubectl("drain", "cp1", "--ignore-daemonsets", "--timeout=120s").checked()
    lab.kubectl("taint", "node", "w1", "maintenance=disk:NoSchedule").checked()
    stage.scan(name="cp1 drained and w1 tainted")
    stage.see("kubeadm upgrade apply, cp1 drained and w1 tainted", upgrade_apply(cp1, NEXT))
    stage.see("versions after it", lab.kubectl("version"))

    lab.kubectl("cordon", "w1").checked()
    stage.scan(name="all cordoned")
    stage.see("kubeadm upgrade plan, all cordoned", cp1.run("kubeadm", "upgrade", "plan", SYSTEM))

    lab.kubectl("uncordon", "cp1", "w1").checked()
    lab.kubectl("taint", "node", "w1", "maintenance-").checked()
    stage.scan(name="all free")
    stage.see("kubeadm upgrade plan, all free", cp1.run("kubeadm", "upgrade", "plan", SYSTEM))

    lab.load(_webhook())
    stage.scan(name="webhook unanswered")
    stage.see("kubeadm upgrade apply, webhook unanswered", upgrade_apply(cp1, NEXT))
    lab.kubectl(SHOP, "delete", "pod", "--all").checked()
    events = until(
        lambda: lab.kubectl(SHOP, "get", "events", "--field-selector=reason=FailedCreate").stdout, 60, "event"
    )
    stage.see("events, a pod evicted", events)


def _webhook() -> list[Document]:
    service = {"name": "policy", "namespace": workloads.NAMESPACE}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": service,
            "spec": {"selector": {"app": "gone"}, "ports": [{"port": 443}]},
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": WEBHOOK},
            "webhooks": [
                {
                    "name": f"{WEBHOOK}.example.com",
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    "clientConfig": {"service": service},
                    "rules": [
                        {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
                    ],
                }
            ],
        },
    ]
