"""Addresses, what strict validation says of them, and what to write instead; the real API servers say the same."""

from __future__ import annotations

from kubepreflight.semantics.addresses import HOST_BITS, LEADING_ZEROS, MAPPED

Row = tuple[str, str | None, str]

ADDRESSES: list[Row] = [
    ("10.1.2.3", None, ""),
    ("010.1.2.3", LEADING_ZEROS, "10.1.2.3"),
    ("10.1.2.03", LEADING_ZEROS, "10.1.2.3"),
    ("10.00.2.3", LEADING_ZEROS, "10.0.2.3"),
    ("0000000000010.1.2.3", LEADING_ZEROS, "10.1.2.3"),
    ("10.1.2.0", None, ""),
    ("256.1.2.3", None, ""),
    ("10.1.2", None, ""),
    ("10.1.2.3.4", None, ""),
    ("", None, ""),
    ("gateway", None, ""),
    ("2001:db8::1", None, ""),
    ("2001:DB8:0:0::1", None, ""),
    ("2001:0db8::0001", None, ""),
    ("::ffff:10.1.2.3", MAPPED, "10.1.2.3"),
    ("::FFFF:0a01:0203", MAPPED, "10.1.2.3"),
    ("64:ff9b::10.1.2.3", None, ""),
    ("2001:db8::1%eth0", None, ""),
    ("2001:db8::g", None, ""),
]
NETWORKS: list[Row] = [
    ("10.0.0.0/8", None, ""),
    ("10.1.2.3/32", None, ""),
    ("10.1.2.3/8", HOST_BITS, "10.0.0.0/8"),
    ("192.168.0.5/24", HOST_BITS, "192.168.0.0/24"),
    ("010.0.0.0/8", LEADING_ZEROS, "10.0.0.0/8"),
    ("10.0.0.0/08", LEADING_ZEROS, "10.0.0.0/8"),
    ("10.0.0.0/33", None, ""),
    ("10.0.0.0", None, ""),
    ("10.0.0.0/", None, ""),
    ("10.0.0.0/8/8", None, ""),
    ("0.0.0.0/0", None, ""),
    ("2001:db8::/32", None, ""),
    ("2001:DB8:0::/32", None, ""),
    ("2001:db8::1/32", HOST_BITS, "2001:db8::/32"),
    ("2001:db8::/032", LEADING_ZEROS, "2001:db8::/32"),
    ("::ffff:10.0.0.0/104", MAPPED, "::ffff:a00:0/104"),
    ("::/0", None, ""),
]
