"""X.509 certificates out of whatever they lie in: PEM files and bundles, DER, garbage."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from kubepreflight.host import Certificate

if TYPE_CHECKING:
    from cryptography import x509

LARGEST = 1 << 20
MOST = 1000
"""The bundles of all public authorities have 150."""

_BEGIN = (b"-----BEGIN CERTIFICATE-----", b"-----BEGIN X509 CERTIFICATE-----", b"-----BEGIN TRUSTED CERTIFICATE-----")
_END = b"-----END "

Value = TypeVar("Value")


def parse_certificates(data: bytes, path: str, entry: str = "") -> tuple[tuple[Certificate, ...], tuple[str, ...]]:
    """Every certificate in `data`, PEM with any number of blocks or one DER, and what was wrong with the rest.

    `path` and `entry` name the place; in a bundle the entry is the number from 1, behind a given entry as `admin #2`.
    Private keys and whatever else stands between the blocks are passed over. Raises nothing: a problem is a sentence.
    """
    if len(data) > LARGEST:
        return (), (f"too large for certificates: {len(data)} bytes",)
    blocks = list(_blocks(data))
    if not blocks:
        if data[:1] != b"\x30":
            return (), ("no certificate in it" if data.strip() else "empty",)
        blocks = [data]
    found, problems = [], []
    if len(blocks) > MOST:
        problems.append(f"only the first {MOST} of {len(blocks)} certificates were read")
    for number, block in enumerate(blocks[:MOST], start=1):
        try:
            found.append(_read(block, path, _entry(entry, number, len(blocks))))
        except Exception as error:  # noqa: BLE001, RUF100 - a hostile certificate raises whatever its parser likes
            where = f"certificate {number}" if len(blocks) > 1 else "the certificate"
            problems.append(f"{where} cannot be read: {str(error)[:200] or type(error).__name__}")
    return tuple(found), tuple(problems)


def _entry(entry: str, number: int, count: int) -> str:
    if count == 1 or (entry and number == 1):
        return entry
    return f"{entry} #{number}" if entry else str(number)


def _blocks(data: bytes) -> Iterator[bytes]:
    """The DER of each CERTIFICATE block; b"" where its base64 is broken or its end is missing."""
    at = 0
    while True:
        starts = [(where, mark) for mark in _BEGIN if (where := data.find(mark, at)) >= 0]
        if not starts:
            return
        start, mark = min(starts)
        body = start + len(mark)
        end = data.find(b"-----", body)
        closed = end >= 0 and data.startswith(_END, end)
        try:
            yield base64.b64decode(b"".join(data[body:end].split()), validate=True) if closed else b""
        except (binascii.Error, ValueError):
            yield b""
        at = end if end >= 0 else len(data)


def _read(der: bytes, path: str, entry: str) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    if not der:
        raise ValueError("its base64 is broken or has no end")
    certificate = x509.load_der_x509_certificate(der)
    constraints = _extension(certificate, x509.BasicConstraints)
    subject_key = _extension(certificate, x509.SubjectKeyIdentifier)
    authority_key = _extension(certificate, x509.AuthorityKeyIdentifier)
    names = _extension(certificate, x509.SubjectAlternativeName)
    return Certificate(
        path=path,
        entry=entry,
        subject=_or(certificate.subject.rfc4514_string, "(cannot be read)"),
        issuer=_or(certificate.issuer.rfc4514_string, "(cannot be read)"),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        is_authority=constraints is not None and constraints.ca,
        serial=_or(lambda: format(certificate.serial_number, "x"), ""),
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        common_name="".join(_attributes(certificate, x509.NameOID.COMMON_NAME)[-1:]),
        organizations=_attributes(certificate, x509.NameOID.ORGANIZATION_NAME),
        subject_key=subject_key.digest.hex() if subject_key is not None else "",
        authority_key=(authority_key.key_identifier or b"").hex() if authority_key is not None else "",
        names=tuple(str(name.value) for name in names) if names is not None else (),
    )


def _or(read: Callable[[], Value], otherwise: Value) -> Value:
    # The dates are what matters: a name that its parser refuses must not hide them.
    try:
        return read()
    except Exception:  # noqa: BLE001, RUF100 - as above
        return otherwise


ExtensionType = TypeVar("ExtensionType", bound="x509.ExtensionType")


def _extension(certificate: x509.Certificate, kind: type[ExtensionType]) -> ExtensionType | None:
    return _or(lambda: certificate.extensions.get_extension_for_class(kind).value, None)


def _attributes(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return _or(lambda: tuple(str(one.value) for one in certificate.subject.get_attributes_for_oid(oid)), ())
