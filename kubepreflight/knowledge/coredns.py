"""What kubeadm can migrate of a Corefile.

The tables are `coredns.toml`, kept by hand, and `coredns_versions.csv` and `corefile_options.csv`, which
`python -m tools.knowledge` makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Literal, NamedTuple, Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_csv, read_toml
from kubepreflight.version import Minor

Status = Literal["", "absent", "deprecated", "ignored", "removed", "newdefault"]
_MINORS = frozenset({"from", "to", "checks_since", "strips_v_since"})


class CoreDnsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`coredns.toml`."""

    verified: Verified
    checks_since: Minor
    strips_v_since: Minor
    stub_domains_move_at: tuple[str, ...]


class CoreDnsVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of CoreDNS, and the first kubeadm that can migrate from it."""

    version: str
    kubeadm: Minor


class CorefileOption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state of a plugin (`option` and `pattern` empty) or of an option, from CoreDNS `since` on.

    `kubeadm` is the first one that knows this, where that is not every one that knows the version.
    """

    plugin: str
    option: str = ""
    pattern: str = ""
    since: str
    status: Status = ""
    kubeadm: Minor | None = None


class CoreDnsMigrations(msgspec.Struct, frozen=True):
    """All three tables, as a rule asks for them. `chain` are the versions of CoreDNS, oldest first."""

    info: TableInfo
    file: CoreDnsFile
    chain: tuple[CoreDnsVersion, ...]
    options: tuple[CorefileOption, ...]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The tables that are shipped."""
        file = read_toml(DIRECTORY / "coredns.toml", CoreDnsFile, _MINORS)
        _, chain = read_csv(DIRECTORY / "coredns_versions.csv", CoreDnsVersion, frozenset({"kubeadm"}))
        _, options = read_csv(DIRECTORY / "corefile_options.csv", CorefileOption, frozenset({"kubeadm"}))
        return cls(file.verified.info("coredns"), file, tuple(chain), tuple(options))

    def known_to(self, kubeadm: Minor) -> tuple[str, ...]:
        """The versions of CoreDNS that this kubeadm can migrate from or to, oldest first."""
        return tuple(row.version for row in self.chain if row.kubeadm <= kubeadm)

    @property
    def plugins(self) -> frozenset[str]:
        """All plugins that some kubeadm knows."""
        return frozenset(row.plugin for row in self.options)

    def state(self, kubeadm: Minor, version: str, plugin: str) -> PluginState:
        """What this kubeadm takes a plugin for in a version of CoreDNS that it knows."""
        order = [row.version for row in self.chain]
        reached = frozenset(order[: order.index(version) + 1])
        rows = [
            row
            for row in self.options
            if row.plugin == plugin and row.since in reached and (row.kubeadm is None or row.kubeadm <= kubeadm)
        ]
        # Of several rows the last one counts.
        status: Status = "absent"
        options: dict[str, Status] = {}
        patterns: dict[str, Status] = {}
        for row in rows:
            if row.option:
                options[row.option] = row.status
            elif row.pattern:
                patterns[row.pattern] = row.status
            else:
                status = row.status
        return PluginState(status, tuple(options.items()), tuple(patterns.items()))


class PluginState(NamedTuple):
    """The status of a plugin in one version, those of its options by name, and those by regular expression."""

    status: Status
    options: tuple[tuple[str, Status], ...] = ()
    patterns: tuple[tuple[str, Status], ...] = ()

    def of(self, options: Iterable[str]) -> Iterator[tuple[str, Status]]:
        """Each of these options with its status; one by one, for a Corefile may have very many."""
        named = dict(self.options)
        patterns = [(re.compile(pattern), status) for pattern, status in self.patterns if status != "absent"]
        for option in options:
            status = named.get(option, "absent")
            if status == "absent":
                status = next((of_pattern for pattern, of_pattern in patterns if pattern.search(option)), "absent")
            yield option, status
