"""The Job by which kubeadm tests the cluster before an upgrade would not end well."""

from collections.abc import Iterator
from shlex import quote

import msgspec

from kubepreflight.finding import WARNING, Finding, Gap, Hop, Subject, cannot_check, finding
from kubepreflight.knowledge.health_job import HealthJob, HealthJobs
from kubepreflight.knowledge.names import Names
from kubepreflight.objects import Api, KubernetesObject, Node, Pod
from kubepreflight.rule import rule
from kubepreflight.semantics.backends import Backends
from kubepreflight.semantics.control_plane_order import ControlPlaneOrder
from kubepreflight.semantics.quotas import SystemQuotas
from kubepreflight.semantics.several import grouped
from kubepreflight.semantics.webhooks import (
    AdmissionRequest,
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
    Webhook,
    WebhookConfiguration,
)
from kubepreflight.upgrade import Upgrade

JOB = Subject(api_version="batch/v1", kind="Job", namespace="kube-system", name="upgrade-health-check")
ENFORCED = "pod-security.kubernetes.io/enforce"
NAME_LABELS = ("batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid", "job-name", "controller-uid")
OTHERWISE = (
    "Or, when you are sure of the cluster, go past the test:\n"
    "kubeadm upgrade apply VERSION --ignore-preflight-errors=CreateJob"
)


class SystemNamespace(KubernetesObject):
    """The Namespace kube-system."""

    api = Api("", "Namespace", "namespaces", namespaced=False, name="kube-system")


@rule(severity=WARNING, area="control-plane", phase="control-plane-upgrade")
def upgrade_health_job_cannot_run(
    *,
    nodes: list[Node],
    upgrade: Upgrade,
    order: ControlPlaneOrder,
    jobs: HealthJobs,
    names: Names,
    quotas: SystemQuotas | None,
    namespaces: list[SystemNamespace] | None,
    validating: list[ValidatingWebhookConfiguration] | None,
    mutating: list[MutatingWebhookConfiguration] | None,
    backends: Backends | None,
    pods: list[Pod] | None,
) -> Iterator[Finding | Gap]:
    """The Job by which kubeadm tests the cluster would find no node, or be refused.

    Why: before it changes anything, `kubeadm upgrade apply` (and `plan`) creates the Job upgrade-health-check in
    kube-system, one pod of the pause image without resource requests, and waits for it to complete: 15 seconds, from
    1.36 on a minute. What stands in its way stands in the way of other pods too.

    What happens: kubeadm stops with [ERROR CreateJob]; nothing was changed yet. That is so when every node that is
    not cordoned has a taint other than node-role.kubernetes.io/control-plane:NoSchedule, or is not Ready; when a
    ResourceQuota in kube-system demands requests or is used up; when kube-system enforces the Pod Security level
    restricted, which this pod does not meet; when a webhook with failurePolicy Fail is told of new Jobs or pods in
    kube-system, and nobody answers for it.

    When it stays silent: one node at least can take the pod, whatever is cordoned besides. Where all nodes are
    cordoned, kubeadm skips the test and says so. Before 1.30 it took no notice of how the Job ended. `kubeadm
    upgrade node` does not make it: once the first control-plane node is upgraded, it is done for this hop. Whether a
    node can pull the pause image cannot be seen from here; nor can webhooks behind a URL or with conditions in CEL
    (they are named as not checked), admission policies, and what the API server's own configuration exempts from Pod
    Security.

    How to see it yourself: kubeadm upgrade plan on a control-plane node makes the same Job; kubectl describe nodes
    tells taints, kubectl -n kube-system describe resourcequotas the quotas.

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/
        https://github.com/kubernetes/kubeadm/issues/3050
        https://kubernetes.io/docs/concepts/policy/resource-quotas/
        https://kubernetes.io/docs/concepts/security/pod-security-standards/

    """
    if pods is not None and not any(step.version for step in order.steps):
        return
    hop = next((one for one in upgrade.hops if jobs.of(one.end) and _applies(order, one)), None)
    job = jobs.of(hop.end) if hop else None
    if hop is None or job is None:
        return
    yield from _nodes(nodes, job, hop)
    yield from _quotas(quotas, hop) if quotas else ()
    yield from _pod_security(namespaces or [], hop)
    if backends is not None and namespaces is not None:
        for configuration in (*(validating or ()), *(mutating or ())):
            yield from _webhooks(configuration, namespaces, backends, names.namespace_label(hop.start), hop)


def _applies(order: ControlPlaneOrder, hop: Hop) -> bool:
    return any(order.applies(step, hop) for step in order.steps)


