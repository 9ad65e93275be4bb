"""What the node's repositories and caches can give: apt's and dnf's word, cached files, keyrings, apt's lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import unquote

from kubepreflight.host import (
    EMBEDDED,
    RPM_DATABASE,
    CachedPackage,
    Keyring,
    Missing,
    Offer,
    PackageList,
    Repository,
    SigningKey,
    Supply,
)
from kubepreflight.sources.host.host_files import HostFiles, first_line
from kubepreflight.sources.host.openpgp import read_keyring, read_signers
from kubepreflight.sources.host.repositories import APT, paragraphs

LISTS = "/var/lib/apt/lists"
TRUSTED = ("/etc/apt/trusted.gpg", "/etc/apt/trusted.gpg.d")
T = TypeVar("T")

_VERSION = re.compile(r"^ (?:\*\*\*|   ) (?P<version>\S+)")
_SOURCE = re.compile(r"^ {6,}-?\d+ (?P<source>\S.*)$")
_RPM_VERSION = re.compile(r'\bver="(?P<version>[^"]+)"')
_RPM_RELEASE = re.compile(r'\brel="(?P<release>[^"]+)"')
_DEB_FILE = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.+-]*)_(?P<version>[^_]+)_[^_]+\.deb$")
_RPM_FILE = re.compile(r"^(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.[^.-]+\.rpm$")
_DNF_REPOSITORY = re.compile(r"/(?P<id>[^/]+)-[0-9a-f]{16}/repodata/")
_MOST = 2000


def read_supply(node: HostFiles, family: str | Missing, repositories: tuple[Repository, ...] | Missing) -> Supply:
    """All of it; what was not collected is a Missing there."""
    asked = any(node.command(name) for name in ("apt-cache-policy", "cached-metadata", "cached-packages", "rpm-keys"))
    # Without a word of them nobody looked: an earlier collector, or a copy of some files.
    unasked = None if asked else node.missing("commands") or Missing("not collected")
    keyrings = repositories if isinstance(repositories, Missing) else tuple(_keyrings(node, repositories))
    return Supply(
        offers=unasked or (_rpm_offers(node) if family == "rpm" else _deb_offers(node)),
        cached=unasked or _cached(node),
        keyrings=unasked or keyrings,
        lists=unasked or _lists(node),
    )


def _said(node: HostFiles, name: str, read: Callable[[str], T], absent: str) -> T | Missing:
    command = node.command(name)
    if command is None:
        return node.missing(f"commands/{name}") or Missing(absent)
    if not command.installed:
        return Missing(absent)
    if command.status:
        node.gap(f"commands/{name}", command.failure, what="repositories")
        return Missing(command.failure)
    return node.missing(f"commands/{name}/stdout") or read(command.stdout)


def _deb_offers(node: HostFiles) -> tuple[Offer, ...] | Missing:
    return _said(node, "apt-cache-policy", lambda text: tuple(_policy(text)), "the node has no apt-cache")


def _policy(text: str) -> Iterator[Offer]:
    """apt-cache(8), policy: a version that only dpkg's own status knows is installed, and nobody offers it."""
    package, version, sources = "", "", list[str]()

    def offer() -> Iterator[Offer]:
        if version and sources:
            yield Offer(package=package, version=version, sources=tuple(sources))

    for line in text.splitlines():
        if line and not line[0].isspace():
            yield from offer()
            package, version, sources = line.rstrip().removesuffix(":"), "", []
        elif (found := _SOURCE.match(line)) is not None:
            address, *more = found["source"].split()
            if not address.startswith("/var/lib/dpkg/"):
                sources.append(" ".join([address, *more[:1]] if len(more) > 1 else [address]))
        elif (found := _VERSION.match(line)) is not None:
            yield from offer()
            version, sources = found["version"], []
    yield from offer()


def _rpm_offers(node: HostFiles) -> tuple[Offer, ...] | Missing:
    nothing = "dnf's cache holds no repository's list of packages"
    command = node.command("cached-metadata")
    if command is not None and "not unpacked" in command.stderr:
        reason = f"the node could not unpack what dnf cached: {first_line(command.stderr)}"
        node.gap("commands/cached-metadata", reason)
        return Missing(reason)
    return _said(node, "cached-metadata", lambda text: tuple(_metadata(node, text)), nothing)


