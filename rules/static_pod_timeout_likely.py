"""Static pods for which kubeadm may wait in vain."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.image import parse_image
from kubepreflight.knowledge.patches import PatchNames
from kubepreflight.objects import Desired
from kubepreflight.rule import rule
from kubepreflight.semantics.host_roles import is_control_plane
from kubepreflight.semantics.kubeadm_images import HopImages, NodeImages
from kubepreflight.semantics.several import common_subject, grouped, listed
from kubepreflight.semantics.upgrade_configuration import UpgradeConfiguration
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor

PATCHES = "/etc/kubernetes/patches"
NEVER = "Never"
STALLED = 25.0
"""From this share of the time on, in percent, in which nothing goes on for want of disks, one is told as slow."""


@rule(severity=WARNING, area="control-plane", phase="control-plane-upgrade")
def static_pod_timeout_likely(
    *,
    images: HopImages,
    upgrade: Upgrade,
    patches: PatchNames,
    hosts: list[Host] | None,
    configurations: Desired[UpgradeConfiguration] | None = None,
) -> Iterator[Finding | Gap]:
    """The new static pods may not come up within the time that kubeadm gives them.

    Why: kubeadm writes the manifest of each part of the control plane, waits until the kubelet runs the new pod, and
    gives up after five minutes (timeouts.upgradeManifests of an UpgradeConfiguration). The time goes for images that
    have to come from somewhere, and for pods that do not run without what a patch was to add.

    What happens: "timed out waiting for the condition", the old manifests are put back, and with etcd its old data
    too. An image that cannot be pulled stops the upgrade before that, in the preflight checks, unless they are told to
    ignore it. A patch that kubeadm leaves out, because its file's name is not right, is only a word in the output: the
    new manifest lacks what it was to set. A wrong patch type ends kubeadm.

    When it stays silent: the images are there, or come from a registry from which the node has other images already:
    that of a healthy cluster. Whether a registry can be reached now is not tried. The names of patches are looked at in
    /etc/kubernetes/patches, where they are kept by custom; one elsewhere is not seen, nor what a patch says. A disk is
    told as slow where everything on the node stood still for want of it for a quarter of the five minutes before the
    collection, as its kernel counted; a kernel that does not count it tells nothing. A kubelet that looks elsewhere for
    its static pods is told by static-pod-path-wrong.

    How to see it yourself: crictl pull IMAGE on the node; ls /etc/kubernetes/patches; cat /proc/pressure/io

    References:
        https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/#kubeadm-k8s-io-v1beta4-Timeouts
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/control-plane-flags/#patches
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/#recovering-from-a-failure-state
        https://docs.kernel.org/accounting/psi.html

    """
    yield from images.gaps
    never = _never_pulls(configurations or ())
    yield from _strange_registries(images, pulled=not never)
    if never and (lacking := [node for node in images.nodes if node.lacks(images.wanted)]):
        yield _not_pulled(images, lacking)
    if patches.targets(upgrade.first_hop.end):
        for host in hosts or ():
            # A worker has none; one whose role is not known is told of with the images.
            if is_control_plane(host, {}) is not False and isinstance(host.patches, Missing):
                yield host.cannot_check("patches", host.patches)
        yield from _patches(hosts or (), patches, upgrade.first_hop.end)
    if slow := [host for host in hosts or () if is_control_plane(host, {}) is True and _stall(host) >= STALLED]:
        yield _slow(slow)


def _stall(host: Host) -> float:
    return host.machine.io_stall if isinstance(host.machine.io_stall, float) else 0.0


def _slow(hosts: list[Host]) -> Finding:
    shares: dict[object, list[str]] = {}
    for host in hosts:
        shares.setdefault(f"{_stall(host):.0f} %", []).append(host.name)
    return finding(
        common_subject(hosts, "slow disk"),
        f"Everything stood still for want of a disk for a good part of the five minutes before the nodes were looked "
        f"at: {grouped(shares)}. There new images are unpacked and etcd is restarted within the five minutes that "
        "kubeadm waits for each pod.",
        remedy="Look what keeps the disk busy, and do the work when it is quiet; pull the images the day before:\n"
        "cat /proc/pressure/io\niostat -x 5 3    # of the package sysstat",
        places=hosts,
        evidence={"stalled": [f"{host.name}: {_stall(host):.2f} %" for host in hosts]},
    )


def _never_pulls(configurations: Sequence[UpgradeConfiguration]) -> bool:
    commands = (command for one in configurations for command in (one.apply, one.node) if command is not None)
    return any(command.image_pull_policy == NEVER for command in commands)


def _strange_registries(images: HopImages, *, pulled: bool) -> Iterator[Finding]:
    """A finding for each registry from which no image of the node comes, and one is wanted."""
    found: dict[str, list[NodeImages]] = {}
    for node in images.nodes:
        known = {image.registry for image in node.images}
        wanted = {parsed.registry for image in node.lacks(images.wanted) if (parsed := parse_image(image.name))}
        for registry in sorted(wanted - known) if node.complete and known else ():
            found.setdefault(registry, []).append(node)
    for registry, nodes in found.items():
        # The tag of one whose patch release is not known cannot be typed.
        lacking = sorted(nodes[0].lacks(images.wanted), key=lambda image: image.tag.endswith("."))
        stops = "kubeadm's preflight checks" if pulled else "the static pods, after five minutes"
        yield finding(
            common_subject(nodes, f"images from {registry}"),
            f"Images of Kubernetes {images.version} come from {registry}, and no image on "
            f"{listed(node.node for node in nodes)} does: nothing shows that it can be reached from there. If it "
            f"cannot, the upgrade ends with {stops}.",
            remedy="On each of these nodes, before the work; it has to end well:\n"
            f"crictl pull {next(image for image in lacking if registry in image.name)}",
            places=nodes,
            evidence={"images": [str(image) for image in nodes[0].lacks(images.wanted) if registry in image.name]},
        )


def _not_pulled(images: HopImages, nodes: list[NodeImages]) -> Finding:
    return finding(
        common_subject(nodes, "images that kubeadm is told not to pull"),
        f"The UpgradeConfiguration says imagePullPolicy: {NEVER}, and images of Kubernetes {images.version} are not on "
        f"{listed(node.node for node in nodes)}: kubeadm goes on without them, and the kubelet has five minutes for "
        "each.",
        remedy="Bring the images there before, or let kubeadm pull them: imagePullPolicy: IfNotPresent",
        places=nodes,
        evidence={"images": [f"{node.node}: {listed(node.lacks(images.wanted))}" for node in nodes]},
    )


def _patches(hosts: Sequence[Host], known: PatchNames, kubeadm: Minor) -> Iterator[Finding]:
    left_out: dict[object, list[str]] = {}
    refused: dict[object, list[str]] = {}
    for host in hosts:
        for name in () if isinstance(host.patches, Missing) else host.patches:
            if known.is_refused(name, kubeadm):
                refused.setdefault(name, []).append(host.name)
            elif name.endswith((".yaml", ".yml", ".json")) and known.is_left_out(name, kubeadm):
                left_out.setdefault(name, []).append(host.name)
    targets = ", ".join(known.targets(kubeadm))
    if left_out:
        yield _about(
            hosts,
            left_out,
            "patches that kubeadm leaves out",
            "leaves out, for their names begin with no target: what they are to set is missing in the new manifests",
            f"Call it TARGET, a suffix, .yaml or .json; the targets of kubeadm {kubeadm} are {targets}.",
        )
    if refused:
        types = ", ".join(known.file.types)
        yield _about(
            hosts,
            refused,
            "patches that kubeadm refuses",
            "does not take, for the type behind + is none: with --patches the upgrade ends there",
            f"Call it TARGET, a suffix, +TYPE, .yaml or .json; the types are {types}.",
        )


def _about(hosts: Sequence[Host], names: dict[object, list[str]], field: str, says: str, remedy: str) -> Finding:
    having = {name for some in names.values() for name in some}
    places = [host.at(f"{PATCHES}/{file}") for host in hosts for file, some in names.items() if host.name in some]
    return finding(
        common_subject([host for host in hosts if host.name in having], field),
        f"In {PATCHES} lie patches that kubeadm {says}: {grouped(names)}.",
        remedy=f"{remedy}\nls {PATCHES}",
        places=places,
        evidence={"files": [f"{file}: {listed(some)}" for file, some in names.items()]},
    )
