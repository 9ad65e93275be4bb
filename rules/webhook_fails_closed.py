"""Admission webhooks that refuse what they cannot be asked about."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from shlex import quote

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Gap, Phase, Subject, finding
from kubepreflight.knowledge.names import Names
from kubepreflight.rule import rule
from kubepreflight.semantics.several import NAMED, listed
from kubepreflight.semantics.strict_webhooks import Answering, StrictWebhook, StrictWebhooks
from kubepreflight.semantics.upgrade_requests import Told
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="apis", phase="control-plane-upgrade")
def webhook_fails_closed(webhooks: StrictWebhooks, names: Names, upgrade: Upgrade) -> Iterator[Finding | Gap]:
    """A webhook with failurePolicy Fail has nobody to answer for it, or loses them all with one node.

    Why: before the API server stores, changes or deletes an object, it asks the admission webhooks that are told of
    it. With failurePolicy Fail, which is the default, no answer means no. An upgrade takes away pods on every node, and
    needs them made anew elsewhere, and kubeadm writes to kube-system.

    What happens: a blocker when nobody answers now (there is no such Service, or no such port, or no endpoint is ready)
    and the webhook is told of what the upgrade needs: pods that a drain evicts, evictions, nodes, leases, static pods
    as the kubelet shows them, what kubeadm writes. The message says which, and what does not work. A warning when it is
    told of other things only, which are refused today already, or when conditions in CEL (not evaluated here) may leave
    it out. A warning, too, when all who answer run on one node: while that is drained, pods cannot be made elsewhere
    until one of them is ready there. A webhook that is told of its own pods may then never come back: where the last
    one is gone before a new one is let in, nobody can let it in. A note when somebody answers on several nodes, but the
    webhook is told of pods in kube-system: kubeadm's wait for its static pods then rests on it.

    When it stays silent: failurePolicy is Ignore; somebody answers on two nodes or more, or a DaemonSet's pod or a
    static pod does, which a drain leaves alone; the webhook with its backend on one node is told of nothing that a
    drain needs; that node has its new kubelet already; the cluster has a single node. What the webhook is told of is
    computed as the API server does, from its rules, matchPolicy, namespaceSelector and objectSelector with the labels
    that namespaces, nodes and pods have here.
    Webhook configurations and admission policies themselves are told to no webhook, so that they can always be mended.
    A webhook behind a URL, an ExternalName or a headless Service is named as not checked. What a webhook that answers
    says to an eviction cannot be foretold.

    How to see it yourself: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml, and for
    the Service that each names kubectl -n NAMESPACE get endpointslices -l kubernetes.io/service-name=NAME

    References:
        https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy
        https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/
        https://github.com/kubernetes/apiserver/blob/v0.37.2/pkg/admission/plugin/webhook/generic/webhook.go

    """
    yield from webhooks.gaps
    for one in webhooks.answering:
        if one.backend.absence:
            yield _unanswered(one, one.backend.absence)
        elif one.node and one.told:
            yield _goes_with_its_node(one)
        elif not one.node and (found := [each for each in one.webhooks if any(map(_is_of_system_pods, each.told))]):
            yield _stands_between(one, found, names.namespace_label(upgrade.first_hop.start))


def _unanswered(one: Answering, absence: str) -> Finding:
    certain = [each for each in one.webhooks if each.is_certain]
    if certain:
        then = f"All that it should see is refused: {_harms(told for each in certain for told in each.told)}."
    elif one.told:
        then = f"All that it should see is refused, unless its conditions in CEL leave it out: {_harms(one.told)}."
    else:
        then = "All that it should see is refused, today already; nothing that an upgrade needs is among it."
    return finding(
        one.webhooks[0].configuration,
        f"Nobody answers for {_named(one.webhooks)}: {absence}. {then}{OWN if one.own else ''}",
        remedy="Bring back who answers:\n"
        f"kubectl -n {quote(one.service.namespace)} get services,endpointslices,deployments,pods\n"
        + "\n".join(_do_without(one.webhooks)),
        places=[each.subject for each in one.webhooks],
        evidence=_evidence(one.told),
        severity=BLOCKER if certain else WARNING,
        phase=min((each.row.phase for each in one.told), key=lambda phase: phase.rank, default=Phase.BEFORE),
    )


def _goes_with_its_node(one: Answering) -> Finding:
    pods = one.backend.pods
    who = f"{pods[0].name} alone does" if len(pods) == 1 else f"all {len(pods)} pods that do run there"
    unless = "" if any(each.is_certain for each in one.webhooks) else ", unless its conditions in CEL leave it out"
    return finding(
        one.webhooks[0].configuration,
        f"While {one.node} is drained nobody answers for {_named(one.webhooks)}: {who} (Service {one.service}). Until "
        f"one is ready elsewhere, all that it should see is refused{unless}: {_harms(one.told)}."
        + (OWN if one.own else ""),
        remedy="Let two pods or more answer for it, on different nodes (replicas, topologySpreadConstraints), before "
        f"that node is drained:\nkubectl -n {quote(one.service.namespace)} get pods -o wide\n"
        "Or let pass what it should see, until the upgrade is done (an operator may put it back):\n"
        + "\n".join(_let_pass(one.webhooks)),
        places=[*(each.subject for each in one.webhooks), *pods],
        evidence=_evidence(one.told),
        severity=WARNING,
        phase="node-upgrade",
    )


def _is_of_system_pods(one: Told) -> bool:
    return one.row.where == "kube-system" and one.row.resource == "pods"


def _stands_between(one: Answering, found: list[StrictWebhook], name_label: str) -> Finding:
    configuration = found[0].configuration
    if name_label:
        label, left_out = "", f"{{key: {name_label}, operator: NotIn, values: [kube-system]}}"
    else:
        label = " and a label that you give it, for this version gives it none"
        left_out = "{key: webhooks, operator: NotIn, values: [none]}"
    return finding(
        configuration,
        f"Pods in kube-system are refused whenever nobody answers for {_named(found)} (Service {one.service}). "
        "Somebody does now; should that end in the course of the upgrade, kubeadm waits in vain for its static pods to "
        "show, and goes back.",
        remedy=f"Let it leave kube-system alone, by a namespaceSelector{label}, where its add-on is configured:\n"
        + ("" if name_label else "kubectl label namespace kube-system webhooks=none\n")
        + f"matchExpressions: [{left_out}]\n"
        f"kubectl get {configuration.api.plural} {quote(configuration.name)} -o yaml",
        places=[each.subject for each in found],
        severity=NOTE,
    )


def _named(webhooks: Iterable[StrictWebhook]) -> str:
    names = list(dict.fromkeys(one.webhook.name for one in webhooks))
    return f"the webhook{'s' if len(names) > 1 else ''} {listed(names)}"


def _harms(told: Iterable[Told]) -> str:
    of_pods: dict[int, tuple[tuple[Subject, ...], list[str]]] = {}
    others: list[str] = []
    for one in told:
        # Equal selectors give the very same workloads, of which there may be very many.
        harms = of_pods.setdefault(id(one.workloads), (one.workloads, []))[1] if one.workloads else others
        harms.append(one.row.harm)
    alike: dict[tuple[str, ...], list[tuple[Subject, ...]]] = {}
    for whose, found in of_pods.values():
        alike.setdefault(tuple(dict.fromkeys(found)), []).append(whose)
    texts = [*dict.fromkeys(others)]
    texts += (f"with pods of {_some(whose)}: {'; '.join(harms)}" for harms, whose in alike.items())
    return "; ".join(texts)


def _some(groups: list[tuple[Subject, ...]]) -> str:
    whose = groups[0] if len(groups) == 1 else tuple(dict.fromkeys(one for group in groups for one in group))
    return listed(whose) if len(whose) <= NAMED + 1 else listed([*whose[:NAMED], f"{len(whose) - NAMED} more"])


def _evidence(told: Iterable[Told]) -> Mapping[str, list[str]]:
    found = sorted({_request(one) for one in told})
    return {"told of": found} if found else {}


def _request(one: Told) -> str:
    row = one.row
    resource = f"{row.resource}.{row.group}" if row.group else row.resource
    where = f" in {row.where}" if row.where and row.where != "workloads" else ""
    return f"{'/'.join(row.operations)} {resource}{where}"


def _configuration(one: StrictWebhook) -> str:
    return f"{one.configuration.kind.lower()} {quote(one.configuration.name)}"


def _let_pass(webhooks: Sequence[StrictWebhook]) -> Iterator[str]:
    """The others go on holding back what they are there for."""
    for one in [one for one in webhooks if one.told] or webhooks:
        patch = f'[{{"op":"replace","path":"/webhooks/{one.index}/failurePolicy","value":"Ignore"}}]'
        yield f"kubectl patch {_configuration(one)} --type json -p '{patch}'"


def _do_without(webhooks: Sequence[StrictWebhook]) -> Iterator[str]:
    yield "Or let pass what it should see, until the upgrade is done (an operator may put it back):"
    yield from _let_pass(webhooks)
    yield "Or, when its add-on is gone for good:"
    yield from dict.fromkeys(f"kubectl delete {_configuration(one)}" for one in webhooks)


OWN = (
    " It is told of its own pods, too: once the last of them is gone before a new one is let in, nobody can let one in "
    "any more."
)
