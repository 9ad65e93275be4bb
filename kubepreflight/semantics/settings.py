"""Every setting of Kubernetes' programs, in every place where kubeadm and the nodes keep it.

What decides is what the upgraded program will be told. Of the static pods `control_plane_settings` tells. kubeadm
writes each kubelet's config.yaml anew from the ConfigMap kubelet-config, and leaves flags, drop-ins and
instance-config.yaml as they are. Source: cmd/kubeadm/app/phases/upgrade/postupgrade.go in 1.37.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import msgspec

from kubepreflight.finding import Gap
from kubepreflight.host import Host
from kubepreflight.inputs import Unavailable
from kubepreflight.semantics.addon_objects import KubeProxyConfigMap
from kubepreflight.semantics.control_plane_settings import ControlPlaneSettings, FileSettings
from kubepreflight.semantics.kubelets import Kubelets
from kubepreflight.semantics.planned_kubelets import (
    KubeletConfigurationMap,
    VersionedKubeletConfigurationMap,
    that_counts,
)
from kubepreflight.semantics.setting import (
    ETCD,
    GATES,
    KUBELET,
    PROXY,
    Document,
    Place,
    Setting,
    Where,
    gates_of_document,
    gates_of_flag,
    no_gates,
)
from kubepreflight.semantics.settings_of_kubeadm import of_config_map
from kubepreflight.semantics.settings_of_nodes import of_host, written_by_kubeadm


class NodeSettings(msgspec.Struct, frozen=True):
    """What the next kubelets and kube-proxies will be told: by the cluster's ConfigMaps, and on each node."""

    found: tuple[Setting | Document, ...]
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(
        cls,
        *,
        kubelet_config: list[KubeletConfigurationMap] | None,
        proxy_config: list[KubeProxyConfigMap] | None,
        hosts: list[Host] | None,
        kubelets: Kubelets | None = None,
        versioned: list[VersionedKubeletConfigurationMap] | None = None,
    ) -> Self:
        """Read them. Raises Unavailable when nothing of it was given."""
        if kubelet_config is None and versioned is None and proxy_config is None and hosts is None:
            raise Unavailable()
        found: list[Setting | Document | Gap | None] = []
        running = {one.node: one.version.minor_version for one in kubelets.known} if kubelets else {}
        # What all kubelets are told is told to the oldest, too.
        oldest = min(running.values(), default=None)
        if counts := that_counts(kubelet_config, versioned):
            place = Place(Where.KUBELET_CONFIG, counts.subject, running=oldest, is_unseen=True)
            config = of_config_map(KUBELET, counts.data, "kubelet", place)
            if isinstance(config, Document):
                config = msgspec.structs.replace(config, running=tuple(written_by_kubeadm(hosts or ())))
            found.append(config)
        found += (
            of_config_map(PROXY, one.data, "config.conf", Place(Where.PROXY_CONFIG, one.subject))
            for one in proxy_config or ()
        )
        planned = any(isinstance(one, Document) and one.component == KUBELET for one in found)
        for host in hosts or ():
            found += of_host(host, running.get(host.name), planned=planned)
        kept = tuple(one for one in found if isinstance(one, Setting | Document))
        return cls(kept, tuple(one for one in found if isinstance(one, Gap)))


class Settings(msgspec.Struct, frozen=True):
    """All that are known: flags and feature gates, each where it is made, and configurations of programs.

    `gaps` say what could not be looked at. A setting that stands in several places is there several times.
    """

    flags: tuple[Setting, ...]
    gates: tuple[Setting, ...]
    documents: tuple[Document, ...]
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def provide(
        cls,
        control_plane: ControlPlaneSettings | None,
        nodes: NodeSettings | None,
        files: FileSettings | None = None,
    ) -> Self:
        """From all sides. Raises Unavailable when none was given."""
        told = files if files and (files.found or files.gaps) else None
        given = [one for one in (control_plane, nodes, told) if one is not None]
        if not given:
            raise Unavailable()
        return cls.of((one for side in given for one in side.found), (gap for side in given for gap in side.gaps))

    @classmethod
    def of(cls, found: Iterable[Setting | Document], gaps: Iterable[Gap] = ()) -> Self:
        """By what they are. Gates are those of flags and of documents; etcd's are not Kubernetes'."""
        kept = list(found)
        flags = tuple(one for one in kept if isinstance(one, Setting))
        documents = tuple(one for one in kept if isinstance(one, Document))
        of_gates = [one for one in flags if one.name == GATES and one.component != ETCD]
        gates = [gate for one in of_gates for gate in gates_of_flag(one)]
        unread = [gap for one in of_gates for gap in no_gates(one)]
        for gate in (gate for one in documents for gate in gates_of_document(one)):
            if isinstance(gate, Gap):
                unread.append(gate)
            else:
                gates.append(gate)
        return cls(flags, tuple(gates), documents, tuple(dict.fromkeys((*gaps, *unread))))
