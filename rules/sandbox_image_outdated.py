"""The pause image of the container runtime."""

from collections.abc import Iterator

from kubepreflight.finding import NOTE, WARNING, Finding, Gap, Hop, finding
from kubepreflight.host import SANDBOX_DEFAULTS, Host, Missing, RuntimeImage
from kubepreflight.image import ImageReference, parse_image, version_of_tag
from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.knowledge.runtimes import Runtimes
from kubepreflight.rule import rule
from kubepreflight.semantics.kubeadm_images import images_gap
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade

FROZEN, ABSENT, UNPINNED, OTHER = "from a frozen registry", "not on the node", "not pinned", "not kubeadm's"
FLAG = "pod-infra-container-image"


@rule(severity=WARNING, area="nodes", phase="node-upgrade")
def sandbox_image_outdated(
    hosts: list[Host], upgrade: Upgrade, known: Runtimes, versions: ComponentVersions
) -> Iterator[Finding | Gap]:
    """The runtime's pause image comes from a frozen registry, is not there, may be thrown away, or is not the target's.

    Why: every pod begins with a container of the pause image, and the runtime's own settings name it: kubeadm changes
    them never. An older pause works with every Kubernetes; what breaks is that it cannot be had when it is needed.

    What happens: a drained node starts all its pods anew. Where the image is not on the node, or was collected as
    garbage because neither runtime nor kubelet protects it (the kubelet's flag for that is gone in 1.35), each pod
    waits for a pull: from a frozen registry, or without a way to any, for ever. That is a warning for an image from a
    frozen registry and for one that is not there, and a note for one that is only not protected. For an image that is
    older than kubeadm's own, which works, there is a note too: kubeadm says "detected that the sandbox image …".

    When it stays silent: the image is kubeadm's for the target or a newer one, from a registry that lives, is there,
    and is pinned or protected by the kubelet's flag. Where crictl was not there to ask, only the name is judged.

    How to see it yourself: crictl info | grep sandboxImage; crictl images -o json (pinned); grep -rE 'sandbox|pause' of
    /etc/containerd and /etc/crio

    References:
        https://kubernetes.io/docs/setup/production-environment/container-runtimes/#override-pause-image-containerd
        https://kubernetes.io/blog/2023/02/06/k8s-gcr-io-freeze-announcement/
        https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-lifecycle

    """
    found: dict[tuple[str, str], list[Host]] = {}
    wanted = versions.of(upgrade.version_after(upgrade.first_hop)).pause
    for host in hosts:
        image = host.runtime.sandbox_image
        if isinstance(image, Missing):
            yield _gap(host, image)
            continue
        if isinstance(host.runtime.images, Missing):
            yield images_gap(host, host.runtime.images)
        if trouble := _trouble(host, image, wanted, upgrade, known):
            found.setdefault((trouble, image), []).append(host)
    for (trouble, image), same in found.items():
        yield _finding(trouble, image, same, wanted, upgrade.first_hop)


def _gap(host: Host, missing: Missing) -> Gap:
    if missing not in SANDBOX_DEFAULTS.values():
        return host.cannot_check("sandbox image", missing)
    return host.cannot_check("sandbox image", missing, how="look for pause among the node's images", asked=False)


def _trouble(host: Host, image: str, wanted: str, upgrade: Upgrade, known: Runtimes) -> str:
    there = _there(host, image)
    if known.frozen(image):
        return FROZEN
    if there is None and not isinstance(host.runtime.images, Missing):
        return ABSENT
    protected = host.kubelet.flag(FLAG) == image and upgrade.first_hop.end < known.file.protecting_flag_gone
    if there is not None and there.pinned is False and not protected:
        return UNPINNED
    parsed = parse_image(image)
    version = version_of_tag(parsed.tag) if parsed is not None else None
    newer = version_of_tag(wanted)
    is_pause = parsed is not None and parsed.repository.rpartition("/")[2] == "pause"
    return OTHER if is_pause and version is not None and newer is not None and version < newer else ""


def _there(host: Host, image: str) -> RuntimeImage | None:
    images = () if isinstance(host.runtime.images, Missing) else host.runtime.images
    meant = parse_image(image)
    for one in images:
        if meant is not None and any(_is_same(meant, parse_image(name)) for name in (*one.tags, *one.digests)):
            return one
    return None


def _is_same(meant: ImageReference, image: ImageReference | None) -> bool:
    """A tag beside a digest tells nothing more: the runtime lists such an image by its digest."""
    if not meant.digest or image is None:
        return image == meant
    return (image.registry, image.repository, image.digest) == (meant.registry, meant.repository, meant.digest)


def _finding(trouble: str, image: str, hosts: list[Host], wanted: str, hop: Hop) -> Finding:
    nodes = listed(host.name for host in hosts)
    is_note = trouble in (UNPINNED, OTHER) or (trouble == FROZEN and all(_is_safe(host, image) for host in hosts))
    texts = {
        FROZEN: "its registry is frozen: when the image is needed again, on a fresh node or after it was collected as "
        "garbage, it may not be had.",
        ABSENT: "it is not on the node: the next pod waits until it is pulled, and without a way to its registry for "
        "ever.",
        UNPINNED: "the runtime does not pin it, and nothing keeps the kubelet from collecting it as garbage: without a "
        "way to its registry no pod starts then.",
        OTHER: f"kubeadm {hop.end} names pause:{wanted}. The older one works; kubeadm says in its output that they are "
        "not the same.",
    }
    return finding(
        common_subject(hosts, f"sandbox image {image} {trouble}"),
        f"The container runtime on {nodes} begins every pod with {image[:200]}: {texts[trouble]}",
        remedy=_remedy(trouble, image, wanted, hosts[0]),
        places=hosts,
        severity=NOTE if is_note else WARNING,
        evidence={"told by": [f"{host.name}: {host.runtime.sandbox_place}" for host in hosts]},
    )


def _is_safe(host: Host, image: str) -> bool:
    there = _there(host, image)
    return there is not None and there.pinned is True


def _remedy(trouble: str, image: str, wanted: str, host: Host) -> str:
    if trouble == ABSENT:
        return f"On each of these nodes, while its registry can be reached:\ncrictl pull {image}"
    if trouble == UNPINNED:
        return (
            "Upgrade the runtime (containerd pins it by itself in later releases), or keep its registry reachable; by "
            f"hand, on each node:\nctr --namespace k8s.io images label {image} io.cri-containerd.pinned=pinned"
        )
    service = {"cri-o": "crio", "docker": "cri-docker", "dockershim": "kubelet"}.get(host.runtime.name, "containerd")
    setting = {
        "cri-o": "pause_image in /etc/crio/crio.conf.d/",
        "docker": f"--{FLAG} of cri-dockerd",
        "dockershim": f"--{FLAG} in /var/lib/kubelet/kubeadm-flags.env, or where else the kubelet is given it",
    }.get(
        host.runtime.name,
        "sandbox_image (config version 2) or pinned_images.sandbox (3) in /etc/containerd/config.toml",
    )
    return (
        f"Set registry.k8s.io/pause:{wanted}, or its copy in your own registry, on each node while it is drained: "
        f"{setting}, then\nsystemctl restart {service}"
    )
