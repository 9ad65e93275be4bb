"""The settings that kubeadm keeps: in kubeadm-config, in the ConfigMaps beside it, in files for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.host import flags_in
from kubepreflight.knowledge.static_pods import StaticPodRendering
from kubepreflight.semantics.kubeadm_config import EDIT, KubeadmConfig, mapping_in
from kubepreflight.semantics.kubeadm_files import (
    ClusterConfiguration,
    ComponentConfiguration,
    InitConfiguration,
    JoinConfiguration,
    StaticPodManifest,
)
from kubepreflight.semantics.setting import (
    ETCD,
    KUBEADM,
    KUBELET,
    STATIC_COMPONENTS,
    Document,
    Place,
    Setting,
    Where,
    flags_of,
)
from kubepreflight.static_pod import StaticPodSpec
from kubepreflight.visible import visible


def of_cluster_configuration(config: KubeadmConfig, place: Place) -> Iterator[Setting | Document | Gap]:
    """The flags of the static pods, and kubeadm's own gates; a gap for each component whose flags cannot be judged."""
    yield Document(component=KUBEADM, values=config.document, place=place)
    for component, at in STATIC_COMPONENTS.items():
        try:
            arguments = config.extra_arguments(*at)
        except ValueError as error:
            how = EDIT if place.where is Where.KUBEADM_CONFIG else f"mend it: {place.subject.file}"
            yield cannot_check("kubeadm-config", str(error), subject=str(place.subject), how=how, asked=True)
            continue
        if arguments and component == ETCD and config.etcd_image_tag:
            yield cannot_check(
                "flags of etcd",
                f"it runs {visible(config.etcd_image_tag)[:80]} whatever kubeadm brings: its flags are not judged",
                subject=str(place.subject),
                how="try that etcd with its flags",
            )
            continue
        yield from flags_of(component, arguments, entry(place, f"{'.'.join(at)}.extraArgs"))


def of_files(
    clusters: Iterable[ClusterConfiguration],
    nodes: Iterable[InitConfiguration | JoinConfiguration],
    manifests: Iterable[StaticPodManifest],
    rendering: StaticPodRendering,
) -> Iterator[Setting | Document | Gap]:
    """The settings in kubeadm's files, and the flags in manifests of static pods."""
    for cluster in clusters:
        yield from of_cluster_configuration(KubeadmConfig(cluster.document), in_file(cluster.subject))
    for one in nodes:
        given = (one.node_registration or {}).get("kubeletExtraArgs")
        try:
            arguments = KubeadmConfig({KUBELET: {"extraArgs": given}}).extra_arguments(KUBELET)
        except ValueError as error:
            what = f"nodeRegistration.kubeletExtraArgs: {error}"
            yield cannot_check("kubeadm's files", what, subject=str(one.subject), asked=True)
            continue
        yield from flags_of(KUBELET, arguments, entry(in_file(one.subject), "nodeRegistration.kubeletExtraArgs"))
    for manifest in manifests:
        if manifest.name in STATIC_COMPONENTS:
            yield from by_hand(manifest.name, manifest.spec, in_file(manifest.subject), rendering)


def documents_in_files(configurations: Iterable[ComponentConfiguration]) -> Iterator[Document]:
    """The configurations of programs in files."""
    for one in configurations:
        yield Document(component=one.component, values=one.document, place=in_file(one.subject))


def of_static_pod(component: str, spec: StaticPodSpec, place: Place) -> Iterator[Setting]:
    """The flags on the command line of a component's static pod."""
    for container in spec.containers or ():
        words = container.command_line
        if words and words[0].rpartition("/")[2] == component:
            yield from flags_of(component, flags_in(words[1:]), place)


def by_hand(component: str, spec: StaticPodSpec, place: Place, rendering: StaticPodRendering) -> Iterator[Setting]:
    """Those of them that kubeadm does not render by itself: of its own the next one knows whether they still are."""
    flags = of_static_pod(component, spec, place)
    return (one for one in flags if not rendering.renders(component, one.name, one.value))


def of_config_map(component: str, data: Mapping[str, str] | None, key: str, place: Place) -> Document | Gap | None:
    """The configuration in a ConfigMap; None when it has none."""
    text = (data or {}).get(key)
    if text is None:
        return None
    try:
        values: dict[str, Any] = mapping_in(text)
    except ValueError as error:
        namespace, name = place.subject.namespace, place.subject.name
        reason, how = f"its {key} cannot be read: {error}", f"kubectl -n {namespace} get configmap {name} -o yaml"
        return cannot_check(f"ConfigMap {namespace}/{name}", reason, how=how, asked=True)
    return Document(component=component, values=values, place=place)


def in_file(subject: Subject) -> Place:
    """A place in a file that somebody keeps."""
    return Place(Where.FILE, subject)


def entry(place: Place, name: str) -> Place:
    """A part of a place."""
    return msgspec.structs.replace(place, entry=name)
