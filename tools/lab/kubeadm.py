"""The configuration that kubeadm gets: somebody's own documents, and what a lab must set in them. Pure.

Set are: addresses, tokens, names; the version; the pod network, as the lab routes it; cgroupfs, because there is no
systemd; and that the kubelet and kube-proxy put up with a machine that is not theirs alone (swap, cgroup v1, a limit of
the connection table that only the machine may change). Everything else is as given, or as kubeadm makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tools.lab.plan import POD_NETWORK, PORT, LabError, Member, Plan

VERSIONS = {
    "KubeletConfiguration": "kubelet.config.k8s.io/v1beta1",
    "KubeProxyConfiguration": "kubeproxy.config.k8s.io/v1alpha1",
}
"""The API version of each kind that is nobody's own; kubeadm's are all `API`."""
API = "kubeadm.k8s.io/v1beta4"
Document = dict[str, Any]


def init_documents(
    plan: Plan, member: Member, token: str, key: str, given: Iterable[Document] = (), *, cgroup_v1: bool
) -> list[Document]:
    """What `kubeadm init` reads on the first control plane.

    Raises LabError when a kind is `given` twice, or an external etcd, which the lab has not.
    """
    set_here: dict[str, Document] = {
        "InitConfiguration": {
            "localAPIEndpoint": {"advertiseAddress": str(member.address), "bindPort": PORT},
            "bootstrapTokens": [{"token": token, "ttl": "24h0m0s"}],
            "certificateKey": key,
            "nodeRegistration": {"name": member.name},
        },
        "ClusterConfiguration": _cluster(plan),
        "KubeletConfiguration": _kubelet(cgroup_v1=cgroup_v1),
        "KubeProxyConfiguration": {"conntrack": {"maxPerCore": 0}},
    }
    documents = _by_kind(given)
    documents.pop("JoinConfiguration", None)
    for kind, values in set_here.items():
        documents[kind] = _with(documents.get(kind, {}), kind, values)
    cluster = documents["ClusterConfiguration"]
    if "external" in (cluster.get("etcd") or {}):
        raise LabError("the lab has no external etcd: leave etcd.external out of ClusterConfiguration")
    if cluster.get("controlPlaneEndpoint"):  # a name that only its owner's network knows
        cluster["controlPlaneEndpoint"] = plan.endpoint or f"{member.address}:{PORT}"
    return list(documents.values())


def join_documents(plan: Plan, member: Member, token: str, key: str, given: Iterable[Document] = ()) -> list[Document]:
    """What `kubeadm join` reads on another node."""
    endpoint = plan.endpoint or f"{plan.members[0].address}:{PORT}"
    document: Document = {
        "discovery": {
            "bootstrapToken": {"apiServerEndpoint": endpoint, "token": token, "unsafeSkipCAVerification": True}
        },
        "nodeRegistration": {"name": member.name},
    }
    if member.control_plane:
        local = {"advertiseAddress": str(member.address), "bindPort": PORT}
        document["controlPlane"] = {"localAPIEndpoint": local, "certificateKey": key}
    mine = _by_kind(given).get("JoinConfiguration", {})
    mine.pop("controlPlane", None)
    return [_with(mine, "JoinConfiguration", document)]


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Document:
    """`theirs` with every value of `ours` put in, mapping by mapping; what is no mapping is replaced whole."""
    result = dict(theirs)
    for key, value in ours.items():
        beneath = result.get(key)
        result[key] = merged(value, beneath) if isinstance(value, Mapping) and isinstance(beneath, Mapping) else value
    return result


def _with(theirs: Document, kind: str, values: Mapping[str, Any]) -> Document:
    """A document stays of the version that somebody wrote it in: its fields are that version's."""
    version = theirs.get("apiVersion") or VERSIONS.get(kind, API)
    return {"apiVersion": version, "kind": kind, **merged(values, theirs)}


def _cluster(plan: Plan) -> Document:
    values: Document = {
        "kubernetesVersion": f"v{plan.version}",
        "networking": {"podSubnet": str(POD_NETWORK)},
    }
    if plan.endpoint:
        values["controlPlaneEndpoint"] = plan.endpoint
    if plan.certificate_validity:
        values["certificateValidityPeriod"] = plan.certificate_validity
    if plan.authority_validity:
        values["caCertificateValidityPeriod"] = plan.authority_validity
    return values


def _kubelet(*, cgroup_v1: bool) -> Document:
    values: Document = {"cgroupDriver": "cgroupfs", "failSwapOn": False}
    if cgroup_v1:
        values["failCgroupV1"] = False
    return values


def _by_kind(documents: Iterable[Document]) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for document in documents:
        kind = document.get("kind")
        if not isinstance(kind, str) or kind in found:
            raise LabError(
                f"a kubeadm configuration has each kind once; {kind or 'a document without a kind'} is too many"
            )
        found[kind] = document
    return found
