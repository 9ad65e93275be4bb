"""Pods that are to run on nodes labelled, or tainted, node-role.kubernetes.io/master."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Hop, finding
from kubepreflight.knowledge.control_plane_label import ControlPlaneLabel
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.control_plane_nodes import EFFECT, NEW, OLD, ControlPlaneNodes, bears
from kubepreflight.semantics.kubectl import in_namespace
from kubepreflight.semantics.pod_templates import PodTemplate, PodTemplates, TemplatePodSpec
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="apis", phase="control-plane-upgrade")
def master_label_in_use(
    templates: PodTemplates, label: ControlPlaneLabel, upgrade: Upgrade, nodes: list[Node] | None = None
) -> Iterator[Finding]:
    """Pods are to run on control-plane nodes by their old label or taint, which kubeadm takes away.

    Why: control-plane nodes were labelled and tainted node-role.kubernetes.io/master. Since 1.20 they have the label
    node-role.kubernetes.io/control-plane too. `kubeadm upgrade apply` of 1.24 takes the old label from all of them at
    once, and gives those with the old taint the new one as well; that of 1.25 takes the old taint away.

    What happens: pods whose nodeSelector or required node affinity asks for the old label find no node any more. A
    DaemonSet's pods are deleted from the nodes at once: log collectors, storage plug-ins, a cloud-controller-manager
    are then missing on control-plane nodes. Other pods stay where they are, until they are evicted or their kubelet
    starts anew; their successors stay Pending. Pods that bear the old taint only are not let onto those nodes any
    more: those that run stay, but a DaemonSet makes no new ones there (a warning), and what can run nowhere else stays
    Pending once it is evicted.

    When it stays silent: another node is left for the pods; selectors and tolerations go by the new names too, or bear
    every taint; no node has the old label or taint; the upgrade does not lead from below 1.24 to 1.24. Preferred
    affinity hinders nobody. Without the nodes (manifests alone) it is a warning that goes by the text. ReplicaSets that
    no Deployment makes, pods that run without a template, and other taints are not looked at.

    How to see it yourself: kubectl get nodes --show-labels, kubectl get daemonsets,deployments,statefulsets
    --all-namespaces -o yaml | grep node-role.kubernetes.io/master

    References:
        https://kubernetes.io/blog/2022/04/07/upcoming-changes-in-kubernetes-1-24/
        https://github.com/kubernetes/enhancements/tree/master/keps/sig-cluster-lifecycle/kubeadm/2067-rename-master-label-taint
        https://github.com/kubernetes/kubernetes/pull/107533

    """
    hop = upgrade.hop_that_brings(label.label_goes)
    if hop is None:
        return
    known = ControlPlaneNodes(nodes) if nodes else None
    for one in templates.all:
        if not _names_the_old(one.spec):
            continue
        found = _by_nodes(one, known, hop) if known else _by_text(one, hop)
        if found is not None:
            yield found


def _asks_for_the_old(spec: TemplatePodSpec) -> bool:
    affinity = spec.affinity.node_affinity if spec.affinity else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
    terms = (required.node_selector_terms or ()) if required else ()
    return OLD in (spec.node_selector or {}) or any(
        one.key == OLD and one.operator in ("In", "Exists") for term in terms for one in term.match_expressions or ()
    )


def _bears_only_the_old(spec: TemplatePodSpec) -> bool:
    return bears(spec.tolerations, OLD) and not bears(spec.tolerations, NEW)


def _names_the_old(spec: TemplatePodSpec) -> bool:
    return _asks_for_the_old(spec) or _bears_only_the_old(spec)


def _by_nodes(one: PodTemplate, nodes: ControlPlaneNodes, hop: Hop) -> Finding | None:
    now, then = nodes.now(one.spec), nodes.then(one.spec)
    lost = now - then
    if not lost or (then and one.subject.kind != "DaemonSet"):
        return None
    unlabelled = lost - nodes.admitted_then(one.spec)
    where = listed(sorted(lost))
    if one.subject.kind != "DaemonSet":
        why = "ask for that label" if unlabelled else "do not bear that taint"
        what = f"Its pods, which can run on {where} only, {why}: once they are evicted, their successors stay Pending."
    elif unlabelled:
        what = f"It asks for that label: its pods on {where} are deleted at once."
    else:
        what = f"It does not bear that taint: its pods on {where} stay, but no new ones are made there."
    severity = WARNING if one.subject.kind == "DaemonSet" and not unlabelled else BLOCKER
    return finding(
        one.subject,
        f"{_what_kubeadm_does(hop, label=bool(unlabelled))} {what}",
        remedy=_remedy(one),
        evidence={"nodes": sorted(lost)},
        severity=severity,
        hop=hop,
    )


def _by_text(one: PodTemplate, hop: Hop) -> Finding:
    asks = _asks_for_the_old(one.spec)
    what = "It asks for that label: no node has it then." if asks else "It bears the old taint only: it is kept away."
    return finding(
        one.subject,
        f"{_what_kubeadm_does(hop, label=asks)} {what}",
        remedy=_remedy(one),
        severity=WARNING,
        hop=hop,
    )


def _what_kubeadm_does(hop: Hop, *, label: bool) -> str:
    if label:
        return f"kubeadm {hop.end} takes the label {OLD} from all control-plane nodes."
    return f"kubeadm {hop.end} gives control-plane nodes with the taint {OLD} the taint {NEW}:{EFFECT} as well."


def _remedy(one: PodTemplate) -> str:
    steps = []
    if OLD in (one.spec.node_selector or {}):
        old, new = (f"{one.path}/nodeSelector/{name.replace('/', '~1')}" for name in (OLD, NEW))
        steps += [f'{{"op":"remove","path":"{old}"}}', f'{{"op":"add","path":"{new}","value":""}}']
    if _bears_only_the_old(one.spec):
        value = f'{{"key":"{NEW}","operator":"Exists","effect":"{EFFECT}"}}'
        steps.append(f'{{"op":"add","path":"{one.path}/tolerations/-","value":{value}}}')
    by_affinity = _asks_for_the_old(one.spec) and OLD not in (one.spec.node_selector or {})
    lines = [f"Go by {NEW} before the upgrade (kubectl get nodes -l {NEW} shows which nodes have it)"]
    if by_affinity:
        lines.append("in its required node affinity (add a term with the new key).")
    if one.subject.file:
        lines.append(f"in {one.subject.file}.")
    elif steps and one.subject.kind == "Job":
        lines.append("by making the Job anew: its template cannot be changed.")
    elif steps:
        namespace = in_namespace(one.subject.namespace)
        what = f"{one.subject.kind.lower()} {quote(one.subject.name)}"
        lines.append(f"kubectl{namespace} patch {what} --type json -p '[{','.join(steps)}]'")
    return "\n".join(lines)
