"""What kubeadm has written down beside what really runs."""

from collections.abc import Iterator

from kubepreflight.finding import WARNING, Finding, Gap, cannot_check, finding
from kubepreflight.image import parse_image
from kubepreflight.rule import rule
from kubepreflight.semantics.api_servers import VisibleApiServers
from kubepreflight.semantics.components import CONTROL_PLANE, Components, Instance
from kubepreflight.semantics.kubeadm_config import EDIT, KubeadmConfig
from kubepreflight.semantics.several import grouped
from kubepreflight.version import Version


@rule(severity=WARNING, area="versions", phase="control-plane-upgrade")
def kubeadm_config_disagrees(
    config: KubeadmConfig, servers: VisibleApiServers, components: Components
) -> Iterator[Finding | Gap]:
    """What kubeadm has written down of the cluster is not what runs.

    Why: `kubeadm upgrade node` and `kubeadm join` render the static pods from the ConfigMap kubeadm-config and from
    nothing else. What somebody changed in the manifests on the nodes, by hand or with another tool, is not in it.

    What happens: the next `kubeadm upgrade node` or `kubeadm join` brings a node to the version and the images of the
    record, back or forth. Images are pulled from a place that the nodes may not reach.

    When it stays silent: the recorded version is one that an API server runs, in a half-upgraded cluster the newest;
    and the control plane's images of that version come from the recorded place. Build suffixes are not compared.

    How to see it yourself: kubectl -n kube-system get configmap kubeadm-config -o yaml, beside kubectl -n kube-system
    get pods -l tier=control-plane -o custom-columns=NODE:.spec.nodeName,IMAGE:.spec.containers[0].image

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-reconfigure/
        https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/

    """
    yield from servers.gaps
    recorded = Version.try_parse(config.kubernetes_version)
    if recorded is None:
        yield cannot_check(
            "kubeadm-config",
            f"its kubernetesVersion is {config.kubernetes_version[:60]!r}, which is no version",
            how=EDIT,
            asked=True,
        )
    elif recorded != servers.newest:
        yield _version(config, recorded, servers)
    elsewhere = [one for one in components.of(*CONTROL_PLANE) if _is_elsewhere(one, config.image_repository, recorded)]
    if elsewhere:
        yield _images(config, elsewhere)


def _version(config: KubeadmConfig, recorded: Version, servers: VisibleApiServers) -> Finding:
    apply = f"kubeadm upgrade apply v{servers.newest}"
    if recorded in servers.all:
        why = (
            f"`kubeadm upgrade apply` did not get as far as writing {servers.newest} down: it stopped half-way, and "
            f"the other nodes would stay at {recorded}."
        )
        remedy = f"Run it again, on the node that has {servers.newest} already:\n{apply}"
    else:
        why = f"The next `kubeadm upgrade node` or `kubeadm join` brings its node to {recorded}."
        remedy = (
            f"Write down what runs, as kubernetesVersion: v{servers.newest}:\n{EDIT}\n"
            f"Or bring all control-plane nodes to one version with kubeadm first:\n{apply}"
        )
    return finding(
        config,
        f"kubeadm's record says that the cluster is {recorded}, and the API servers are {servers.told()}. {why}",
        remedy=remedy,
        field="kubernetesVersion",
        evidence={"recorded": str(recorded), "running": servers.told()},
    )


def _is_elsewhere(one: Instance, repository: str, recorded: Version | None) -> bool:
    """Whether an image that kubeadm rendered from this record comes from another place than the record names."""
    place = _place(one.image)
    meant = _place(f"{repository.rstrip('/')}/{one.component}")
    return bool(repository) and place is not None and one.version == recorded and place != (meant or repository)


def _place(image: str) -> str | None:
    parsed = parse_image(image)
    return f"{parsed.registry}/{parsed.repository}".rpartition("/")[0] if parsed else None


def _images(config: KubeadmConfig, elsewhere: list[Instance]) -> Finding:
    places: dict[object, list[object]] = {}
    for one in elsewhere:
        places.setdefault(_place(one.image), []).append(one.node)
    return finding(
        config,
        f"kubeadm's record takes the control plane's images from {config.image_repository}; the ones that run come "
        f"from {grouped(places)}. The upgrade pulls from {config.image_repository}, which the nodes may not reach.",
        remedy=f"Write down the place that is meant, as imageRepository:\n{EDIT}\n"
        "And try it on each control-plane node before the upgrade:\nkubeadm config images pull",
        field="imageRepository",
        places=[one.subject for one in elsewhere],
    )
