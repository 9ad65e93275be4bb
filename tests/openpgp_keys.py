"""OpenPGP packets as RFC 4880 lays them out; their signatures are not genuine, which our reader does not ask."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

CREATED = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
YEAR = 365 * 86400


def packet(tag: int, body: bytes) -> bytes:
    """In the new format, with a length of five octets."""
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4) + body


def old_packet(tag: int, body: bytes) -> bytes:
    """In the old format, with a length of two octets."""
    return bytes([0x80 | tag << 2 | 1]) + len(body).to_bytes(2) + body


def material(seed: int = 0, created: int = CREATED) -> bytes:
    """The body of a version 4 public key."""
    return b"\x04" + created.to_bytes(4) + bytes([22, seed]) + b"\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01" + bytes(40)


def fingerprint(body: bytes) -> str:
    return hashlib.sha1(b"\x99" + len(body).to_bytes(2) + body).hexdigest().upper()


def subpacket(kind: int, value: bytes) -> bytes:
    return bytes([len(value) + 1, kind]) + value


def signature(
    kind: int,
    issuer: str,
    *,
    created: int = CREATED,
    seconds: int | None = None,
    flags: int | None = None,
    by_id: bool = False,
) -> bytes:
    """A version 4 signature packet; `seconds` is how long the key lasts, `by_id` an issuer by its key id alone."""
    hashed = subpacket(2, created.to_bytes(4))
    hashed += subpacket(9, seconds.to_bytes(4)) if seconds is not None else b""
    hashed += subpacket(27, bytes([flags])) if flags is not None else b""
    unhashed = subpacket(16, bytes.fromhex(issuer[-16:]))
    if not by_id:
        hashed += subpacket(33, b"\x04" + bytes.fromhex(issuer))
    body = bytes([4, kind, 22, 8]) + len(hashed).to_bytes(2) + hashed + len(unhashed).to_bytes(2) + unhashed + bytes(70)
    return packet(2, body)


def public_key(user: str = "isv:kubernetes", seconds: int | None = 2 * YEAR, seed: int = 0) -> bytes:
    """A keyring of one key that lasts so long; None for ever."""
    body = material(seed)
    name = packet(13, user.encode())
    return packet(6, body) + name + signature(0x13, fingerprint(body), seconds=seconds, flags=3)


def secret_key(user: str) -> bytes:
    """The same, as it must never leave a node."""
    body = material()
    return packet(5, body + b"\x00" + user.encode()) + packet(13, user.encode())


def armor(data: bytes, what: str = "PUBLIC KEY BLOCK") -> bytes:
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN PGP {what}-----\nComment: made for a test\n\n{text}=abcd\n-----END PGP {what}-----\n".encode()
