"""Which keys vouch for a package repository on a host, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kubepreflight.host import EMBEDDED, RPM_DATABASE, Host, Missing, PackageList, Repository, SigningKey

TRUSTED = "/etc/apt/trusted.gpg"
"""Begins the files whose keys apt takes for every source that names none."""

_QUOTED = '\\|{}[]<>"^~_=!@#$%^&*'


class Vouching(msgspec.Struct, frozen=True):
    """The keys that apt takes for a repository: all that its keyrings hold, or only those known to have signed it.

    `absent` are keyrings that the source names and that are not there.
    """

    keys: tuple[SigningKey, ...]
    absent: tuple[str, ...] = ()

    @property
    def ends(self) -> datetime | None:
        """When the last of them ends, in UTC; None when one does not. Of those that are revoked none counts."""
        ends = [one.ends for one in self.keys if not one.revoked]
        return None if None in ends else max((one for one in ends if one), default=None)

    @property
    def revoked(self) -> bool:
        """Whether all of them are."""
        return bool(self.keys) and all(one.revoked for one in self.keys)


def list_name(repository: Repository) -> str:
    """How apt calls the list that it fetches from a repository (apt-pkg/contrib/strutl.cc, URItoFileName)."""
    address = repository.url.partition("://")[2].rpartition("@")[2].rstrip("/")
    suite = repository.suite.strip("/") if repository.suite.endswith("/") else f"dists/{repository.suite}"
    path = "/".join(part for part in (address, suite) if part)
    return "".join(f"%{ord(one):02x}" if one in _QUOTED else one for one in path).replace("/", "_")


def list_of(host: Host, repository: Repository) -> PackageList | Missing | None:
    """The list of a repository that a host fetched last; None when it has none."""
    lists = host.supply.lists
    if isinstance(lists, Missing):
        return lists
    name = list_name(repository)
    return next((one for one in lists if one.file.rpartition("/")[2] == name), None)


def vouching(host: Host, repository: Repository) -> Vouching | Missing:
    """The keys that count for a repository; Missing where they cannot be told.

    Of rpm those that it has imported and that are called Kubernetes': a signature names a key, no repository does.
    """
    keyrings = host.supply.keyrings
    if isinstance(keyrings, Missing):
        return keyrings
    files = {one.file: one.keys for one in keyrings}
    if repository.family == "rpm":
        imported = files.get(RPM_DATABASE, ())
        return imported if isinstance(imported, Missing) else Vouching(tuple(filter(_of_kubernetes, imported)))
    wanted = _wanted(repository, files)
    keys: tuple[SigningKey, ...] = ()
    for file in wanted:
        found = files.get(file, ())
        if isinstance(found, Missing):
            return found
        keys += found
    return _counting(host, repository, keys, tuple(file for file in wanted if file not in files))


def _wanted(repository: Repository, files: Iterable[str]) -> list[str]:
    """The keyrings in which apt looks."""
    if repository.signed_by == EMBEDDED:
        return [repository.file]
    return [word for word in _words(repository) if word.startswith("/")] or [
        file for file in files if file.startswith(TRUSTED)
    ]


def _words(repository: Repository) -> list[str]:
    return repository.signed_by.replace(",", " ").split()


def _counting(
    host: Host, repository: Repository, keys: tuple[SigningKey, ...], absent: tuple[str, ...]
) -> Vouching | Missing:
    fingerprints = [word.rstrip("!").upper() for word in _words(repository) if not word.startswith(("/", "("))]
    if fingerprints:
        keys = tuple(key for key in keys if key.fingerprint in fingerprints)
    if not keys:
        nothing = "no key that may sign is in the keyring of Kubernetes' package repository"
        return Vouching((), absent) if absent else Missing(nothing)
    signed = _signed(host, repository, keys)
    if signed or repository.signed_by:
        return Vouching(signed or keys)
    return Missing("which of the keys that apt trusts signs it, only a list that was fetched tells: there is none")


def _of_kubernetes(key: SigningKey) -> bool:
    return "kubernetes" in key.user_id.lower()


def _signed(host: Host, repository: Repository, keys: tuple[SigningKey, ...]) -> tuple[SigningKey, ...]:
    """Those of the keys that signed the list that was fetched last."""
    fetched = list_of(host, repository)
    signers = fetched.signers if isinstance(fetched, PackageList) else ()
    return tuple(key for key in keys if any(_is(signer, key.fingerprint) for signer in signers))


def _is(signer: str, fingerprint: str) -> bool:
    return signer in (fingerprint, fingerprint[-16:] if len(fingerprint) == 40 else fingerprint[:16])
