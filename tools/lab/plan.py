"""What a lab consists of: its nodes, their addresses and names. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

NETWORK = IPv4Network("192.0.2.0/24")
"""Set aside for examples (RFC 5737), so it is nobody's; each lab has it for itself."""
SWITCH = NETWORK[1]
BALANCER = NETWORK[10]
PORT = 6443
POD_NETWORK = IPv4Network("10.244.0.0/16")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,20}")
_VERSION = re.compile(r"1\.\d+\.\d+")


class LabError(Exception):
    """The lab cannot do what was asked, with what to do about it."""


@dataclass(frozen=True)
class Member:
    """One node as it is planned."""

    name: str
    address: IPv4Address
    control_plane: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One lab as it is planned. Raises LabError for a plan that no lab can follow.

    `upgrades` are versions whose programs and images the nodes have as well. Validities are Go durations ("48h0m0s"),
    for the leaves and for the authorities that kubeadm makes.
    """

    name: str = "lab"
    version: str
    upgrades: tuple[str, ...] = ()
    control_planes: int = 1
    workers: int = 1
    certificate_validity: str | None = None
    authority_validity: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise LabError(f"a lab's name is of small letters, digits and hyphens, 21 at most: {self.name!r} is not")
        for version in self.versions:
            if not _VERSION.fullmatch(version):
                raise LabError(f"{version!r} is no version of Kubernetes: give major, minor and patch, as in 1.36.3")
        if not 1 <= self.control_planes <= 9 or not 0 <= self.workers <= 9:
            raise LabError("a lab has 1 to 9 control planes and 0 to 9 workers")

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version whose programs and images the nodes have, the cluster's own first, each once."""
        return tuple(dict.fromkeys((self.version, *self.upgrades)))

    @property
    def members(self) -> tuple[Member, ...]:
        """The nodes, control planes first: cp1, cp2, …, w1, w2, …"""
        return tuple(self._members())

    def _members(self) -> Iterator[Member]:
        for number in range(1, self.control_planes + 1):
            yield Member(f"cp{number}", BALANCER + number, control_plane=True)
        for number in range(1, self.workers + 1):
            yield Member(f"w{number}", BALANCER + 10 + number, control_plane=False)

    @property
    def endpoint(self) -> str | None:
        """The balancer before several API servers; one control plane has none, as kubeadm leaves it by default."""
        return f"{BALANCER}:{PORT}" if self.control_planes > 1 else None

    def member(self, name: str) -> Member:
        """The node of that name. Raises LabError when there is none."""
        for member in self.members:
            if member.name == name:
                return member
        raise LabError(f"this lab has no node {name}: it has {', '.join(each.name for each in self.members)}")
