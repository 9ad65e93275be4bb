"""Changes to kube-proxy and CoreDNS that kubeadm replaces."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubepreflight.finding import NOTE, WARNING, Finding, Gap, cannot_check, finding
from kubepreflight.knowledge.addon_templates import AddonTemplate, AddonTemplates
from kubepreflight.knowledge.names import Names
from kubepreflight.objects import Desired, KubernetesObject, Node
from kubepreflight.rule import rule
from kubepreflight.semantics.addon_edits import AddonEdit, addon_edits
from kubepreflight.semantics.addon_objects import (
    CoreDnsConfigMap,
    KubeDnsService,
    KubeProxyConfigMap,
    KubeProxyDaemonSet,
    SystemDeployment,
)
from kubepreflight.semantics.kubeadm_config import EDIT, KubeadmConfig, host_of
from kubepreflight.semantics.several import listed
from kubepreflight.semantics.upgrade_configuration import UpgradeConfiguration, is_left_alone
from kubepreflight.upgrade import Upgrade

OTHERS = ("app.kubernetes.io/managed-by", "addonmanager.kubernetes.io/mode")
"""Labels of objects that somebody else than kubeadm keeps."""


@rule(severity=WARNING, area="control-plane", phase="control-plane-upgrade")
def addon_edited_by_hand(
    *,
    config: KubeadmConfig,
    daemon_sets: list[KubeProxyDaemonSet],
    proxy_configs: list[KubeProxyConfigMap],
    deployments: list[SystemDeployment],
    corefiles: list[CoreDnsConfigMap],
    services: list[KubeDnsService] | None,
    upgrade: Upgrade,
    templates: AddonTemplates,
    names: Names,
    nodes: list[Node] | None = None,
    configurations: Desired[UpgradeConfiguration] | None = None,
) -> Iterator[Finding | Gap]:
    """The add-on kube-proxy or CoreDNS was changed in a way that kubeadm undoes.

    Why: with the control plane, kubeadm upgrades its add-ons: it writes the DaemonSet kube-proxy, the Deployment
    coredns, the Service kube-dns and the ConfigMap kube-proxy anew, whole, from its own templates.

    What happens: with the upgrade, what was changed in them is gone: CoreDNS has 170Mi of memory again and is killed,
    a kube-proxy that a network plugin had switched off by a node selector runs again, pods no longer come up on tainted
    nodes, images can no longer be pulled. kubeadm keeps the number of CoreDNS's replicas, the Corefile where it is not
    the default one, and kube-proxy's own configuration (config.conf) with its changes.

    When it stays silent: nothing is there that no kubeadm from 1.15 on writes. What was only taken out is not looked
    for, nor labels, annotations, probes, security contexts and images. An add-on is passed over when kubeadm does not
    manage it: its ConfigMap is missing (a cluster without kube-proxy, kubeadm init --skip-phases=addon), it is disabled
    in kubeadm-config, an UpgradeConfiguration skips its phase in the command that would come to it (apply where there
    is one control-plane node, else node), or a label says that Helm or another manager keeps it.
    Patches lie on the nodes and cannot be seen: where an UpgradeConfiguration names their directory, and this kubeadm
    patches the add-on, it is a note.

    How to see it yourself: kubectl -n kube-system get daemonset kube-proxy -o yaml, beside kubeadm init phase addon
    kube-proxy --print-manifest (and the same for the Deployment and coredns)

    References:
        https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/addons/dns/manifests.go
        https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/addons/proxy/manifests.go
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/control-plane-flags/#patches

    """
    given = list(configurations or ())
    coredns = [one for one in deployments if one.name == "coredns"]
    patches = next((one for one in given if one.patches_directory), None)
    objects: list[tuple[KubernetesObject, Mapping[str, Any]]] = []
    if proxy_configs and _is_kubeadms(daemon_sets) and not is_left_alone("proxy", config, given, nodes):
        objects += [(one, {"spec": one.spec}) for one in daemon_sets]
        objects += [(one, {"data": one.data}) for one in proxy_configs]
        yield from _server(proxy_configs[0], config, nodes)
    if corefiles and _is_coredns(config, coredns) and not is_left_alone("dns", config, given, nodes):
        objects += [(one, {"spec": one.spec}) for one in coredns]
        objects += [(one, {"spec": one.spec}) for one in services or ()]
    minor = upgrade.first_hop.end
    for one, value in objects:
        template = templates.of(one.kind, one.name)
        patched = template.patch_since is not None and template.patch_since <= minor
        edited = list(addon_edits(value, template))
        if edited and patched and patches is not None:
            yield cannot_check(
                "patches",
                f"{patches.patches_directory} lies on the nodes: what its patches keep of {one.name} is not seen",
                subject=str(patches.subject),
                how=f"see what {template.patch}* has there",
            )
        for edit in edited:
            remedy = _remedy(one, edit, template, names.patches_flag(minor) if patched else "")
            yield _about(one, edit, remedy, noted=patched and patches is not None)


def _is_coredns(config: KubeadmConfig, deployments: Sequence[KubernetesObject]) -> bool:
    return config.text_at("dns", "type") != "kube-dns" and _is_kubeadms(deployments)


def _is_kubeadms(objects: Sequence[KubernetesObject]) -> bool:
    """Whether nobody else says that an add-on is theirs."""
    return not any(label in one.labels for one in objects for label in OTHERS)


def _about(one: KubernetesObject, edit: AddonEdit, remedy: str, *, noted: bool) -> Finding:
    if edit.rendered:
        what = f"has {edit.path} {listed(edit.running)}; kubeadm sets it to {edit.rendered[0]}"
    else:
        what = f"has {listed(edit.running)} in {edit.path}; kubeadm does not write that, and takes it away"
    return finding(
        one,
        f"The {one.kind} {one.name} {what} when it upgrades the add-on, for it replaces the object whole.",
        remedy=remedy,
        field=edit.path,
        evidence={"running": list(edit.running), "rendered": list(edit.rendered)},
        severity=NOTE if noted else None,
    )


def _remedy(one: KubernetesObject, edit: AddonEdit, template: AddonTemplate, flag: str) -> str:
    kind = one.kind.lower()
    keep = (
        f"kubectl -n kube-system get {kind} {one.name} -o yaml > {one.name}-{kind}-before.yaml\n"
        f"After the upgrade of the last control-plane node, write {edit.path} into it again:\n"
        f"kubectl -n kube-system edit {kind} {one.name}"
    )
    if not flag:
        return f"When it is still needed, keep it before the upgrade:\n{keep}"
    return (
        f"When it is still needed, give kubeadm a patch with {edit.path}, as DIRECTORY/{template.patch}+strategic.yaml "
        f"on each control-plane node:\nkubeadm upgrade apply VERSION {flag} DIRECTORY\n"
        f"kubeadm upgrade node {flag} DIRECTORY\nOr keep it before the upgrade:\n{keep}"
    )


def _server(one: KubeProxyConfigMap, config: KubeadmConfig, nodes: Sequence[Node] | None) -> Iterator[Finding]:
    """The address of the API server, which kubeadm sets to the shared endpoint, or to a node of its choice."""
    server, endpoint = one.server, config.control_plane_endpoint
    if not server:
        return
    meant = {config.endpoint_host} if endpoint else {address for node in nodes or () for address in _addresses(node)}
    if not meant or host_of(server) in meant:
        return
    goal = endpoint or "the address of the control-plane node that is upgraded last"
    yield finding(
        one,
        f"kube-proxy reaches the API server at {server[:200]}; kubeadm sets it to {goal[:200]} when it upgrades the "
        "add-on. Nodes that cannot reach that learn of no change to Services any more.",
        remedy="When that is the address that all nodes should use, and the API servers' certificates have it, make it "
        f"the controlPlaneEndpoint before the upgrade:\n{EDIT}\nElse write it in again afterwards:\n"
        "kubectl -n kube-system edit configmap kube-proxy\nkubectl -n kube-system rollout restart daemonset kube-proxy",
        field="kubeconfig.conf: server",
        evidence={"running": server, "rendered": endpoint},
    )


def _addresses(node: Node) -> Iterator[str]:
    yield node.name.lower()
    yield from (one.address.lower() for one in node.status.addresses or ())
