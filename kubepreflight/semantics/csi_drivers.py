"""Which CSI drivers a cluster has, and for which plugins of Kubernetes' own its kubelets ask them."""

from __future__ import annotations

from typing import Self

import msgspec

from kubepreflight.objects import Annotations, Api, KubernetesObject, Metadata, Planned
from kubepreflight.parts import Part


class DriverSpec(Part, frozen=True):
    """What a CSI driver can do."""

    se_linux_mount: bool | None = None


class CsiDriver(KubernetesObject):
    """A CSI driver, as far as SELinux goes."""

    api = Api("storage.k8s.io", "CSIDriver", "csidrivers", namespaced=False)
    spec: DriverSpec = DriverSpec()


class CsiNodeAnnotations(Annotations, frozen=True):
    """What a kubelet says of the plugins that it no longer asks itself."""

    migrated_plugins: str | None = msgspec.field(name="storage.alpha.kubernetes.io/migrated-plugins", default=None)


class CsiNodeMetadata(Metadata, frozen=True):
    """Metadata with that."""

    annotations: CsiNodeAnnotations | None = None


class RegisteredDriver(Part, frozen=True):
    """A driver that is registered at a kubelet."""

    name: str = ""


class CsiNodeSpec(Part, frozen=True):
    """All of them."""

    drivers: list[RegisteredDriver] | None = None


class CsiNode(KubernetesObject):
    """A node, as far as CSI goes."""

    api = Api("storage.k8s.io", "CSINode", "csinodes", namespaced=False)
    metadata: CsiNodeMetadata
    spec: CsiNodeSpec = CsiNodeSpec()


class CsiDrivers(msgspec.Struct, frozen=True):
    """The names of the drivers that some node has registered, those that there is a CSIDriver of, or will be, and the
    plugins that some node asks a driver for. None is what cannot be seen."""

    registered: frozenset[str] | None
    named: frozenset[str] | None
    migrated: frozenset[str] | None

    @classmethod
    def provide(cls, *, nodes: list[CsiNode] | None = None, drivers: Planned[CsiDriver] | None = None) -> Self:
        """From both, as far as they were given."""
        if nodes is None:
            registered = migrated = None
        else:
            registered = frozenset(driver.name for node in nodes for driver in node.spec.drivers or ())
            said = (node.metadata.annotations for node in nodes)
            plugins = (one.migrated_plugins.split(",") for one in said if one and one.migrated_plugins)
            migrated = frozenset(plugin for some in plugins for plugin in some)
        named = None if drivers is None else frozenset(driver.name for driver in drivers)
        return cls(registered, named, migrated)
