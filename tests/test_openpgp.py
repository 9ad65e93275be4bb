"""Keyrings and signatures: what they say of ends, and that nothing in them does more than be refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.host import SigningKey
from kubepreflight.sources.host.openpgp import read_keyring, read_signers
from tests.openpgp_keys import (
    CREATED,
    YEAR,
    armor,
    fingerprint,
    material,
    old_packet,
    packet,
    public_key,
    signature,
)

BODY, OTHER, SUB = material(0), material(1), material(2)
OWN, FOREIGN, SUB_OWN = fingerprint(BODY), fingerprint(OTHER), fingerprint(SUB)
USER, OLDER_USER = packet(13, b"isv:kubernetes"), packet(13, b"older")
KEY, SUBKEY = packet(6, BODY), packet(14, SUB)
SIGNS, CERTIFIES = 2, 1


def certified(lasts: int, *, later: int = 0, by: str = OWN) -> bytes:
    """A certification that has a key last so many years, made some seconds after the first."""
    return signature(0x13, by, seconds=lasts * YEAR, created=CREATED + later)


def years(count: int) -> datetime:
    return datetime.fromtimestamp(CREATED, UTC) + timedelta(seconds=count * YEAR)


def ends(keyring: bytes) -> dict[str, datetime | None]:
    return {one.fingerprint: one.ends for one in read_keyring(keyring)}


@pytest.mark.parametrize(
    ("keyring", "expected"),
    [
        (KEY + USER + signature(0x13, OWN, seconds=YEAR), {OWN: years(1)}),
        (KEY + USER + signature(0x13, OWN), {OWN: None}),
        (KEY + USER + signature(0x13, OWN, seconds=0), {OWN: None}),
        (KEY + USER + signature(0x10, OWN, seconds=YEAR, by_id=True), {OWN: years(1)}),
        # prolonged: the later self-signature counts, wherever it stands
        (KEY + USER + certified(3, later=9) + certified(1), {OWN: years(3)}),
        # and over all user ids
        (KEY + OLDER_USER + certified(1) + USER + certified(2, later=9), {OWN: years(2)}),
        # others may certify it, and say nothing of its end
        (KEY + USER + certified(2) + certified(1, later=9, by=FOREIGN), {OWN: years(2)}),
        # a signature on the key itself that tells an end goes before those on user ids
        (KEY + signature(0x1F, OWN, seconds=YEAR) + USER + certified(2, later=9), {OWN: years(1)}),
        (KEY + USER + certified(1) + signature(0x30, OWN, created=CREATED + 9), {OWN: None}),
        (old_packet(6, BODY) + old_packet(13, b"a") + signature(0x13, OWN, seconds=YEAR), {OWN: years(1)}),
    ],
)  # fmt: skip
def test_when_a_key_ends(keyring: bytes, expected: dict[str, datetime | None]) -> None:
    assert ends(keyring) == expected
    assert ends(armor(keyring)) == expected


@pytest.mark.parametrize(
    ("primary", "bound", "expected"),
    [
        (2, 1, {OWN: years(2), SUB_OWN: years(1)}),
        (1, 2, {OWN: years(1), SUB_OWN: years(1)}),
        (1, 0, {OWN: years(1), SUB_OWN: years(1)}),
    ],
)
def test_a_subkey_ends_no_later_than_its_primary_key(primary: int, bound: int, expected: dict[str, datetime]) -> None:
    binding = signature(0x18, OWN, seconds=bound * YEAR, flags=SIGNS)
    keyring = KEY + USER + signature(0x13, OWN, seconds=primary * YEAR, flags=SIGNS | CERTIFIES) + SUBKEY + binding
    assert ends(keyring) == expected


def test_only_keys_that_may_sign_count() -> None:
    binding = signature(0x18, OWN, flags=0x0C)
    assert list(ends(KEY + USER + signature(0x13, OWN, flags=CERTIFIES | SIGNS) + SUBKEY + binding)) == [OWN]
    signs = signature(0x18, OWN, flags=SIGNS)
    assert list(ends(KEY + USER + signature(0x13, OWN, flags=CERTIFIES) + SUBKEY + signs)) == [SUB_OWN]


def test_revoked() -> None:
    key, subkey = read_keyring(
        KEY + USER + signature(0x13, OWN) + SUBKEY + signature(0x18, OWN, flags=SIGNS) + signature(0x28, OWN)
    )
    assert (key.revoked, subkey.revoked) == (False, True)
    assert [one.revoked for one in read_keyring(KEY + signature(0x20, OWN) + USER + signature(0x13, OWN))] == [True]


def test_several_keys_in_several_blocks() -> None:
    keyring = (
        armor(public_key("one", YEAR) + public_key("two", None, seed=1)) + b"\n" + armor(public_key("three", 0, 2))
    )
    assert read_keyring(keyring) == (
        SigningKey(fingerprint=OWN, user_id="one", ends=years(1)),
        SigningKey(fingerprint=FOREIGN, user_id="two"),
        SigningKey(fingerprint=SUB_OWN, user_id="three"),
    )


def test_a_key_of_a_version_that_nobody_takes_is_passed_over() -> None:
    old = packet(6, b"\x03" + BODY[1:]) + USER + signature(0x13, OWN)
    assert read_keyring(old + public_key()) == read_keyring(public_key())


@pytest.mark.parametrize(
    ("keyring", "why"),
    [
        (b"", "no OpenPGP public key"),
        (b"<html>404</html>", "no OpenPGP public key"),
        (armor(b"", "PRIVATE KEY BLOCK"), "no OpenPGP public key"),
        (KEY[:-1], "not whole"),
        (b"\xc6", "not whole"),
        (b"\x9b" + BODY, "no known length"),
        (b"\xc6\xe1" + BODY, "in parts"),
        (KEY + b"no packet", "begins no packet"),
        (KEY + packet(2, b"\x04\x13\x16\x08\x00\xff"), "not whole"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAA\n-----END PGP PUBLIC KEY BLOCK-----\n", "armor is broken"),
    ],
)
def test_what_is_no_keyring_is_said(keyring: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_keyring(keyring)


def test_who_signed_a_list() -> None:
    text = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: x\n"
    signed = text + armor(signature(0x01, OWN) + signature(0x01, FOREIGN, by_id=True), "SIGNATURE")
    assert read_signers(signed) == (OWN, FOREIGN[-16:])
    assert read_signers(signature(0x00, OWN)) == (OWN,)
    with pytest.raises(ValueError, match="no OpenPGP signature"):
        read_signers(text)


PIECES = st.sampled_from(
    [KEY, USER, SUBKEY, signature(0x13, OWN, seconds=YEAR), signature(0x18, OWN, flags=2), packet(2, b"\x04")]
)


@given(st.lists(PIECES | st.binary(max_size=30), max_size=8).map(b"".join), st.booleans())
def test_whatever_it_holds_it_is_read_or_refused(data: bytes, armored: bool) -> None:
    for read in (read_keyring, read_signers):
        with suppress(ValueError):
            assert isinstance(read(armor(data) if armored else data), tuple)


@given(st.binary(max_size=200))
def test_garbage_behind_the_head_of_a_signature(data: bytes) -> None:
    with suppress(ValueError):
        assert isinstance(read_keyring(KEY + USER + packet(2, b"\x04\x13\x16\x08" + data)), tuple)


@pytest.mark.parametrize("text", [b"-----BEGIN PGP SIGNATURE-----\n" * 30_000, b" " * 300_000 + b"x", b"\r" * 900_000])
def test_an_armor_that_never_ends_takes_no_time(text: bytes) -> None:
    began = process_time()
    for data in (text, b"-----BEGIN PGP SIGNATURE-----\n" + text + b"\n-----END PGP SIGNATURE-----\n"):
        with pytest.raises(ValueError, match=r"armor|signature"):
            read_signers(data)
    assert process_time() - began < 5