def _nodes(nodes: list[Node], job: HealthJob, hop: Hop) -> Iterator[Finding]:
    if all(node.spec.unschedulable for node in nodes):
        return
    obstacles: dict[object, list[str]] = {}
    for node in nodes:
        obstacle = _obstacle(node, job)
        if not obstacle:
            return
        obstacles.setdefault(obstacle, []).append(node.name)
    yield finding(
        JOB,
        f"Before the upgrade to {hop.end} kubeadm starts the Job upgrade-health-check and waits {job.seconds} seconds "
        f"for it. No node would take its pod: {grouped(obstacles)}. kubeadm stops with [ERROR CreateJob].",
        remedy="Let one of them take pods again, whichever is fit for it:\n"
        "kubectl uncordon NODE\nkubectl taint node NODE KEY:EFFECT-\n" + OTHERWISE,
        field="nodes",
        places=nodes,
        hop=hop,
    )


def _obstacle(node: Node, job: HealthJob) -> str:
    if node.spec.unschedulable:
        return "cordoned"
    for taint in node.spec.taints or ():
        named = f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"
        if taint.effect in ("NoSchedule", "NoExecute") and named not in job.tolerates:
            return f"taint {named}"
    ready = node.condition("Ready")
    return "" if ready is not None and ready.status == "True" else "not Ready"


def _quotas(quotas: SystemQuotas, hop: Hop) -> Iterator[Finding]:
    for quota, why in quotas.refusals():
        yield finding(
            quota,
            f"The ResourceQuota {quota.name} in kube-system refuses the Job by which kubeadm tests the cluster before "
            f"the upgrade to {hop.end}: {why}. kubeadm stops with [ERROR CreateJob].",
            remedy="Give containers defaults by a LimitRange, raise the quota, or take it out for the time of the "
            f"upgrade:\nkubectl -n kube-system describe resourcequota {quote(quota.name)}\n" + OTHERWISE,
            hop=hop,
        )


def _pod_security(namespaces: list[SystemNamespace], hop: Hop) -> Iterator[Finding]:
    for namespace in namespaces:
        if namespace.labels.get(ENFORCED) == "restricted":
            yield finding(
                namespace,
                "kube-system enforces the Pod Security level restricted: it refuses the pod by which kubeadm tests the "
                f"cluster before the upgrade to {hop.end}, which drops no capabilities and names no seccomp profile, "
                "and with it kube-proxy and the network plugin wherever they are made anew.",
                remedy="kube-system needs the level privileged:\n"
                f"kubectl label namespace kube-system --overwrite {ENFORCED}=privileged\n" + OTHERWISE,
                field=ENFORCED,
                hop=hop,
            )


def _webhooks(
    configuration: WebhookConfiguration,
    namespaces: list[SystemNamespace],
    backends: Backends,
    name_label: str,
    hop: Hop,
) -> Iterator[Finding | Gap]:
    own = {name_label: "kube-system"} if name_label else {}
    labels = {**own, **(namespaces[0].labels if namespaces else {})}
    requests = (
        AdmissionRequest("batch", "v1", "jobs", {}, labels),
        AdmissionRequest("", "v1", "pods", dict.fromkeys(NAME_LABELS, JOB.name), labels),
    )
    for webhook in configuration.webhooks or ():
        if not configuration.fails_closed(webhook):
            continue
        try:
            told = [one.resource for one in requests if webhook.covers(one)]
        except ValueError as error:
            yield _not_seen(configuration, webhook, str(error))
            continue
        absence = backends.absence(webhook.client_config) if told else ""
        if absence is None:
            yield _not_seen(configuration, webhook, "who answers for it does not show in the cluster")
        elif absence and webhook.match_conditions:
            yield _not_seen(configuration, webhook, f"{absence}, and whether it is asked depends on conditions in CEL")
        elif absence:
            yield _unanswered(configuration, webhook, told, absence, hop)


def _not_seen(configuration: WebhookConfiguration, webhook: Webhook, why: str) -> Gap:
    subject = msgspec.structs.replace(configuration.subject, field=webhook.name)
    return cannot_check("webhook", why, subject=str(subject), how="see the same Job pass: kubeadm upgrade plan")


def _unanswered(
    configuration: WebhookConfiguration, webhook: Webhook, told: list[str], absence: str, hop: Hop
) -> Finding:
    return finding(
        configuration,
        f"The webhook {webhook.name} is told of new {' and '.join(told)} in kube-system, and they are refused while "
        f"it does not answer: {absence}. The Job by which kubeadm tests the cluster before the upgrade to {hop.end} is "
        "refused with them, and kubeadm stops with [ERROR CreateJob].",
        remedy="Bring its backend back, or let it leave kube-system alone (namespaceSelector), or take it out for the "
        f"time of the upgrade:\nkubectl get {configuration.api.plural} {quote(configuration.name)} -o yaml\n"
        + OTHERWISE,
        field=webhook.name,
        hop=hop,
    )
