"""Images from registries to which nothing is added any more."""

from collections.abc import Iterator

from kubepreflight.finding import WARNING, Finding, Subject, finding
from kubepreflight.knowledge.runtimes import FrozenRegistry, Runtimes
from kubepreflight.objects import Pod
from kubepreflight.rule import rule
from kubepreflight.semantics.components import component_of
from kubepreflight.semantics.kubeadm_config import EDIT, KubeadmConfig
from kubepreflight.semantics.owners import owner_of
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade

COREDNS = "kube-dns"


@rule(severity=WARNING, area="control-plane", phase="node-upgrade")
def image_repository_frozen(
    pods: list[Pod], known: Runtimes, upgrade: Upgrade, config: KubeadmConfig | None
) -> Iterator[Finding]:
    """Images come from a registry that is frozen, or gone.

    Why: Kubernetes' images moved to registry.k8s.io; the registries before it get nothing new, and go away one
    after the other. A running pod does not notice: its image is on the node.

    What happens: a drained pod starts on another node, which pulls its image anew. Where the registry is gone, or
    its redirect is, it stays in ImagePullBackOff. kubeadm pulls the images of the next version from the place in
    its record.

    When it stays silent: nothing comes from such a place; or kubeadm brings the image of the next version itself,
    from the place in its record (its static pods, kube-proxy, CoreDNS). kubeadm up to 1.25 writes registry.k8s.io
    into its record by itself. A mirror under another name is not looked into. The pause image is for
    sandbox-image-outdated.

    How to see it yourself: kubectl get pods -A -o jsonpath='{..image}' | xargs -n1 | sort -u

    References:
        https://kubernetes.io/blog/2023/03/10/image-registry-redirect/
        https://kubernetes.io/blog/2023/02/06/k8s-gcr-io-freeze-announcement/

    """
    row = known.frozen(f"{config.image_repository}/image") if config else None
    if config and row and (row.rewritten_until is None or upgrade.first_hop.end > row.rewritten_until):
        yield _record(config, row)
    found: dict[str, dict[Subject, set[str]]] = {}
    rows: dict[str, FrozenRegistry | None] = {}
    for pod in pods:
        for container in (*(pod.spec.init_containers or ()), *(pod.spec.containers or ())):
            image = container.image or ""
            if image not in rows:
                rows[image] = known.frozen(image)
            row = rows[image]
            if row is not None and not (pod.is_finished or pod.is_mirror or _is_kubeadms(pod)):
                found.setdefault(row.registry, {}).setdefault(owner_of(pod), set()).add(image)
    for frozen in known.file.frozen:
        if frozen.registry in found:
            yield _workloads(frozen, found[frozen.registry])


def _is_kubeadms(pod: Pod) -> bool:
    """Whether kubeadm replaces it with the next version."""
    return pod.namespace == "kube-system" and (bool(component_of(pod)) or pod.labels.get("k8s-app") == COREDNS)


def _record(config: KubeadmConfig, row: FrozenRegistry) -> Finding:
    return finding(
        config,
        f"kubeadm takes its images from {config.image_repository}: {row.state}. The images of the next version are "
        "pulled from there.",
        remedy=f"Write imageRepository: {row.instead}\n{EDIT}\n"
        "And try it on each control-plane node before the upgrade:\nkubeadm config images pull",
        field="imageRepository",
        phase="control-plane-upgrade",
        references=(row.source,),
    )


def _workloads(row: FrozenRegistry, owners: dict[Subject, set[str]]) -> Finding:
    images = sorted({image for some in owners.values() for image in some})
    some = sorted(f"{owner.namespace}/{owner.name}" for owner in owners)
    return finding(
        Subject(kind="ImageRegistry", name=row.registry),
        f"{listed(some)} {'runs' if len(some) == 1 else 'run'} images from {row.registry}: {row.state}. A drained pod "
        "needs its image on another node.",
        remedy=f"Take the same images from {row.instead}, or a copy in your own registry:\n"
        + "\n".join(image.replace(row.registry, row.instead, 1) for image in images[:5]),
        places=sorted(owners, key=str),
        evidence={"images": images[:50]},
        references=(row.source,),
    )
