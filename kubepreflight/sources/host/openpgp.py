"""OpenPGP keyrings and detached signatures, as far as one must read them to know who may sign and until when.

RFC 4880 and RFC 9580: packets, armor, keys of version 4 and 6, self-signatures. That a signature is genuine is not
asked: root wrote these files. Of several self-signatures the newest counts, as with gpg (merge_selfsigs_main in its
g10/getkey.c).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from kubepreflight.host import SigningKey

SIGNATURE, KEY, USER_ID, SUBKEY = 2, 6, 13, 14
_CERTIFICATIONS = range(0x10, 0x14)
_DIRECT, _BINDING, _REVOKED, _SUBKEY_REVOKED, _CERTIFICATION_REVOKED = 0x1F, 0x18, 0x20, 0x28, 0x30
_CREATED, _KEY_EXPIRES, _ISSUER, _FLAGS, _ISSUER_FINGERPRINT = 2, 9, 16, 27, 33
_MAY_SIGN = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Signature(msgspec.Struct, frozen=True):
    """The parts of a signature packet that are used; times in seconds since 1970."""

    kind: int
    created: int
    issuer: str
    key_seconds: int
    flags: int | None


class _Key(msgspec.Struct):
    """A key or subkey with the signatures that its own owner made on it; `users` maps a user id to those on it."""

    fingerprint: str
    created: int
    direct: list[_Signature]
    users: dict[str, list[_Signature]]
    subkeys: list[_Key]


def read_keyring(data: bytes) -> tuple[SigningKey, ...]:
    """The keys of a keyring, binary or armored, that may sign. Raises ValueError for what is none."""
    blocks = list(_unarmored(data, b"PUBLIC KEY BLOCK"))
    if not blocks:
        raise ValueError("there is no OpenPGP public key in it")
    return tuple(key for block in blocks for primary in _keys(block) for key in _signing(primary))


def read_signers(data: bytes) -> tuple[str, ...]:
    """Who made the signatures in a Release.gpg or at the end of an InRelease file: fingerprints, or key ids.

    Raises ValueError for what has no signature that can be read.
    """
    issuers = [
        signature.issuer
        for block in _unarmored(data, b"SIGNATURE")
        for tag, body in packets(block)
        if tag == SIGNATURE and (signature := _signature(body))
    ]
    if not issuers:
        raise ValueError("there is no OpenPGP signature in it")
    return tuple(dict.fromkeys(issuers))


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The packets of a message: tag and body. Raises ValueError for what is none."""
    at = 0
    while at < len(data):
        first, at = data[at], at + 1
        if not first & 0x80:
            raise ValueError(f"octet {at - 1} begins no packet")
        if first & 0x40:
            tag = first & 0x3F
            size, at = _length(data, at)
        elif first & 3 == 3:
            raise ValueError("a packet of no known length")
        else:
            tag, octets = first >> 2 & 0xF, 1 << (first & 3)
            size, at = int.from_bytes(data[at : at + octets]), at + octets
        if at + size > len(data):
            raise ValueError("the last packet is not whole")
        yield tag, data[at : at + size]
        at += size


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The length that stands at a place of a packet or a subpacket, and where what it counts begins."""
    if at >= len(data):
        raise ValueError("the last packet is not whole")
    first = data[at]
    if first < 192:
        return first, at + 1
    if first == 255:
        return int.from_bytes(data[at + 1 : at + 5]), at + 5
    if first >= 224:
        raise ValueError("a packet in parts")
    return (first - 192 << 8) + int.from_bytes(data[at + 1 : at + 2]) + 192, at + 2


def _unarmored(data: bytes, what: bytes) -> Iterator[bytes]:
    if data[:1] >= b"\x80":
        yield data
        return
    for block in _armored(data, what):
        head, _, body = b"\n".join(line.rstrip(b" \t\r") for line in block.split(b"\n")).partition(b"\n\n")
        lines = (body if body or b":" in head else head).split()
        try:
            yield base64.b64decode(b"".join(line for line in lines if not line.startswith(b"=")), validate=True)
        except binascii.Error as error:
            raise ValueError(f"its armor is broken: {error}") from None


def _armored(data: bytes, what: bytes) -> Iterator[bytes]:
    """What stands between the lines that begin and end armor."""
    begin = re.compile(rb"^-----BEGIN PGP %b-----[ \t\r]*\n" % what, re.MULTILINE)
    end = b"\n-----END PGP %b-----" % what
    at = 0
    while (found := begin.search(data, at)) is not None and (at := data.find(end, found.end() - 1)) >= 0:
        yield data[found.end() : at]


def _keys(block: bytes) -> list[_Key]:
    found: list[_Key] = []
    known, target = False, list[_Signature]()
    for tag, body in packets(block):
        if tag == KEY:
            key = _key(body)
            known, target = key is not None, key.direct if key else []
            found += [key] if key else []
        elif known and tag == SIGNATURE:
            signature = _signature(body)
            # Others' certifications say nothing of when it ends.
            if signature is not None and _is_of(signature.issuer, found[-1].fingerprint):
                target.append(signature)
        elif known:
            target = _signed(found[-1], tag, body)
    return found


def _signed(primary: _Key, tag: int, body: bytes) -> list[_Signature]:
    """Where the signatures go that follow a packet about a key."""
    if tag == USER_ID:
        name = "".join(one for one in body.decode(errors="replace") if one.isprintable())
        return primary.users.setdefault(name, [])
    subkey = _key(body) if tag == SUBKEY else None
    if subkey is None:
        return []
    primary.subkeys.append(subkey)
    return subkey.direct


def _key(body: bytes) -> _Key | None:
    """None for a version that neither gpg nor sqv takes any more, or does not know."""
    if body[:1] == b"\x04" and 6 <= len(body) < 1 << 16:
        digest = hashlib.sha1(b"\x99" + len(body).to_bytes(2) + body, usedforsecurity=False)
    elif body[:1] == b"\x06" and len(body) >= 6:
        digest = hashlib.sha256(b"\x9b" + len(body).to_bytes(4) + body)
    else:
        return None
    return _Key(digest.hexdigest().upper(), int.from_bytes(body[1:5]), [], {}, [])


def _is_of(issuer: str, fingerprint: str) -> bool:
    """Whether an issuer, a fingerprint or a key id, is the key of a fingerprint."""
    key_id = fingerprint[-16:] if len(fingerprint) == 40 else fingerprint[:16]
    return issuer in (fingerprint, key_id)


def _signature(body: bytes) -> _Signature | None:
    """None for a version that says nothing of ends, or whose issuer is not told."""
    version = body[0] if body else 0
    if version not in (4, 6):
        return None
    octets = 2 if version == 4 else 4
    hashed = _subpackets(body, 4, octets)
    parts = hashed[0] | {
        kind: value for kind, value in _subpackets(body, hashed[1], octets)[0].items() if kind == _ISSUER
    }
    issuer = parts[_ISSUER_FINGERPRINT][1:] if parts.get(_ISSUER_FINGERPRINT) else parts.get(_ISSUER, b"")
    if not issuer:
        return None
    return _Signature(
        kind=body[1],
        created=int.from_bytes(parts.get(_CREATED, b"")[:4]),
        issuer=issuer.hex().upper(),
        key_seconds=int.from_bytes(parts.get(_KEY_EXPIRES, b"")[:4]),
        flags=parts[_FLAGS][0] if parts.get(_FLAGS) else None,
    )


def _subpackets(body: bytes, at: int, octets: int) -> tuple[dict[int, bytes], int]:
    """The subpackets that begin at a place, by kind, and where they end. Raises ValueError for what are none."""
    size, at = int.from_bytes(body[at : at + octets]), at + octets
    end, found = at + size, dict[int, bytes]()
    if end > len(body):
        raise ValueError("a signature that is not whole")
    while at < end:
        length, at = _length(body, at)
        if not length or at + length > end:
            raise ValueError("a signature that is not whole")
        found.setdefault(body[at] & 0x7F, body[at + 1 : at + length])
        at += length
    return found, end


def _signing(primary: _Key) -> Iterator[SigningKey]:
    revoked = any(one.kind == _REVOKED for one in primary.direct)
    user_id, newest = _newest_user(primary)
    direct = _latest(primary.direct, range(_DIRECT, _DIRECT + 1))
    lasting = direct if direct and direct.key_seconds else newest or direct
    ends = _end(primary.created, lasting)
    flags = [one.flags for one in (newest, direct) if one and one.flags is not None]
    if not flags or any(one & _MAY_SIGN for one in flags):
        yield SigningKey(fingerprint=primary.fingerprint, user_id=user_id, ends=ends, revoked=revoked)
    for subkey in primary.subkeys:
        binding = _latest(subkey.direct, range(_BINDING, _BINDING + 1))
        if binding is None or not (binding.flags or 0) & _MAY_SIGN:
            continue
        own = _end(subkey.created, binding)
        yield SigningKey(
            fingerprint=subkey.fingerprint,
            user_id=user_id,
            ends=min((one for one in (ends, own) if one), default=None),
            revoked=revoked or any(one.kind == _SUBKEY_REVOKED for one in subkey.direct),
        )


def _newest_user(primary: _Key) -> tuple[str, _Signature | None]:
    """The user id that was certified last, and that certification; those that were revoked do not count."""
    found: list[tuple[int, str, _Signature]] = []
    for user_id, signatures in primary.users.items():
        latest = _latest(signatures, _CERTIFICATIONS)
        revoked = _latest(signatures, range(_CERTIFICATION_REVOKED, _CERTIFICATION_REVOKED + 1))
        if latest and not (revoked and revoked.created >= latest.created):
            found.append((latest.created, user_id, latest))
    if not found:
        return next(iter(primary.users), ""), None
    _, user_id, newest = max(found, key=lambda one: one[0])
    return user_id, newest


def _latest(signatures: list[_Signature], kinds: range) -> _Signature | None:
    return max((one for one in signatures if one.kind in kinds), key=lambda one: one.created, default=None)


def _end(created: int, signature: _Signature | None) -> datetime | None:
    if signature is None or not signature.key_seconds:
        return None
    return _EPOCH + timedelta(seconds=created + signature.key_seconds)
