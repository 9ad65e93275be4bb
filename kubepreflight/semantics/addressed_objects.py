"""The objects, beside templates of pods, whose addresses Kubernetes validates strictly, and those addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from kubepreflight.objects import Api, KubernetesObject
from kubepreflight.parts import Part
from kubepreflight.semantics.addresses import Fault, fault_of_address, fault_of_network


class Found(NamedTuple):
    """A field, and what is wrong with a value in it."""

    field: str
    fault: Fault


class AddressedServiceSpec(Part, frozen=True):
    """A Service's addresses."""

    cluster_ips: list[str] | None = msgspec.field(name="clusterIPs", default=None)
    cluster_ip: str | None = msgspec.field(name="clusterIP", default=None)
    external_ips: list[str] | None = msgspec.field(name="externalIPs", default=None)
    load_balancer_source_ranges: list[str] | None = None
    ports: Any = None
    type: str | None = None

    @property
    def is_without_ports(self) -> bool:
        """Whether it may have none: it is headless, or only a name for something outside."""
        return "None" in (self.cluster_ip, *(self.cluster_ips or ())) or self.type == "ExternalName"


class AddressedService(KubernetesObject):
    """A Service, as far as its addresses go."""

    api = Api("", "Service", "services")
    spec: AddressedServiceSpec = AddressedServiceSpec()

    @property
    def is_whole(self) -> bool:
        """Whether it has the ports that it must have."""
        return bool(self.spec.ports) or self.spec.is_without_ports

    def faults(self) -> Iterator[Found]:
        """What is wrong with them."""
        spec = self.spec
        own = (one for one in (spec.cluster_ips or (spec.cluster_ip,)) if one and one != "None")
        yield from of_addresses("spec.clusterIP", own)
        yield from of_addresses("spec.externalIPs", spec.external_ips)
        ranges = (one.strip() for one in spec.load_balancer_source_ranges or ())
        yield from of_networks("spec.loadBalancerSourceRanges", ranges)


class IpBlock(Part, frozen=True):
    """A range of addresses, without some."""

    cidr: str = ""
    # `except` is a word of Python's.
    without: list[str] | None = msgspec.field(name="except", default=None)


class Peer(Part, frozen=True):
    """Who may be spoken with."""

    ip_block: IpBlock | None = None


class IngressRule(Part, frozen=True):
    """Who may come in."""

    from_: list[Peer] | None = msgspec.field(name="from", default=None)


class EgressRule(Part, frozen=True):
    """Who may be called."""

    to: list[Peer] | None = None


class NetworkPolicySpec(Part, frozen=True):
    """A policy's rules."""

    ingress: list[IngressRule] | None = None
    egress: list[EgressRule] | None = None


class NetworkPolicy(KubernetesObject):
    """A NetworkPolicy, as far as its addresses go."""

    api = Api("networking.k8s.io", "NetworkPolicy", "networkpolicies", also=("extensions",))
    spec: NetworkPolicySpec = NetworkPolicySpec()

    def faults(self) -> Iterator[Found]:
        """What is wrong with them."""
        coming = (peer for rule in self.spec.ingress or () for peer in rule.from_ or ())
        going = (peer for rule in self.spec.egress or () for peer in rule.to or ())
        for field, peers in (("spec.ingress.from.ipBlock", coming), ("spec.egress.to.ipBlock", going)):
            for peer in peers:
                if peer.ip_block is not None:
                    yield from of_networks(f"{field}.cidr", (peer.ip_block.cidr,))
                    yield from of_networks(f"{field}.except", peer.ip_block.without)


class EndpointAddress(Part, frozen=True):
    """An address behind a Service."""

    ip: str = ""


class EndpointSubset(Part, frozen=True):
    """Some of them."""

    addresses: list[EndpointAddress] | None = None
    not_ready_addresses: list[EndpointAddress] | None = None


class Endpoints(KubernetesObject):
    """Endpoints that somebody writes by hand."""

    api = Api("", "Endpoints", "endpoints")
    subsets: list[EndpointSubset] | None = None

    def faults(self) -> Iterator[Found]:
        """What is wrong with their addresses."""
        for one in self.subsets or ():
            both = (*(one.addresses or ()), *(one.not_ready_addresses or ()))
            yield from of_addresses("subsets.addresses", (each.ip for each in both))


class AddressedNodeSpec(Part, frozen=True):
    """The addresses of a node's pods."""

    pod_cidrs: list[str] | None = msgspec.field(name="podCIDRs", default=None)


class AddressedNode(KubernetesObject):
    """A node, as far as the addresses of its pods go."""

    api = Api("", "Node", "nodes", namespaced=False)
    spec: AddressedNodeSpec = AddressedNodeSpec()

    def faults(self) -> Iterator[Found]:
        """What is wrong with them."""
        return of_networks("spec.podCIDRs", self.spec.pod_cidrs)


def of_addresses(field: str, texts: Iterable[str] | None) -> Iterator[Found]:
    """What is wrong with addresses in a field."""
    return (Found(field, fault) for text in texts or () if (fault := fault_of_address(text)))


def of_networks(field: str, texts: Iterable[str] | None) -> Iterator[Found]:
    """What is wrong with addresses with a prefix length in a field."""
    return (Found(field, fault) for text in texts or () if (fault := fault_of_network(text)))
