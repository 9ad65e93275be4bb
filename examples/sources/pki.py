"""Certificates that come out the same on every run: Ed25519 signatures are deterministic, keys are derived from names.

No private key is ever written, and none is worth anything: whoever reads this file can derive them all.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sources.stamps import digest

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
LEAF_LIFE, AUTHORITY_LIFE = timedelta(days=365), timedelta(days=3650)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the cluster `seed`. `name` is its common name."""

    seed: str
    name: str
    since: datetime
    life: timedelta = AUTHORITY_LIFE

    @property
    def key(self) -> Ed25519PrivateKey:
        """Its key, derived from its name."""
        return Ed25519PrivateKey.from_private_bytes(digest("key", self.seed, self.name))

    @property
    def subject(self) -> x509.Name:
        """Its subject."""
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])

    @property
    def identifier(self) -> x509.SubjectKeyIdentifier:
        """Its subject key identifier."""
        return x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())

    @property
    def pem(self) -> str:
        """Its own certificate."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(self.subject)
            .public_key(self.key.public_key())
            .serial_number(_serial(self.seed, self.name))
            .not_valid_before(self.since)
            .not_valid_after(self.since + self.life)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(self.identifier, critical=False)
        )
        return _pem(builder.sign(self.key, None))

    def issue(
        self,
        common_name: str,
        since: datetime,
        *usages: x509.ObjectIdentifier,
        organization: str = "",
        names: tuple[str, ...] = (),
        life: timedelta = LEAF_LIFE,
        holder: str = "",
    ) -> str:
        """A certificate of this authority as PEM.

        `names` are DNS names and addresses, `holder` keeps certificates of the same name on two nodes apart.
        """
        unique = (self.seed, self.name, common_name, holder, since.isoformat())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if organization:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(attributes))
            .issuer_name(self.subject)
            .public_key(Ed25519PrivateKey.from_private_bytes(digest("key", *unique)).public_key())
            .serial_number(_serial(*unique))
            .not_valid_before(since)
            .not_valid_after(since + life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self.identifier), critical=False
            )
        )
        if names:
            alternative = x509.SubjectAlternativeName([_general(name) for name in names])
            builder = builder.add_extension(alternative, critical=False)
        return _pem(builder.sign(self.key, None))


def _serial(*names: str) -> int:
    return int.from_bytes(digest("serial", *names)[:8]) >> 1 | 1


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
