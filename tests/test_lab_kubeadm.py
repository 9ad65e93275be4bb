from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.lab.kubeadm import Document, init_documents, join_documents, merged
from tools.lab.plan import LabError, Plan

TOKEN, KEY = "abcdef.0123456789abcdef", "0" * 64
values = st.recursive(
    st.integers() | st.text(max_size=3), lambda inner: st.dictionaries(st.sampled_from("abcd"), inner), max_leaves=12
)
mappings = st.dictionaries(st.sampled_from("abcd"), values)


def init(plan: Plan, given: list[Document] | None = None, *, cgroup_v1: bool = False) -> dict[str, Document]:
    documents = init_documents(plan, plan.members[0], TOKEN, KEY, given or [], cgroup_v1=cgroup_v1)
    return {each["kind"]: each for each in documents}


def test_a_cluster_without_anybody_s_wishes() -> None:
    documents = init(Plan(version="1.36.3"))
    assert documents["ClusterConfiguration"] == {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": "v1.36.3",
        "networking": {"podSubnet": "10.244.0.0/16"},
    }
    assert documents["InitConfiguration"]["localAPIEndpoint"] == {"advertiseAddress": "192.0.2.11", "bindPort": 6443}
    assert "failCgroupV1" not in documents["KubeletConfiguration"]


def test_what_a_plan_asks_for() -> None:
    plan = Plan(version="1.36.3", control_planes=3, certificate_validity="48h0m0s", authority_validity="96h0m0s")
    cluster = init(plan)["ClusterConfiguration"]
    assert cluster["controlPlaneEndpoint"] == "192.0.2.10:6443"
    assert (cluster["certificateValidityPeriod"], cluster["caCertificateValidityPeriod"]) == ("48h0m0s", "96h0m0s")
    assert init(plan, cgroup_v1=True)["KubeletConfiguration"]["failCgroupV1"] is False


def test_somebody_s_own_documents_keep_what_the_lab_need_not_set() -> None:
    mine: list[Document] = [
        {
            "apiVersion": "kubeadm.k8s.io/v1beta3",
            "kind": "ClusterConfiguration",
            "kubernetesVersion": "v1.35.0",
            "networking": {"podSubnet": "172.16.0.0/16", "dnsDomain": "example.org"},
            "apiServer": {"extraArgs": {"audit-log-maxage": "7"}},
        },
        {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "maxPods": 50},
        {"apiVersion": "kubeadm.k8s.io/v1beta3", "kind": "JoinConfiguration", "nodeRegistration": {"taints": []}},
    ]
    documents = init(Plan(version="1.36.3"), mine)
    cluster = documents["ClusterConfiguration"]
    assert cluster["apiServer"] == {"extraArgs": {"audit-log-maxage": "7"}}
    assert cluster["networking"] == {"podSubnet": "10.244.0.0/16", "dnsDomain": "example.org"}
    assert cluster["kubernetesVersion"] == "v1.36.3"
    assert documents["KubeletConfiguration"]["maxPods"] == 50
    assert "JoinConfiguration" not in documents


def test_an_endpoint_that_only_its_owner_s_network_knows_is_the_lab_s() -> None:
    mine: list[Document] = [{"kind": "ClusterConfiguration", "controlPlaneEndpoint": "k8s.example.org:6443"}]
    alone, three = Plan(version="1.36.3"), Plan(version="1.36.3", control_planes=3)
    assert init(alone, mine)["ClusterConfiguration"]["controlPlaneEndpoint"] == "192.0.2.11:6443"
    assert init(three, mine)["ClusterConfiguration"]["controlPlaneEndpoint"] == "192.0.2.10:6443"


def test_the_version_of_somebody_s_document_stays_since_its_fields_are_of_that_version() -> None:
    old: Document = {
        "apiVersion": "kubeadm.k8s.io/v1beta3",
        "kind": "ClusterConfiguration",
        "apiServer": {"extraArgs": {"audit-log-maxage": "7"}},
    }
    assert init(Plan(version="1.36.3"), [old])["ClusterConfiguration"]["apiVersion"] == "kubeadm.k8s.io/v1beta3"


def test_joining_takes_the_balancer_when_there_is_one() -> None:
    plan = Plan(version="1.36.3", control_planes=3)
    (document,) = join_documents(plan, plan.member("cp2"), TOKEN, KEY)
    assert document["discovery"]["bootstrapToken"]["apiServerEndpoint"] == "192.0.2.10:6443"
    assert document["controlPlane"]["localAPIEndpoint"]["advertiseAddress"] == "192.0.2.12"
    single = Plan(version="1.36.3")
    mine: Document = {"kind": "JoinConfiguration", "controlPlane": {}, "nodeRegistration": {"taints": []}}
    (document,) = join_documents(single, single.member("w1"), TOKEN, KEY, [mine])
    assert document["discovery"]["bootstrapToken"]["apiServerEndpoint"] == "192.0.2.11:6443"
    assert "controlPlane" not in document
    assert document["nodeRegistration"] == {"name": "w1", "taints": []}


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ([{"kind": "KubeletConfiguration"}, {"kind": "KubeletConfiguration"}], "KubeletConfiguration is too many"),
        ([{"apiVersion": "v1"}], "without a kind"),
        ([{"kind": "ClusterConfiguration", "etcd": {"external": {}}}], "no external etcd"),
    ],
)
def test_refuses_documents_that_kubeadm_would_not_read(documents: list[Document], said: str) -> None:
    with pytest.raises(LabError, match=said):
        init(Plan(version="1.36.3"), documents)


@given(mappings, mappings)
def test_merging_sets_ours_and_keeps_the_rest(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    result = merged(ours, theirs)
    assert merged(ours, result) == result
    assert result.keys() == ours.keys() | theirs.keys()
    for key, value in result.items():
        if key not in ours:
            assert value == theirs[key]
        elif not isinstance(ours[key], dict):
            assert value == ours[key]
