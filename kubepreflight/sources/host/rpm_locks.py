"""What keeps a plain `dnf upgrade` from moving an rpm: version locks, and excludes.

Sources: dnf.conf(5) for excludes, dnf-plugin-versionlock(8) and dnf5-versionlock(8) for the lists; the Kubernetes
documentation writes `exclude=` into the repository's own section.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator

from kubepreflight.host import Missing, Repository
from kubepreflight.sources.host.documents import mapping, mappings, text
from kubepreflight.sources.host.host_files import HostFiles
from kubepreflight.sources.host.repositories import ini_sections
from kubepreflight.toml_decoder import TomlError, decode_toml

MAIN = ("/etc/dnf/dnf.conf", "/etc/yum.conf")
PLUGINS = ("/etc/dnf/plugins/versionlock", "/etc/yum/pluginconf.d/versionlock")
DNF5 = "/etc/dnf/versionlock.toml"

_KUBERNETES = re.compile(r"kubernetes|k8s", re.IGNORECASE)
_HOLDING = {"=", "==", "<", "<="}


def rpm_hold(node: HostFiles, repositories: tuple[Repository, ...] | Missing) -> Callable[[str], bool | Missing]:
    """Whether a package of a given name is held, or why that is not known."""
    excludes = list(_main_excludes(node))
    locks = [*_listed_locks(node), *_dnf5_locks(node)]
    unknown = node.missing(*MAIN, *(f"{one}.list" for one in PLUGINS), *(f"{one}.conf" for one in PLUGINS), DNF5)

    def held(name: str) -> bool | Missing:
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in excludes) or any(_locks(lock, name) for lock in locks):
            return True
        if isinstance(repositories, Missing):
            return repositories
        return _excluded_by_repositories(name, repositories) or unknown or False

    return held


def _main_excludes(node: HostFiles) -> Iterator[str]:
    for path in MAIN:
        for section, fields in ini_sections(node.text_of(path) or ""):
            for key in ("exclude", "excludepkgs"):
                if section == "main" and key in fields:
                    yield from fields[key][0].replace(",", " ").split()


def _listed_locks(node: HostFiles) -> Iterator[str]:
    for plugin in PLUGINS:
        settings = dict(ini_sections(node.text_of(f"{plugin}.conf") or "")).get("main", {})
        if settings.get("enabled", ("1", 0))[0].strip() in ("0", "no", "false"):
            continue
        yield from (node.text_of(f"{plugin}.list") or "").splitlines()
    command = node.command("versionlock")
    if command is not None and not command.status:
        yield from command.stdout.splitlines()


def _locks(line: str, name: str) -> bool:
    """Whether a line of versionlock.list (`kubelet-0:1.28.2-150500.1.1.*`, `0:kubelet-1.18.2-0.*`) is about `name`."""
    entry = re.sub(r"^[0-9]+:", "", line.strip())
    return entry == name or re.match(rf"{re.escape(name)}-([0-9*]|$)", entry) is not None


def _dnf5_locks(node: HostFiles) -> Iterator[str]:
    content = node.text_of(DNF5)
    if content is None:
        return
    try:
        document = decode_toml(content)
    except TomlError as error:
        node.gap(DNF5, str(error), what="packages")
        return
    for package in mappings(document.get("packages")):
        conditions = [mapping(one).get("comparator", "=") for one in mappings(package.get("conditions"))]
        if not conditions or _HOLDING & {text(one) for one in conditions}:
            yield text(package.get("name"))


def _excluded_by_repositories(name: str, repositories: tuple[Repository, ...]) -> bool:
    """Whether no repository that has it may move it: those that speak of Kubernetes, or, where none does, any."""
    rpm = [one for one in repositories if one.family == "rpm"]
    kubernetes = [one for one in rpm if _KUBERNETES.search(f"{one.name} {one.url}")]
    excluding = [any(fnmatch.fnmatchcase(name, pattern) for pattern in one.excludes) for one in kubernetes or rpm]
    return bool(excluding) and (all(excluding) if kubernetes else any(excluding))
