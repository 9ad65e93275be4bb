"""Which objects of the API a static pod references, and from which version on its kubelet refuses that.

Source: HasAPIObjectReference, VisitPodSecretNames and VisitPodConfigmapNames in pkg/api/pod/util.go, and
tryDecodeSinglePod in pkg/kubelet/config/common.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubepreflight.finding import Gap
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.static_pod_references import StaticPodReferences
from kubepreflight.static_pod import StaticContainer, StaticPodSpec
from kubepreflight.version import Minor

VOLUMES: Mapping[str, str] = {
    "azureFile": "a Secret",
    "configMap": "a ConfigMap",
    "csi": "a CSIDriver",
    "ephemeral": "a PersistentVolumeClaim",
    "glusterfs": "an Endpoints object",
    "persistentVolumeClaim": "a PersistentVolumeClaim",
    "secret": "a Secret",
}
"""The sources of a volume that cannot be had without the API, and what each references."""

PROJECTED: Mapping[str, str] = {
    "clusterTrustBundle": "a ClusterTrustBundle",
    "configMap": "a ConfigMap",
    "podCertificate": "a pod certificate",
    "secret": "a Secret",
    "serviceAccountToken": "a ServiceAccount",
}
"""The same for the sources of a projected volume."""

WITH_SECRET = ("cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos")
"""The other sources that may name a Secret, in `secretRef`."""

REFUSED_BEFORE = ("a ResourceClaim", "a ClusterTrustBundle")
"""What the kubelet refused before all others, and refuses whatever the gate says."""


def api_references(spec: StaticPodSpec) -> Iterator[str]:
    """Each reference in words: `a ServiceAccount (serviceAccountName)`, `a Secret (volume tls)`."""
    if spec.service_account_name or spec.service_account:
        yield "a ServiceAccount (serviceAccountName)"
    if any(_names(one) for one in spec.image_pull_secrets or ()):
        yield "a Secret (imagePullSecrets)"
    if spec.resource_claims:
        yield "a ResourceClaim (resourceClaims)"
    for container in spec.all_containers:
        for what in _of_container(container):
            yield f"{what} (environment of container {container.name})"
    for volume in spec.volumes or ():
        for what in _of_volume(volume):
            yield f"{what} (volume {volume.get('name')})"


def refused_from(host: Host | None, known: StaticPodReferences) -> Minor | Gap:
    """The first minor whose kubelet refuses them on a node; later than by default where its gate is switched off."""
    if host is None:
        return known.refused_since
    for settings in (host.kubelet.config, host.kubelet.command_line):
        if isinstance(settings, Missing):
            return host.cannot_check("kubelet settings", settings)
    return known.refused_since_without_gate if _is_off(host, known.gate) else known.refused_since


def _is_off(host: Host, gate: str) -> bool:
    """Whether the node's kubelet has the gate switched off; flags go before the file."""
    for one in reversed(host.kubelet.given.get("feature-gates", "").split(",")):
        name, _, value = one.partition("=")
        if name.strip() == gate:
            return value.strip().lower() == "false"
    config = host.kubelet.config
    gates = None if isinstance(config, Missing) else config.get("featureGates")
    return isinstance(gates, Mapping) and gates.get(gate) is False


def _of_container(container: StaticContainer) -> Iterator[str]:
    sources = [one.value_from for one in container.env or () if one.value_from]
    sources += container.env_from or []
    found = {
        what
        for source in sources
        for key, what in (
            ("secretKeyRef", "a Secret"),
            ("secretRef", "a Secret"),
            ("configMapKeyRef", "a ConfigMap"),
            ("configMapRef", "a ConfigMap"),
        )
        if _names(source.get(key))
    }
    yield from sorted(found)


def _of_volume(volume: Mapping[str, Any]) -> Iterator[str]:
    yield from (what for source, what in VOLUMES.items() if volume.get(source) is not None)
    yield from ("a Secret" for one in WITH_SECRET if _names(_mapping(volume.get(one)).get("secretRef")))
    sources = _mapping(volume.get("projected")).get("sources")
    for source in sources if isinstance(sources, list) else ():
        yield from (what for key, what in PROJECTED.items() if _mapping(source).get(key) is not None)


def _names(reference: Any) -> bool:
    """Whether a reference names an object; one with an empty name counts for none."""
    return bool(_mapping(reference).get("name"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
