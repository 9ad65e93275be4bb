"""Control-plane nodes whose kubelet does not look where kubeadm writes."""

import posixpath
from collections.abc import Iterator
from typing import Any, NamedTuple

from kubepreflight.finding import BLOCKER, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.objects import Node
from kubepreflight.rule import rule
from kubepreflight.semantics.host_roles import is_control_plane
from kubepreflight.semantics.planned_kubelets import PlannedKubelets, today
from kubepreflight.semantics.several import common_subject, grouped

FIELD, FLAG = "staticPodPath", "pod-manifest-path"
KUBEADM = "/etc/kubernetes/manifests"
NOWHERE = "no directory"


class Wrong(NamedTuple):
    """Where the kubelet of a host looks, or will look, and whether it does so today."""

    host: Host
    path: str
    is_today: bool


@rule(severity=BLOCKER, area="nodes", phase="control-plane-upgrade")
def static_pod_path_wrong(
    hosts: list[Host], kubelets: PlannedKubelets, nodes: list[Node] | None = None
) -> Iterator[Finding | Gap]:
    """The kubelet of a control-plane node does not read its static pods where kubeadm writes them.

    Why: kubeadm writes the manifests of the control plane to /etc/kubernetes/manifests and to no other place; the
    kubelet looks where staticPodPath of its configuration, or the old flag --pod-manifest-path, says. A kubelet that
    is told none runs no static pod.

    What happens: where the kubelet looks elsewhere today, `kubeadm upgrade` writes the new manifests, waits five
    minutes for pods that never change, and puts the old ones back. Where the configuration that kubeadm is about to
    write says another path, all goes well until the kubelet is restarted: then the node's control plane is gone.

    When it stays silent: today's path, and the one that `kubeadm upgrade` will write from the ConfigMap kubelet-config,
    are /etc/kubernetes/manifests on each control-plane node. Workers are not looked at. A patch of kubeadm's that sets
    another path is not seen. A path that is a link to kubeadm's directory is told as a wrong one.

    How to see it yourself: grep staticPodPath /var/lib/kubelet/config.yaml; systemctl cat kubelet

    References:
        https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/
        https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/

    """
    yield from kubelets.gaps
    by_name = {node.name: node for node in nodes or ()}
    wrong: list[Wrong] = []
    for host in hosts:
        role = is_control_plane(host, by_name)
        if isinstance(role, Missing):
            yield host.cannot_check("static pods", role)
        if isinstance(role, Missing) or not role:
            continue
        now = today(host, FIELD, FLAG)
        # kubeadm puts its own directory where the cluster's configuration names none.
        planned = kubelets.value(host, FIELD, FLAG) or (KUBEADM if kubelets.document is not None else now)
        for value, is_today in ((now, True), (planned, False)):
            if isinstance(value, Missing):
                yield host.cannot_check("kubelet settings", value)
            elif _path(value) != KUBEADM:
                wrong.append(Wrong(host, _path(value), is_today))
                break
    for is_today in (True, False):
        if same := [one for one in wrong if one.is_today is is_today]:
            yield _finding(same, kubelets.edit, is_today=is_today)


def _path(value: Any) -> str:
    return posixpath.normpath(value) if isinstance(value, str) and value else NOWHERE


def _finding(wrong: list[Wrong], edit: str, *, is_today: bool) -> Finding:
    hosts = [one.host for one in wrong]
    paths: dict[object, list[str]] = {}
    for one in wrong:
        paths.setdefault(one.path, []).append(one.host.name)
    if is_today:
        text = (
            f"The kubelet looks for static pods in {grouped(paths)}, and kubeadm writes them to {KUBEADM}: it waits "
            "five minutes for the new control plane, which nobody starts, and puts the old manifests back."
        )
    else:
        text = (
            f"`kubeadm upgrade` is about to tell the kubelet to look for static pods in {grouped(paths)}, and not in "
            f"{KUBEADM}: once it is restarted, the control plane of the node is gone."
        )
    places = [host.at(place.file, place.entry) for host in hosts for place in host.kubelet.places(FIELD, FLAG)[:1]]
    return finding(
        common_subject(hosts, f"{FIELD} today" if is_today else f"{FIELD} after the upgrade"),
        text,
        remedy=f"Set {FIELD}: {KUBEADM} for the cluster, and take --{FLAG} out of the kubelet's flags; then, on each "
        f"of these nodes, in /var/lib/kubelet/config.yaml too:\n{edit}\nsystemctl restart kubelet",
        places=places or hosts,
        phase=None if is_today else "node-upgrade",
        evidence={"paths": [f"{one.host.name}: {one.path}" for one in wrong]},
    )
