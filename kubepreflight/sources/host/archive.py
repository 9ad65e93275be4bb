"""From the members of one host archive to the facts about its node. Nothing that they hold raises an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from kubepreflight.host import Host, Missing
from kubepreflight.sources.host.automatic import read_automatic
from kubepreflight.sources.host.certificate_files import kubelet_name, read_broken, read_certificates, read_private_keys
from kubepreflight.sources.host.etcd import read_etcd
from kubepreflight.sources.host.etcd_data import read_etcd_data
from kubepreflight.sources.host.host_files import CUT_SHORT, HostFiles
from kubepreflight.sources.host.installation import read_installation
from kubepreflight.sources.host.kubeconfigs import read_kubeconfigs
from kubepreflight.sources.host.kubelet import read_kubelet
from kubepreflight.sources.host.machine import read_machine
from kubepreflight.sources.host.package_database import read_package_database
from kubepreflight.sources.host.packages import read_packages
from kubepreflight.sources.host.plain_upgrade import read_plain_upgrade
from kubepreflight.sources.host.repositories import read_repositories
from kubepreflight.sources.host.runtime import read_runtime
from kubepreflight.sources.host.static_pods import read_patches, read_static_pods
from kubepreflight.sources.host.supply import read_supply
from kubepreflight.sources.host.system import read_kernel, read_os, read_versions
from kubepreflight.sources.host.systemd import read_units

FORMAT = "kubepreflight.host/v1"


class Head(msgspec.Struct, frozen=True):
    """host.json, as the collector writes it."""

    format: str = ""
    name: str = ""
    machine_id: str = ""
    collected_at: datetime | None = None
    complete: bool = False
    addresses: tuple[str, ...] = ()


def read_host(files: Mapping[str, bytes], origin: str, name: str) -> Host:
    """Read one host archive.

    `files` maps the paths within it (`host.json`, `files/etc/…`, `commands/…`) to their bytes, `origin` names it to
    the user, `name` is the folder's or the archive's own. With a host.json the node is called what its kubelet calls
    itself, else its hostname; a bare copy of a node's files is called `name`. A member `host_files.CUT_OFF` says that
    more was to come. Raises nothing: what cannot be read is a Missing, and a gap in `unreadable`.
    """
    node = HostFiles(files, name)
    head = _head(node)
    node.complete = head.complete and not node.cut_off
    node.name = _name(node, head, name)
    system, units = read_os(node), read_units(node)
    repositories = read_repositories(node, system)
    kubelet = read_kubelet(node, units)
    family, packages = read_packages(node, system, repositories)
    kubeconfigs, embedded = read_kubeconfigs(node)
    certificates = read_certificates(node)
    if embedded:
        certificates = (*(() if isinstance(certificates, Missing) else certificates), *embedded)
    versions = read_versions(node)
    host = Host(
        name=node.name,
        file=origin,
        machine_id=head.machine_id or (node.text_of("/etc/machine-id") or "").strip()[:64],
        collected_at=head.collected_at,
        complete=node.complete,
        addresses=head.addresses,
        installation=read_installation(node, versions),
        os=system,
        kernel=read_kernel(node),
        package_family=family,
        packages=packages,
        repositories=repositories,
        automatic_upgrades=read_automatic(node, system, packages),
        package_database=read_package_database(node),
        plain_upgrade=read_plain_upgrade(node),
        certificates=certificates,
        broken_certificates=read_broken(node, certificates),
        private_keys=read_private_keys(node),
        kubeconfigs=kubeconfigs,
        static_pods=read_static_pods(node, kubelet),
        patches=read_patches(node),
        kubelet=kubelet,
        runtime=read_runtime(node, kubelet, versions),
        units=units,
        versions=versions,
        etcd=read_etcd(node),
        etcd_data=read_etcd_data(node),
        machine=read_machine(node),
        supply=read_supply(node, family, repositories),
        unreadable=node.all_gaps(),
    )
    return _without_false_blanks(host) if node.cut_off else host


def _without_false_blanks(host: Host) -> Host:
    """The host of an archive that is cut off: where nothing came, it is not known whether there is something."""
    cut = Missing(CUT_SHORT)
    machine = {
        name: cut
        for name in ("swaps_at_boot", "reboot_required", "installed_since_boot", "etcd_size")
        if not getattr(host.machine, name)
    }
    supply = {name: cut for name in msgspec.structs.asdict(host.supply) if not getattr(host.supply, name)}
    of_etcd = {name: cut for name in ("database", "snapshots", "kubeadm_copies") if not getattr(host.etcd_data, name)}
    empty: dict[str, object] = {
        "machine": msgspec.structs.replace(host.machine, **machine),
        "supply": msgspec.structs.replace(host.supply, **supply),
        "etcd_data": msgspec.structs.replace(host.etcd_data, **of_etcd),
    }
    empty |= {
        field.name: cut
        for field in msgspec.structs.fields(Host)
        if field.name not in ("addresses", "unreadable") and getattr(host, field.name) in ((), {}, frozenset())
    }
    if not isinstance(host.installation, Missing) and not host.installation.manager:
        empty["installation"] = cut
    return msgspec.structs.replace(host, **empty)


def _head(node: HostFiles) -> Head:
    if not node.collected:
        return Head(complete=True)
    try:
        head = msgspec.json.decode(node.members["host.json"], type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        node.gap("host.json", str(error), what="identity")
        return Head()
    if head.format != FORMAT:
        node.gap("host.json", f"its format is {head.format[:80]!r}, not {FORMAT}", what="identity")
    when = head.collected_at
    if when is not None:
        try:
            when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        except OverflowError:
            node.gap("host.json", f"collected_at is {when}", what="identity")
            when = None
    return msgspec.structs.replace(head, collected_at=when)


def _name(node: HostFiles, head: Head, name: str) -> str:
    # The kubelet names its Node after the hostname in lower case, unless a cloud provider or a flag says otherwise.
    return (kubelet_name(node) or head.name.strip().lower() or name) if node.collected else name
