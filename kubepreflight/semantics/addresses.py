"""Addresses that programs read in two ways, as Kubernetes' strict validation finds them.

`010.0.0.1` is 10.0.0.1 to some and 8.0.0.1 to others. What is no address at all has always been refused. Source:
https://github.com/kubernetes/apimachinery/blob/v0.36.3/pkg/util/validation/ip.go
"""

from __future__ import annotations

import ipaddress
import re

import msgspec

_IPV4 = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20}){3}", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,20}", re.ASCII)
LEADING_ZEROS, MAPPED, HOST_BITS = "has leading zeros", "is an IPv4-mapped IPv6 address", "has bits beyond its prefix"


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a text, as a clause, and what to write instead."""

    text: str
    what: str
    instead: str


def fault_of_address(text: str) -> Fault | None:
    """What strict validation refuses of an address that was taken before; None when nothing."""
    address = _address(text)
    if address is None:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return Fault(text, MAPPED, str(address.ipv4_mapped)) if address.ipv4_mapped else None
    return Fault(text, LEADING_ZEROS, str(address)) if str(address) != text else None


def fault_of_network(text: str) -> Fault | None:
    """What strict validation refuses of an address with a prefix length (`10.0.0.0/8`) that was taken before."""
    written, slash, length = text.partition("/")
    address = _address(written)
    if address is None or not slash or not _LENGTH.fullmatch(length) or int(length) > address.max_prefixlen:
        return None
    network = ipaddress.ip_network(f"{address}/{int(length)}", strict=False)
    if length != str(int(length)) or (address.version == 4 and str(address) != written):
        return Fault(text, LEADING_ZEROS, str(network))
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return Fault(text, MAPPED, str(network))
    return Fault(text, HOST_BITS, str(network)) if network.network_address != address else None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address as lenient validation reads it, leading zeros passed over; None when it is none."""
    if _IPV4.fullmatch(text):
        text = ".".join(str(int(part)) for part in text.split("."))
    elif ":" not in text or "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
