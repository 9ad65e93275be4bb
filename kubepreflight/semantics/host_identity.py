"""Which archive tells of which node, and which of them count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from shlex import quote

import msgspec

from kubepreflight.finding import Gap
from kubepreflight.host import Host, Missing
from kubepreflight.objects import Node
from kubepreflight.report import SourceRecord
from kubepreflight.semantics.authorities import (
    ClusterInfo,
    ExtensionAuthentication,
    RootCertificates,
    cluster_authorities,
)
from kubepreflight.semantics.host_clusters import clusters_of, is_of_another, keys_of
from kubepreflight.semantics.several import listed
from kubepreflight.snapshot import HostArchives

_ADDRESSES = ("InternalIP", "ExternalIP")
_ARCHIVES = (".tar", ".tgz", ".gz", ".zip")
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class HostIdentities(msgspec.Struct, frozen=True, kw_only=True):
    """The archives that count, each called what its Node is called, and what became of the others.

    `unknown` are those of `hosts` that are no Node of the API (empty when its nodes are not known), `other_machine` the
    names of those whose machine-id is not the Node's. `set_aside` are archives that are not used, for the reasons in
    `gaps`; `older` those of which there is a younger one. `records` says what was decided without a gap.
    """

    hosts: tuple[Host, ...]
    unknown: tuple[Host, ...] = ()
    other_machine: frozenset[str] = frozenset()
    set_aside: tuple[Host, ...] = ()
    older: tuple[Host, ...] = ()
    gaps: tuple[Gap, ...] = ()
    records: tuple[SourceRecord, ...] = ()

    @classmethod
    def provide(
        cls,
        archives: HostArchives,
        nodes: list[Node] | None = None,
        cluster_infos: list[ClusterInfo] | None = None,
        roots: list[RootCertificates] | None = None,
        authentications: list[ExtensionAuthentication] | None = None,
    ) -> HostIdentities:
        """Match archives to nodes by name, then machine-id, then address; of several of one node the younger counts."""
        authorities = keys_of(cluster_authorities(cluster_infos or (), roots or (), authentications or ()))
        judged = [(host, _no_use(host, authorities)) for host in archives.all]
        used = [host for host, gap in judged if gap is None]
        several = _of_several_clusters(used) if not authorities else ()
        known = _Known(nodes or ())
        groups: dict[str, list[_Matched]] = {}
        for host in used:
            one = known.match(host)
            groups.setdefault(one.host.name, []).append(one)
        chosen = {name: _choose(group) for name, group in groups.items()}
        older = [one for name, group in groups.items() for one in group if one is not chosen[name]]
        twins = [gap for name, group in groups.items() for gap in _twins(group, chosen[name])]
        hosts = tuple(one.host for _, one in sorted(chosen.items()))
        return cls(
            hosts=hosts,
            unknown=tuple(one.host for _, one in sorted(chosen.items()) if one.node is None) if nodes else (),
            other_machine=frozenset(name for name, one in chosen.items() if one.is_other_machine),
            set_aside=tuple(host for host, gap in judged if gap is not None),
            older=tuple(one.host for one in older),
            gaps=(*(gap for _, gap in judged if gap is not None), *several, *twins),
            records=(
                *(one.record for one in chosen.values() if one.record),
                *(_passed_over(one.host, chosen[one.host.name].host) for one in older),
            ),
        )

    @property
    def unread(self) -> frozenset[Gap]:
        """What could not be read of archives that do not count, and of none that does."""
        counting = {gap for host in self.hosts for gap in host.unreadable}
        return frozenset(gap for host in (*self.older, *self.set_aside) for gap in host.unreadable) - counting


class _Matched(msgspec.Struct, frozen=True):
    """An archive, called what its node is called; `by` says how that was found where it is not by name."""

    host: Host
    node: Node | None
    by: str = ""

    @property
    def is_other_machine(self) -> bool:
        known = self.node.status.node_info.machine_id if self.node else ""
        return bool(known and self.host.machine_id and known != self.host.machine_id)

    @property
    def record(self) -> SourceRecord | None:
        if self.node is None or not self.by:
            return None
        return SourceRecord(kind="host", name=self.host.file, detail=f"the node {self.node.name}, by its {self.by}")


class _Known:
    """The nodes of the API by all that they can be told by."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._by_name: dict[str, Node] = {}
        self._by_machine: dict[str, list[Node]] = {}
        self._by_address: dict[str, list[Node]] = {}
        for node in nodes:
            self._by_name[node.name] = node
            self._by_machine.setdefault(node.status.node_info.machine_id, []).append(node)
            for one in node.status.addresses or ():
                if one.type in _ADDRESSES:
                    self._by_address.setdefault(one.address, []).append(node)

    def match(self, host: Host) -> _Matched:
        if host.name in self._by_name:
            return _Matched(host, self._by_name[host.name])
        by_machine = self._by_machine.get(host.machine_id, []) if host.machine_id else []
        by_address = {node.name: node for address in host.addresses for node in self._by_address.get(address, ())}
        for by, found in (("machine-id", by_machine), ("address", list(by_address.values()))):
            # Cloned machines may share a machine-id: then it tells nothing.
            if len(found) == 1:
                return _Matched(msgspec.structs.replace(host, name=found[0].name), found[0], by)
        return _Matched(host, None)


