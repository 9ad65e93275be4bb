"""Authorities that an add-on renews by itself, and so late that they look forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Self

import msgspec

from kubepreflight.host import Certificate
from kubepreflight.knowledge.table import DIRECTORY, TableInfo, read_csv


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


class SelfRenewingAuthorities(msgspec.Struct, frozen=True):
    """The table, by subject."""

    info: TableInfo
    rows: Mapping[str, SelfRenewing]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped."""
        info, rows = read_csv(DIRECTORY / "self_renewing.csv", SelfRenewing, ())
        return cls(info, {row.subject: row for row in rows})


def self_renewing(certificate: Certificate) -> SelfRenewing | None:
    """What is known of an authority; None when nothing is. Raises KnowledgeError."""
    found = SelfRenewingAuthorities.provide().rows.get(certificate.subject)
    return found if found and certificate.not_after - certificate.not_before <= timedelta(days=found.life) else None
