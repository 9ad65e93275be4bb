"""Images that the upgrade needs and that control-plane nodes do not have yet."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import NOTE, Finding, Gap, finding
from kubepreflight.image import parse_image
from kubepreflight.rule import rule
from kubepreflight.semantics.kubeadm_images import HopImages, NodeImages, WantedImage
from kubepreflight.semantics.several import common_subject, listed


@rule(severity=NOTE, area="control-plane", phase="before")
def image_not_present(images: HopImages) -> Iterator[Finding | Gap]:
    """Images of the next hop that are not on the control-plane nodes yet, and the registries that give them.

    Why: `kubeadm upgrade apply` and `kubeadm upgrade node` pull the images of the new control plane before they change
    anything. With a way to the registry that takes a minute; without one the upgrade ends there.

    What happens: "[ERROR ImagePull]: failed to pull image …", and nothing has been changed. Where that check is told to
    be ignored, or never to pull, the kubelet has to pull within the five minutes that kubeadm waits for each pod.

    When it stays silent: all of them are on every control-plane node. The list is that of `kubeadm config images list`
    for the first hop, from the cluster's own imageRepository; where the target names no patch release, any of its
    minor will do. Nodes without host facts name only their largest images (50, the kubelet's nodeStatusMaxImages): what
    is not among those is not known, and that is said. Workers pull kube-proxy, CoreDNS and pause by themselves.

    How to see it yourself: kubeadm config images list --kubernetes-version VERSION; crictl images

    References:
        https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-config/
        https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-init/#without-internet-connection

    """
    yield from images.gaps
    lacking: dict[WantedImage, list[NodeImages]] = {}
    for node in images.nodes:
        for image in node.lacks(images.wanted):
            lacking.setdefault(image, []).append(node)
    if not lacking:
        return
    nodes = {node.node: node for some in lacking.values() for node in some}
    registries = sorted({parsed.registry for image in lacking if (parsed := parse_image(image.name))})
    everywhere = "none of them has any of its images yet"
    partly = f"they lack {len(lacking)} of its {len(images.wanted)} images"
    version = str(images.version)
    yield finding(
        common_subject(list(nodes.values()), f"images of {version}"),
        f"{listed(sorted(nodes))}: before Kubernetes {version} can start, kubeadm pulls its images, and "
        f"{everywhere if _all(lacking, images, nodes) else partly}. {listed(registries)} must be reachable from there, "
        "or the images must be brought there before.",
        remedy=_remedy(images, [nodes[name] for name in sorted(nodes)]),
        places=[nodes[name] for name in sorted(nodes)],
        evidence={
            "images": [f"{image}: not on {listed(node.node for node in some)}" for image, some in lacking.items()]
        },
    )


def _all(lacking: dict[WantedImage, list[NodeImages]], images: HopImages, nodes: dict[str, NodeImages]) -> bool:
    return len(lacking) == len(images.wanted) and all(len(some) == len(nodes) for some in lacking.values())


LOADS = {
    "containerd": "ctr --namespace k8s.io images import FILE.tar",
    "docker": "docker load --input FILE.tar",
    "cri-o": "podman load --input FILE.tar   # as root, podman has CRI-O's storage, unless one of them is told another",
}
"""How an archive of images comes to a runtime. CRI-O has no command for it
(https://github.com/kubernetes-sigs/cri-tools/issues/412)."""


def _remedy(images: HopImages, nodes: Sequence[NodeImages]) -> str:
    version = f"v{images.version}{'.PATCH' if images.version.patch is None else ''}"
    by_runtime: dict[str, list[str]] = {}
    for one in nodes:
        by_runtime.setdefault(one.runtime, []).append(one.node)
    there = [
        f"On {listed(names)}, where {runtime} has the images:\n{LOADS[runtime]}"
        if runtime
        else f"On {listed(names)}: by the means of the container runtime there."
        for runtime, names in by_runtime.items()
    ]
    return (
        "On each of these nodes, with the new kubeadm, days before the work:\n"
        f"kubeadm config images pull --kubernetes-version {version}   # --image-repository where it is another\n"
        "Where no registry can be reached, pull them on a machine that can, save them to an archive, and bring that to "
        "the nodes. " + "\n".join(there)
    )
