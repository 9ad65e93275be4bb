"""The images that kubeadm wants on each control-plane node for the next hop, and which of them are there.

Sources: GetControlPlaneImages in cmd/kubeadm/app/images/images.go; the kubelet's list of images is cut by
nodeStatusMaxImages, 50 by default, the largest first (pkg/kubelet/nodestatus/setters.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.host import NO_CRICTL, Host, Missing
from kubepreflight.image import ImageReference, parse_image
from kubepreflight.knowledge.component_versions import ComponentVersion, ComponentVersions
from kubepreflight.objects import CONTROL_PLANE_LABELS, Api, KubernetesObject
from kubepreflight.parts import NodeInfo, Part
from kubepreflight.semantics.host_roles import is_control_plane
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.planned_kubelets import PlannedKubelets
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

REPOSITORY = "registry.k8s.io"
LISTED = 50
_RUNTIMES = {"containerd": "containerd", "cri-o": "cri-o", "docker": "docker", "dockershim": "docker"}


class NodeImage(Part, frozen=True):
    """One image, by all of its names."""

    names: list[str] | None = None


class ImageStatus(Part, frozen=True):
    """What a node tells of its images, and of the runtime that has them."""

    node_info: NodeInfo = NodeInfo()
    images: list[NodeImage] | None = None


class NodeWithImages(KubernetesObject):
    """A node with the images that it tells; those of workers are dropped, for there may be thousands."""

    api = Api("", "Node", "nodes", namespaced=False)
    status: ImageStatus = ImageStatus()

    def __post_init__(self) -> None:
        """Keep what is read."""
        if not self.is_control_plane:
            self.status = ImageStatus()

    @property
    def is_control_plane(self) -> bool:
        """Whether kubeadm labelled it as control plane."""
        return bool(CONTROL_PLANE_LABELS & self.labels.keys())

    @property
    def subject(self) -> Subject:
        """The node, as host facts name it too."""
        return Subject(api_version=self.api_version, kind="Node", name=self.name, node=self.name)


class WantedImage(NamedTuple):
    """An image of kubeadm's. `tag` is the beginning of one when the target names no patch release (`v1.37.`)."""

    name: str
    tag: str

    def is_(self, image: ImageReference) -> bool:
        """Whether it is this one."""
        meant = parse_image(self.name)
        same = meant is not None and (image.registry, image.repository) == (meant.registry, meant.repository)
        return same and (image.tag.startswith(self.tag) if self.tag.endswith(".") else image.tag == self.tag)

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}{'x' if self.tag.endswith('.') else ''}"


class NodeImages(NamedTuple):
    """The images of one control-plane node, and whether these are all.

    `runtime` is `containerd`, `cri-o` or `docker`, whatever stands between that and the kubelet; empty for any other.
    """

    subject: Subject
    images: frozenset[ImageReference]
    complete: bool
    runtime: str

    @property
    def node(self) -> str:
        """Its name."""
        return self.subject.node

    def lacks(self, wanted: Iterable[WantedImage]) -> tuple[WantedImage, ...]:
        """Those that are not among its images."""
        return tuple(one for one in wanted if not any(one.is_(image) for image in self.images))


def images_gap(host: Host, missing: Missing) -> Gap:
    """That a host's images are not known. A node without crictl is in good order: nobody asked for its images."""
    if missing != NO_CRICTL:
        return host.cannot_check("images", missing)
    how = f"look there, or install crictl (cri-tools) and collect {host.name} again: ctr --namespace k8s.io images list"
    return host.cannot_check("images", missing, how=how, asked=False)


class HopImages(msgspec.Struct, frozen=True):
    """What kubeadm wants for the next hop, to `version`, and what each control-plane node has."""

    version: Version
    wanted: tuple[WantedImage, ...]
    nodes: tuple[NodeImages, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    def provide(
        cls,
        *,
        config: KubeadmConfig,
        upgrade: Upgrade,
        versions: ComponentVersions,
        kubelets: PlannedKubelets,
        nodes: list[NodeWithImages] | None = None,
        hosts: list[Host] | None = None,
    ) -> Self:
        """From the cluster's configuration, and from the hosts; from the API for nodes without host facts."""
        version = upgrade.version_after(upgrade.first_hop)
        wanted = tuple(_wanted(config, version, versions.of(version)))
        found: dict[str, NodeImages] = {}
        reasons: dict[str, Gap] = {}
        by_name = {node.name: node for node in nodes or ()}
        for host in hosts or ():
            node = by_name.get(host.name)
            role = node.is_control_plane if node is not None else is_control_plane(host, {})
            images = host.runtime.images
            if isinstance(role, Missing):
                reasons[host.name] = host.cannot_check("static pods", role)
            elif not role:
                continue
            elif isinstance(images, Missing):
                reasons[host.name] = images_gap(host, images)
            else:
                tags = (tag for image in images for tag in image.tags)
                parsed = frozenset(filter(None, map(parse_image, tags)))
                found[host.name] = NodeImages(host.subject, parsed, True, _RUNTIMES.get(host.runtime.name, ""))
        for name, node in by_name.items():
            if node.is_control_plane and name not in found:
                told = _told(node, kubelets)
                lacks = told.lacks(wanted)
                if told.complete or not lacks:
                    found[name] = told
                    reasons.pop(name, None)
                else:
                    reasons.setdefault(name, _cut(told, lacks))
        gaps = list(reasons.values())
        if not found and not gaps and nodes is not None:
            gaps.append(cannot_check("images", "no control-plane node is known", how="give the hosts' facts, too"))
        return cls(version, wanted, tuple(found[name] for name in sorted(found)), tuple(gaps))


def _wanted(config: KubeadmConfig, version: Version, brought: ComponentVersion) -> Iterator[WantedImage]:
    repository = config.image_repository.rstrip("/") or REPOSITORY
    tag = f"v{version}" + ("." if version.patch is None else "")
    names = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"]
    for name in (*names, *(() if config.is_disabled("proxy") else ("kube-proxy",))):
        yield WantedImage(f"{repository}/{name}", tag)
    if not config.is_disabled("dns"):
        yield _coredns(config, repository, brought)
    yield WantedImage(f"{repository}/pause", brought.pause)
    if not config.etcd_is_external:
        place = config.text_at("etcd", "local", "imageRepository").rstrip("/") or repository
        yield WantedImage(f"{place}/etcd", config.etcd_image_tag or brought.etcd)


def _coredns(config: KubeadmConfig, repository: str, brought: ComponentVersion) -> WantedImage:
    place = config.text_at("dns", "imageRepository").rstrip("/") or repository
    if place == REPOSITORY:
        place = f"{place}/coredns"
    return WantedImage(f"{place}/coredns", config.text_at("dns", "imageTag") or f"v{brought.coredns}")


def _told(node: NodeWithImages, kubelets: PlannedKubelets) -> NodeImages:
    images = node.status.images or ()
    names = (name for image in images for name in image.names or ())
    limit = (kubelets.document or {}).get("nodeStatusMaxImages", LISTED)
    complete = bool(images) and isinstance(limit, int) and (limit < 0 or len(images) < limit)
    runtime = _RUNTIMES.get(node.status.node_info.container_runtime_version.partition(":")[0], "")
    return NodeImages(node.subject, frozenset(filter(None, map(parse_image, names))), complete, runtime)


def _cut(node: NodeImages, lacks: tuple[WantedImage, ...]) -> Gap:
    return cannot_check(
        "images",
        f"the node names only its largest images, and {', '.join(map(str, lacks))} is not among them",
        subject=node.node,
        how="collect the node's facts (kubepreflight collect), or look there: crictl images",
    )
