"""Addresses that the strict validation of the next API server refuses."""

from collections.abc import Iterable, Iterator, Sequence
from shlex import quote

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Hop, Subject, finding
from kubepreflight.knowledge.strict_addresses import StrictAddresses
from kubepreflight.objects import Desired, Planned
from kubepreflight.rule import rule
from kubepreflight.semantics.addressed_objects import (
    AddressedNode,
    AddressedService,
    Endpoints,
    Found,
    NetworkPolicy,
    of_addresses,
)
from kubepreflight.semantics.control_plane_settings import ApiServerFlags
from kubepreflight.semantics.kubectl import in_namespace
from kubepreflight.semantics.pod_templates import PodTemplate, PodTemplates
from kubepreflight.semantics.setting import GATES, gates_of_flag
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade

Addressed = AddressedService | NetworkPolicy | Endpoints


@rule(severity=BLOCKER, area="apis", phase="control-plane-upgrade")
def address_not_canonical(
    *,
    templates: PodTemplates,
    strict: StrictAddresses,
    upgrade: Upgrade,
    nodes: list[AddressedNode] | None,
    services: Planned[AddressedService] | None,
    policies: Planned[NetworkPolicy] | None,
    endpoints: Desired[Endpoints] | None = None,
    flags: ApiServerFlags | None = None,
) -> Iterator[Finding]:
    """Addresses are written in a way that the next API server refuses.

    Why: 010.0.0.1 is 10.0.0.1 to one program and 8.0.0.1 to another. Since 1.36 the API server refuses such values in
    fields where it took them for years (gate StrictIPCIDRValidation): leading zeros, IPv4-mapped IPv6 (::ffff:1.2.3.4),
    networks with bits beyond their prefix (192.168.0.5/24).

    What happens: it depends on the field, as tried with 1.35 and 1.36. A blocker: hostAliases and dnsConfig.nameservers
    of pods, since no new pod is made from such a template, so that what a drain evicts does not come back, and the
    workload can neither be scaled nor changed; podCIDRs of a node, since the node can then not be changed: not
    cordoned, not labelled. A warning: Services (clusterIP, externalIPs, loadBalancerSourceRanges), NetworkPolicies
    (ipBlock) and Endpoints in manifests, since to make them anew is refused; one that is in the cluster already with
    this very value may stay, and be changed otherwise. A note, once for each kind: those in the cluster,
    of which no manifest was given. They stay, but a restore of them from a backup is refused.

    When it stays silent: the value is an address in another form that is not ambiguous (2001:DB8:0::1), or none at all;
    the gate is switched off in the API server's flags; the upgrade does not lead from below 1.36 to 1.36. Not looked at
    are the annotation of Services for source ranges, the status of Ingresses, Services and pods, EndpointSlices, and
    Endpoints in the cluster, which controllers write.

    How to see it yourself: kubectl get services,networkpolicies,deployments,daemonsets,statefulsets,cronjobs
    --all-namespaces -o yaml; the API servers since 1.33 warn of such values when they are written.

    References:
        https://github.com/kubernetes/enhancements/tree/master/keps/sig-network/4858-ip-cidr-validation
        https://github.com/kubernetes/kubernetes/pull/137053
        https://github.com/kubernetes/apimachinery/blob/v0.36.3/pkg/util/validation/ip.go

    """
    hop = upgrade.hop_that_brings(strict.since)
    if hop is None or _is_switched_off(flags, strict.gate):
        return
    for template in templates.all:
        if faults := list(_of_template(template)):
            yield _of_pods(template, faults, hop)
    for node in nodes or ():
        if faults := list(node.faults()):
            yield _of_node(node, faults, hop)
    kinds: tuple[Sequence[AddressedService | NetworkPolicy], ...] = (services or (), policies or ())
    for kept in kinds:
        wrong = [one for one in kept if any(one.faults())]
        yield from (_made_anew(one, hop) for one in wrong if not one.metadata.uid)
        yield from _that_stay([one for one in wrong if one.metadata.uid], hop)
    yield from (_made_anew(one, hop) for one in endpoints or () if any(one.faults()))


