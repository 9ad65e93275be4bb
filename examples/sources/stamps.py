"""Everything that a real cluster would draw at random, drawn from names instead, so that each run gives the same."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

# Kubernetes' own alphabet for generated names: no vowels, no look-alikes.
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def digest(*names: str) -> bytes:
    """32 bytes that depend on `names` alone."""
    return hashlib.sha256("\0".join(names).encode()).digest()


def hexadecimal(*names: str, length: int = 64) -> str:
    """Up to 64 hexadecimal digits."""
    return digest(*names).hex()[:length]


def uid(*names: str) -> str:
    """A version 4 UUID, as the API server gives out."""
    raw = bytearray(digest("uid", *names)[:16])
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))


def suffix(*names: str, length: int = 5) -> str:
    """The tail of a generated name."""
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest("suffix", *names)[:length])


def number(*names: str, low: int, high: int) -> int:
    """A number from `low` to `high`, both included."""
    return low + int.from_bytes(digest("number", *names)[:8]) % (high - low + 1)


def time(text: str) -> datetime:
    """Read a time as Kubernetes writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)


def stamp(moment: datetime) -> str:
    """Write a time as Kubernetes does, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def later(text: str, seconds: float) -> str:
    """A time as text, so many seconds after another."""
    return stamp(time(text) + timedelta(seconds=seconds))
