"""Static pods that the kubelet of a later version refuses."""

from collections.abc import Iterator, Mapping
from shlex import quote

import msgspec

from kubepreflight.finding import BLOCKER, Finding, Gap, Subject, finding
from kubepreflight.host import Host
from kubepreflight.knowledge.static_pod_references import StaticPodReferences
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.several import listed
from kubepreflight.semantics.static_pod_references import REFUSED_BEFORE, api_references, refused_from
from kubepreflight.semantics.static_pods import NodePod, StaticPods, undecoded
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor, Version
from kubepreflight.visible import visible


class Refused(msgspec.Struct, frozen=True):
    """One static pod on one node, what it references, and the first minor whose kubelet refuses that."""

    pod: NodePod
    references: tuple[str, ...]
    since: Minor


@rule(severity=BLOCKER, area="control-plane", phase="node-upgrade")
def static_pod_uses_api_objects(
    *,
    static_pods: StaticPods,
    hosts: list[Host] | None,
    nodes: list[Node] | None,
    upgrade: Upgrade,
    known: StaticPodReferences,
) -> Iterator[Finding | Gap]:
    """A static pod references a ServiceAccount, ConfigMap, Secret, claim or another object of the API.

    Why: a static pod is the kubelet's own and must not depend on the API. Earlier kubelets ran such a pod, often
    without what it asked for. From 1.34 on the kubelet refuses the whole manifest: "static pods may not reference …".
    The feature gate PreventStaticPodAPIReferences could put that off until 1.36.

    What happens: when the new kubelet starts, it stops the pod's containers and does not start them again: no virtual
    IP, no load balancer, no API server on this node, whatever the pod was for. Everything else on the node looks well.

    When it stays silent: no static pod references a ServiceAccount (by serviceAccountName or serviceAccount), a Secret
    or a ConfigMap (in image pull secrets, environment or volumes), a ResourceClaim, a PersistentVolumeClaim, or has a
    csi, ephemeral, azureFile or glusterfs volume, or a token, trust bundle or certificate in a projected one. hostPath,
    emptyDir, downwardAPI, image and the other volumes are allowed. Silent too where the node's kubelet is new enough to
    refuse the pod today. The API server does not take the mirror of such a pod, so it can hardly be seen in the API:
    without the nodes' own manifests the check is partial.

    How to see it yourself: grep -rnE 'serviceAccount|configMap|secret|persistentVolumeClaim' /etc/kubernetes/manifests
    on each node

    References:
        https://github.com/kubernetes/kubernetes/pull/131837
        https://github.com/kubernetes/kubernetes/issues/103587
        https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/

    """
    yield from static_pods.gaps
    by_name = {host.name: host for host in hosts or ()}
    running = {node.name: node.status.node_info.kubelet_version for node in nodes or ()}
    causes: dict[str, list[Refused]] = {}
    for pod in static_pods.pods:
        if pod.spec is None:
            yield undecoded(pod)
            continue
        references = tuple(api_references(pod.spec))
        since = refused_from(by_name.get(pod.node), known) if references else None
        if isinstance(since, Gap):
            yield since
            since = known.refused_since
        if since == known.refused_since_without_gate:
            references = tuple(one for one in references if not one.startswith(REFUSED_BEFORE))
        if since and references and _kubelet(pod.node, running, upgrade) < since <= upgrade.target.minor_version:
            causes.setdefault(pod.name, []).append(Refused(pod, references, since))
    for name, refused in causes.items():
        yield _about(name, refused, upgrade)


def _kubelet(node: str, running: Mapping[str, str], upgrade: Upgrade) -> Minor:
    version = Version.try_parse(running.get(node, ""))
    return version.minor_version if version else upgrade.first_hop.start


def _about(name: str, refused: list[Refused], upgrade: Upgrade) -> Finding:
    since = min(one.since for one in refused)
    nodes = listed(one.pod.node for one in refused)
    references = listed(reference for one in refused for reference in one.references)
    paths = [one.pod.place for one in refused if one.pod.place.file]
    where = quote(visible(paths[0].file if paths else f"/etc/kubernetes/manifests/{name}.yaml"))
    return finding(
        Subject(kind="StaticPod", name=name),
        f"The static pod {name} on {nodes} references {references}. The kubelet of {since} refuses that: once it "
        f"starts, {name} is stopped and does not come back.",
        remedy="On each of these nodes, before its kubelet is upgraded, give the pod what it needs from files of the "
        f"node (hostPath volumes, a kubeconfig of its own), and take the references out:\n$EDITOR {where}\n"
        "Or run it as a DaemonSet, when it need not be there before the API server is.",
        places=[one.pod.place for one in refused],
        evidence={"references": list(dict.fromkeys(reference for one in refused for reference in one.references))},
        hop=upgrade.hop_to(since),
    )