def _is_switched_off(flags: ApiServerFlags | None, gate: str) -> bool:
    set_here = (one for flag in (flags.named(GATES) if flags else ()) for one in gates_of_flag(flag))
    return any(one.name == gate and one.switch is False for one in set_here)


def _of_template(one: PodTemplate) -> Iterator[Found]:
    aliases = (each.ip for each in one.spec.host_aliases or ())
    yield from of_addresses(f"{_field(one)}.hostAliases", aliases)
    servers = one.spec.dns_config.nameservers if one.spec.dns_config else None
    yield from of_addresses(f"{_field(one)}.dnsConfig.nameservers", servers)


def _field(one: PodTemplate) -> str:
    return one.path.strip("/").replace("/", ".")


def _of_pods(one: PodTemplate, faults: list[Found], hop: Hop) -> Finding:
    then = (
        "No new pod is made from it any more, so that what a drain evicts does not come back, and it can neither be "
        "scaled nor changed before that is mended."
        if one.is_applied
        else "It cannot be applied any more, and where it runs already, no new pod is made from it."
    )
    return finding(
        one.subject,
        f"The API server of {hop.end} refuses {_told(faults)}. {then}",
        remedy=_remedy(one.subject, faults),
        evidence=_evidence(faults),
        severity=BLOCKER,
        hop=hop,
    )


def _of_node(one: AddressedNode, faults: list[Found], hop: Hop) -> Finding:
    return finding(
        Subject(api_version=one.api_version, kind="Node", name=one.name, node=one.name),
        f"The API server of {hop.end} refuses {_told(faults)}. The node can then not be changed any more: it cannot be "
        "cordoned, uncordoned or labelled.",
        remedy="The podCIDRs of a node cannot be changed. Mend them where they come from (the controller-manager's "
        "--cluster-cidr, or the network plugin), delete the Node, and let its kubelet register it anew by a restart:\n"
        f"kubectl get node {quote(one.name)} -o jsonpath='{{.spec.podCIDRs}}'",
        evidence=_evidence(faults),
        severity=BLOCKER,
        hop=hop,
    )


def _made_anew(one: Addressed, hop: Hop) -> Finding:
    faults = list(one.faults())
    return finding(
        one.subject,
        f"The API server of {hop.end} refuses {_told(faults)}, unless it holds this very value there already.",
        remedy=_remedy(one.subject, faults),
        evidence=_evidence(faults),
        severity=WARNING,
        hop=hop,
    )


def _that_stay(objects: Sequence[AddressedService | NetworkPolicy], hop: Hop) -> Iterator[Finding]:
    if not objects:
        return
    faults = [fault for one in objects for fault in one.faults()]
    names = listed(f"{one.namespace}/{one.name}" for one in objects)
    yield finding(
        common_subject(objects, "addresses"),
        f"{names} may stay as they are, but the API server of {hop.end} refuses to make them anew, as a restore from a "
        f"backup does: {_told(faults)}.",
        remedy="Write them as follows, also in the sources that they come from:\n"
        + "\n".join(dict.fromkeys(f"{one.fault.text} as {one.fault.instead}" for one in faults[:20])),
        places=objects,
        severity=NOTE,
        hop=hop,
    )


def _told(faults: Iterable[Found]) -> str:
    return listed(f"{one.fault.text} in {one.field}, which {one.fault.what}" for one in faults)


def _remedy(subject: Subject, faults: Iterable[Found]) -> str:
    namespace = in_namespace(subject.namespace)
    where = f"In {subject.file} write" if subject.file else "Before the upgrade, write"
    lines = dict.fromkeys(f"{one.fault.text} as {one.fault.instead} ({one.field})" for one in faults)
    edit = "" if subject.file else f"\nkubectl{namespace} edit {subject.kind.lower()} {quote(subject.name)}"
    return f"{where}\n" + "\n".join(lines) + edit


def _evidence(faults: Iterable[Found]) -> dict[str, list[str]]:
    return {"addresses": [f"{one.field}: {one.fault.text}" for one in faults]}
