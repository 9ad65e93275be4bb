"""What kubeadm's migration says of a Corefile between two versions of CoreDNS.

Source: Unsupported, Deprecated and Migrate in migration/migrate.go of github.com/coredns/corefile-migration, and
cmd/kubeadm/app/phases/upgrade/preflight.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubepreflight.knowledge.coredns import CoreDnsMigrations
from kubepreflight.semantics.corefile import Line, Server
from kubepreflight.version import Minor
from kubepreflight.visible import visible

FORWARDS = ("forward", "proxy")
MOVABLE = (".", ".:53")
"""The server blocks out of which stub domains can be moved."""


def path(table: CoreDnsMigrations, kubeadm: Minor, start: str, end: str) -> tuple[str, ...]:
    """The versions of CoreDNS that this kubeadm migrates through, the last one included.

    Raises ValueError, in kubeadm's own words, when it cannot migrate from `start` to `end`.
    """
    known = table.known_to(kubeadm)
    if start not in known:
        raise ValueError(f"start version '{start}' not supported")
    if end not in known or known.index(end) < known.index(start):
        raise ValueError(f"cannot migrate up to '{end}' from '{start}'")
    return known[known.index(start) + 1 : known.index(end) + 1]


def unsupported(
    table: CoreDnsMigrations, kubeadm: Minor, versions: Sequence[str], servers: Sequence[Server]
) -> list[str]:
    """The plugins and options that kubeadm does not know how to migrate: `file`, `forward: next`; each once."""
    return _with_status(table, kubeadm, versions, servers, "absent")


def removed(table: CoreDnsMigrations, kubeadm: Minor, versions: Sequence[str], servers: Sequence[Server]) -> list[str]:
    """The plugins and options that a version on the way no longer has, and that kubeadm therefore takes out."""
    return _with_status(table, kubeadm, versions, servers, "removed")


def unmovable(table: CoreDnsMigrations, versions: Sequence[str], servers: Sequence[Server]) -> str | None:
    """Why the migration gives up on a stub domain, in its own words; None when it does not."""
    crossed = [one for one in table.file.stub_domains_move_at if one in versions]
    if not crossed:
        return None
    # A proxy becomes a forward with the last of these versions only.
    names = FORWARDS if crossed[-1] == table.file.stub_domains_move_at[-1] else FORWARDS[:1]
    for server in servers:
        for plugin in server.plugins:
            if plugin.name not in names or plugin.arguments[:1] == (".",):
                continue
            if not plugin.arguments:
                return "found invalid forward plugin declaration"
            if len(server.zones) != 1:
                return "unhandled migration of multi-domain/port server block"
            if server.zones[0] not in MOVABLE:
                return "unhandled migration of non-default domain/port server block"
    return None


def _with_status(
    table: CoreDnsMigrations, kubeadm: Minor, versions: Sequence[str], servers: Sequence[Server], status: str
) -> list[str]:
    options: dict[str, set[str]] = {}
    for plugin in _plugins(servers):
        options.setdefault(plugin.name, set()).update(one.name for one in plugin.options)
    found = set(options.keys() - table.plugins) if status == "absent" and versions else set()
    # A plugin is in few states, whatever the number of versions, and each is held against its options once.
    for name in options.keys() & table.plugins:
        for state in {table.state(kubeadm, version, name) for version in versions}:
            if state.status == status:
                found.add(name)
            # Of a plugin that is on its way out the migration does not look at the options.
            elif not state.status or status == "absent":
                found |= {f"{name}: {one}" for one, of_option in state.of(options[name]) if of_option == status}
    return sorted(map(visible, found))


def _plugins(servers: Sequence[Server]) -> Iterator[Line]:
    return (plugin for server in servers for plugin in server.plugins)
