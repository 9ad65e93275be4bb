"""Bundles of certificates that somebody trusts, as they stand within objects."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime

import msgspec

from kubepreflight.host import Certificate
from kubepreflight.semantics.certificates import parse_certificates


def newest_of_each(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """Of certificates with the same subject the one that ends last: an older one beside it is left from a rotation."""
    newest: dict[str, Certificate] = {}
    for one in certificates:
        if one.subject not in newest or newest[one.subject].not_after < one.not_after:
            newest[one.subject] = one
    return tuple(newest.values())


class Bundle(msgspec.Struct, frozen=True):
    """What a `caBundle` holds. `problem` says why nothing could be read; else `certificates` is not empty."""

    certificates: tuple[Certificate, ...]
    problem: str = ""

    @classmethod
    def decode(cls, text: str) -> Bundle:
        """Read base64 of PEM, as Kubernetes' own client does: what else stands in it is passed over."""
        try:
            data = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            return cls((), "it is not base64")
        found, problems = parse_certificates(data, "")
        return cls(newest_of_each(found), "" if found else "; ".join(problems) or "no certificate in it")

    @property
    def key(self) -> str:
        """What two bundles have in common that hold the same certificates."""
        return " ".join(sorted(one.sha256 for one in self.certificates))

    def ending(self, moment: datetime) -> tuple[Certificate, ...]:
        """Those that have ended by a moment."""
        return tuple(one for one in self.certificates if one.not_after <= moment)
