"""Bundles of trusted certificates: what a rotation leaves, and whatever else stands in a caBundle."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.host import Certificate
from kubepreflight.semantics.bundles import Bundle, newest_of_each

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def certificate(subject: str, days: int) -> Certificate:
    return Certificate(
        path="",
        subject=subject,
        issuer=subject,
        not_before=NOW - timedelta(days=1000),
        not_after=NOW + timedelta(days=days),
        is_authority=True,
        serial="",
        sha256=f"{subject}{days}",
    )


def test_of_equal_names_the_one_counts_that_ends_last() -> None:
    old, new, other = certificate("a", -1), certificate("a", 100), certificate("b", 5)
    assert newest_of_each([old, other, new]) == (new, other)
    assert newest_of_each([]) == ()


def test_what_has_ended_by_a_moment() -> None:
    soon, late = certificate("a", 5), certificate("b", 100)
    bundle = Bundle((soon, late))
    assert bundle.ending(NOW) == ()
    assert bundle.ending(NOW + timedelta(days=5)) == (soon,)
    assert bundle.key == Bundle((late, soon)).key


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("%%%", "not base64"),
        ("YQ", "not base64"),
        (base64.b64encode(b"hello").decode(), "no certificate in it"),
        (base64.b64encode(b" \n").decode(), "empty"),
        (
            base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode(),
            "cannot be read",
        ),
    ],
)
def test_what_is_no_certificate_says_why(text: str, problem: str) -> None:
    bundle = Bundle.decode(text)
    assert not bundle.certificates
    assert problem in bundle.problem


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_nothing_makes_it_fail(text: str) -> None:
    bundle = Bundle.decode(text)
    assert bool(bundle.problem) != bool(bundle.certificates)