def _metadata(node: HostFiles, text: str) -> Iterator[Offer]:
    """A line for each package: the file of metadata, the name, and the tag with its version."""
    for number, line in enumerate(text.splitlines()[:_MOST], start=1):
        file, _, rest = line.partition("\t")
        name, _, tag = rest.partition("\t")
        version, release = _RPM_VERSION.search(tag), _RPM_RELEASE.search(tag)
        if not name or version is None or release is None:
            node.gap("commands/cached-metadata", f"line {number} is not understood: {first_line(line)[:80]!r}")
            return
        repository = _DNF_REPOSITORY.search(file)
        whole = f"{version['version']}-{release['release']}"
        yield Offer(package=name, version=whole, sources=(repository["id"],) if repository else ())


def _cached(node: HostFiles) -> tuple[CachedPackage, ...] | Missing:
    command = node.command("cached-packages")
    if command is None:
        return node.missing("commands/cached-packages") or ()
    if command.status and not command.stdout:
        node.gap("commands/cached-packages", command.failure, what="repositories")
        return Missing(command.failure)
    found = []
    for line in command.stdout.splitlines()[:_MOST]:
        name = line.rpartition("/")[2]
        match = _DEB_FILE.match(name) or _RPM_FILE.match(name)
        if match is not None:
            file = line[max(line.find("/var/cache/"), 0) :]
            found.append(CachedPackage(package=match["name"], version=unquote(match["version"]), file=file))
    return tuple(found)


def _keyrings(node: HostFiles, repositories: tuple[Repository, ...]) -> Iterator[Keyring]:
    words = (word for one in repositories for word in one.signed_by.replace(",", " ").split())
    named = {path for word in words if (path := word.removeprefix("file://")).startswith("/")}
    for path in sorted({*named, TRUSTED[0], *node.directly_in(TRUSTED[1]), *node.below("/etc/pki/rpm-gpg")}):
        if (data := node.bytes_of(path)) is not None:
            yield _keyring(node, path, data)
        elif (missing := node.missing(path)) is not None:
            yield Keyring(file=path, keys=missing)
    for path in sorted({one.file for one in repositories if one.signed_by == EMBEDDED}):
        yield _keyring(node, path, _embedded(node.text_of(path) or ""))
    imported = node.command("rpm-keys")
    if imported is not None and imported.installed and not imported.status:
        yield _keyring(node, RPM_DATABASE, imported.stdout.encode())


def _keyring(node: HostFiles, path: str, data: bytes) -> Keyring:
    try:
        keys: tuple[SigningKey, ...] | Missing = read_keyring(data)
    except ValueError as error:
        node.gap(path, str(error), what="repositories")
        keys = Missing(f"{path}: {error}")
    return Keyring(file=path, keys=keys)


def _embedded(text: str) -> bytes:
    """The keys that stand in a deb822 source itself; a lone dot is an empty line there."""
    values = (fields["signed-by"][0] for fields in paragraphs(text) if "signed-by" in fields)
    return "\n".join(re.sub(r"(?m)^\.$", "", value) for value in values).encode() + b"\n"


def _lists(node: HostFiles) -> tuple[PackageList, ...] | Missing:
    names: dict[str, list[str]] = {}
    for path in node.directly_in(LISTS):
        for end in ("InRelease", "Release", "Release.gpg"):
            if path.endswith(f"_{end}"):
                names.setdefault(path.removesuffix(f"_{end}"), []).append(path)
    return tuple(_list(node, file, paths) for file, paths in names.items()) or node.missing(LISTS, *APT) or ()


def _list(node: HostFiles, file: str, paths: list[str]) -> PackageList:
    dates: dict[str, datetime] = {}
    signers: tuple[str, ...] = ()
    for path in paths:
        data = node.bytes_of(path) or b""
        for line in data.decode(errors="replace").splitlines():
            name, _, value = line.partition(": ")
            if name in ("Date", "Valid-Until") and (date := _date(value)) is not None:
                dates.setdefault(name, date)
        if not path.endswith("_Release"):
            try:
                signers = read_signers(data)
            except ValueError as error:
                node.gap(path, str(error), what="repositories")
    return PackageList(file=file, date=dates.get("Date"), valid_until=dates.get("Valid-Until"), signers=signers)


def _date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value[:80]).astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