def _choose(group: Sequence[_Matched]) -> _Matched:
    """The archive that counts: of the Node's own machine if there is one, and then the youngest."""
    of_machine = [one for one in group if one.node is not None and not one.is_other_machine] or group
    # The last of equals, as they were read.
    return max(reversed(of_machine), key=lambda one: one.host.collected_at or _LONG_AGO)


def _passed_over(older: Host, counts: Host) -> SourceRecord:
    of_other = older.machine_id and counts.machine_id and older.machine_id != counts.machine_id
    why = "is of the machine that is this node now" if of_other else "is younger"
    return SourceRecord(kind="host", name=older.file, detail=f"passed over: {counts.file} {why}")


def _twins(group: Sequence[_Matched], chosen: _Matched) -> Iterable[Gap]:
    """Two machines of one name, where the API does not tell which of them is the node."""
    if chosen.node is not None and chosen.host.machine_id and not chosen.is_other_machine:
        return
    machine = chosen.host.machine_id
    other = next((one.host for one in group if machine and one.host.machine_id not in ("", machine)), None)
    if other is not None:
        yield Gap(
            input="hosts",
            subject=chosen.host.name,
            reason=f"{other.file} and {chosen.host.file} are of two machines that both call themselves "
            f"{chosen.host.name}; {other.file} is not read",
            how="give each machine a name of its own (hostnamectl set-hostname), and collect again",
            asked=True,
        )


def _no_use(host: Host, authorities: frozenset[str]) -> Gap | None:
    """Why an archive says nothing of this cluster's nodes; None for one that does."""
    installation = host.installation
    if isinstance(installation, Missing) or installation.is_kubeadms:
        if not is_of_another(host, authorities):
            return None
        why = "another cluster: none of the authorities on it is this cluster's"
        return _aside(host, f"{host.file} is of {why}. What it says is not used")
    if installation.manager:
        return _aside(
            host,
            f"{installation.manager} runs there ({installation.found}), which brings and upgrades its own Kubernetes: "
            "what is known of kubeadm's nodes does not hold for it",
        )
    instead = f", only {installation.found}" if installation.found else ""
    return _aside(host, f"there is no Kubernetes on this machine{instead}: no kubelet, no kubeadm, no /etc/kubernetes")


def _aside(host: Host, reason: str) -> Gap:
    how = f"leave it out: {excluding(host)}"
    return Gap(input="hosts", subject=host.name, reason=reason, how=how, asked=True)


def excluding(host: Host) -> str:
    """The option that leaves an archive out: a tar by its name, anything else by the files in it."""
    whole = host.file.endswith(_ARCHIVES) and "!" not in host.file
    return f"--exclude {quote(host.file if whole else f'{host.file}/*')}"


def _of_several_clusters(hosts: Sequence[Host]) -> Iterable[Gap]:
    clusters = clusters_of(hosts)
    if len(clusters) > 1:
        members = "; ".join(listed(host.name for host in one) for one in clusters)
        yield Gap(
            input="hosts",
            reason=f"the archives are of {len(clusters)} clusters that share no authority: {members}",
            how="scan one cluster at a time: leave the others out with --exclude",
            asked=True,
        )
