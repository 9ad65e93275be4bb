"""Certificates out of whatever they lie in."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.semantics.certificates import LARGEST, MOST, parse_certificates
from tests.fake_node import ENDS, make_certificate

PKI = Path(__file__).parent / "data/real-cp1/files"
ONE, KEY = make_certificate("one", "system:masters")
TWO, _ = make_certificate("two")
DER = x509.load_pem_x509_certificate(ONE).public_bytes(serialization.Encoding.DER)


def test_a_real_certificate_of_kubeadm() -> None:
    path = "/etc/kubernetes/pki/apiserver.crt"
    (certificate,), problems = parse_certificates((PKI / path[1:]).read_bytes(), path)
    assert problems == ()
    assert (certificate.path, certificate.entry) == (path, "")
    assert (certificate.subject, certificate.issuer) == ("CN=kube-apiserver", "CN=kubernetes")
    assert certificate.not_after == datetime(2026, 11, 23, 9, 50, 10, tzinfo=UTC)
    assert certificate.not_after.tzinfo is UTC
    assert not certificate.is_authority
    assert {"kubernetes.default.svc", "cp1", "10.96.0.1"} <= set(certificate.names)
    (authority,), _ = parse_certificates((PKI / "etc/kubernetes/pki/ca.crt").read_bytes(), "ca")
    assert authority.is_authority
    assert certificate.authority_key == authority.subject_key != ""
    assert len(certificate.sha256) == 64


@pytest.mark.parametrize(
    ("data", "entry", "entries"),
    [
        (ONE, "", [""]),
        (DER, "", [""]),
        (ONE + TWO, "", ["1", "2"]),
        (ONE + TWO, "admin", ["admin", "admin #2"]),
        (ONE, "admin", ["admin"]),
        (KEY + ONE, "", [""]),
        (b"some words\n" + ONE + b"more words\n" + KEY, "", [""]),
        (ONE.replace(b"\n", b"\r\n"), "", [""]),
        (ONE.replace(b" CERTIFICATE", b" X509 CERTIFICATE"), "", [""]),
    ],
)
def test_every_certificate_of_a_file_is_read(data: bytes, entry: str, entries: list[str]) -> None:
    found, problems = parse_certificates(data, "/x.crt", entry)
    assert ([one.entry for one in found], problems) == (entries, ())
    assert {one.not_after for one in found} == {ENDS}


@pytest.mark.parametrize(
    ("data", "count", "problem"),
    [
        (b"", 0, "empty"),
        (b"hello", 0, "no certificate in it"),
        (KEY, 0, "no certificate in it"),
        (b"\x30\x82\x01\x00rubbish", 0, "the certificate cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n", 0, "its base64 is broken or has no end"),
        (ONE.partition(b"-----END")[0], 0, "its base64 is broken or has no end"),
        (
            ONE + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + TWO,
            2,
            "certificate 2 cannot be read",
        ),
        (ONE[:200] + TWO, 1, "certificate 1 cannot be read"),
        (b"x" * (LARGEST + 1), 0, "too large"),
        (b"-----BEGIN CERTIFICATE-----" * (MOST + 1), 0, f"only the first {MOST}"),
    ],
)
def test_what_is_broken_is_said_and_the_rest_read(data: bytes, count: int, problem: str) -> None:
    found, problems = parse_certificates(data, "/x.crt")
    assert len(found) == count
    assert any(problem in one for one in problems)


def test_common_name_and_organizations() -> None:
    (certificate,), _ = parse_certificates(ONE, "x")
    assert (certificate.common_name, certificate.organizations) == ("one", ("system:masters",))


@given(st.binary(max_size=400), st.booleans())
def test_no_content_raises(data: bytes, armoured: bool) -> None:
    if armoured:
        data = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(data) + b"\n-----END CERTIFICATE-----\n"
    found, problems = parse_certificates(data, "x")
    assert found or problems


@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
def test_no_flipped_byte_raises_or_hides(position: int, value: int) -> None:
    data = DER[:position] + bytes([value]) + DER[position + 1 :]
    found, problems = parse_certificates(data, "x")
    assert found or problems
