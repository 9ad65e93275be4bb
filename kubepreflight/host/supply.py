"""What a node's package sources and caches can give, and the keys that vouch for it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from kubepreflight.host.missing import Missing


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a package that the package manager could install, by the lists that it last fetched.

    `sources` are the addresses of the repositories that hold it, as the package manager writes them; for rpm their ids.
    """

    package: str
    version: str
    sources: tuple[str, ...] = ()


class CachedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """One package file in a package manager's cache; `file` is its path on the node."""

    package: str
    version: str
    file: str


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """One OpenPGP key, or subkey, that may sign.

    `fingerprint` is in capital hex, `user_id` that of its primary key. `ends` is in UTC, the earlier of its own and its
    primary key's; None for one without an end.
    """

    fingerprint: str
    user_id: str = ""
    ends: datetime | None = None
    revoked: bool = False


class Keyring(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one file on the node; of `RPM_DATABASE` for those that rpm has imported. Missing: not readable."""

    file: str
    keys: tuple[SigningKey, ...] | Missing


class PackageList(msgspec.Struct, frozen=True, kw_only=True):
    """The Release of one apt repository, as last fetched: a `file` of /var/lib/apt/lists without its last part.

    `date` and `valid_until` are its own, in UTC; `signers` the fingerprints, or the key ids, of those who signed it.
    """

    file: str
    date: datetime | None = None
    valid_until: datetime | None = None
    signers: tuple[str, ...] = ()


class Supply(msgspec.Struct, frozen=True, kw_only=True):
    """What one node's package sources and caches can give of Kubernetes' packages.

    `keyrings` are those that its sources name, and those that apt trusts anyhow; a named one that is not among them is
    not there. `lists` are of Kubernetes' repositories, and only apt's.
    """

    offers: tuple[Offer, ...] | Missing = Missing("not collected")
    cached: tuple[CachedPackage, ...] | Missing = Missing("not collected")
    keyrings: tuple[Keyring, ...] | Missing = Missing("not collected")
    lists: tuple[PackageList, ...] | Missing = Missing("not collected")


RPM_DATABASE = "rpm's database"
"""Stands for a keyring's file."""
EMBEDDED = "(embedded)"
"""`signed_by` of a source that holds its key itself; the keyring's file is then the source's."""
