"""Authorities that an add-on renews by itself, and so late that they look forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache

import msgspec

from kubepreflight.host import Certificate
from kubepreflight.knowledge.table import DIRECTORY, read_csv


class SelfRenewing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of them, by the subject of its certificate and by the most days that it lives.

    `days` before its end the releases that do it early renew it; `when` says it in words, for older ones too.
    """

    name: str
    subject: str
    life: int
    days: int
    when: str
    source: str


@cache
def _rows() -> Mapping[str, SelfRenewing]:
    _info, rows = read_csv(DIRECTORY / "self_renewing.csv", SelfRenewing, ())
    return {row.subject: row for row in rows}


def self_renewing(certificate: Certificate) -> SelfRenewing | None:
    """What is known of an authority; None when nothing is. Raises KnowledgeError."""
    found = _rows().get(certificate.subject)
    return found if found and certificate.not_after - certificate.not_before <= timedelta(days=found.life) else None
