import json
from ipaddress import IPv4Network

import pytest

from tools.lab.network import pod_networks
from tools.lab.node_files import node_files, pod_network
from tools.lab.plan import NETWORK, LabError, Plan


def test_one_and_one_by_default_and_no_balancer_as_kubeadm_leaves_it() -> None:
    plan = Plan(version="1.36.3", upgrades=("1.37.2", "1.36.3"))
    assert [(each.name, str(each.address)) for each in plan.members] == [("cp1", "192.0.2.11"), ("w1", "192.0.2.21")]
    assert plan.endpoint is None
    assert plan.versions == ("1.36.3", "1.37.2")


def test_several_control_planes_stand_behind_a_balancer() -> None:
    plan = Plan(version="1.36.3", control_planes=3, workers=2)
    assert [each.name for each in plan.members] == ["cp1", "cp2", "cp3", "w1", "w2"]
    assert plan.endpoint == "192.0.2.10:6443"


def test_every_address_is_one_node_s() -> None:
    plan = Plan(version="1.36.3", control_planes=9, workers=9)
    addresses = {each.address for each in plan.members}
    assert len(addresses) == 18
    assert all(address in NETWORK for address in addresses)
    assert not any(str(address) in ("192.0.2.1", "192.0.2.10") for address in addresses)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "../etc"}, "small letters"),
        ({"name": "a" * 30}, "21 at most"),
        ({"version": "1.36"}, "major, minor and patch"),
        ({"upgrades": ("v1.37.2",)}, "'v1.37.2'"),
        ({"control_planes": 0}, "1 to 9 control planes"),
        ({"workers": 10}, "0 to 9 workers"),
    ],
)
def test_refuses_a_plan_that_no_lab_can_follow(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(LabError, match=said):
        Plan(**{"version": "1.36.3"} | wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_a_node_that_is_not_there() -> None:
    with pytest.raises(LabError, match="no node w2: it has cp1, w1"):
        Plan(version="1.36.3").member("w2")


def test_a_node_begins_with_names_units_and_a_runtime() -> None:
    from pathlib import Path

    plan = Plan(version="1.36.3", control_planes=2)
    files = node_files(plan, plan.member("cp2"), "registry.k8s.io/pause:3.10.2", Path("/opt/cni/bin"))
    assert files["etc/hosts"].splitlines()[1:] == ["192.0.2.11 cp1", "192.0.2.12 cp2", "192.0.2.21 w1"]
    assert files["etc/hostname"] == "cp2\n"
    assert 'sandbox_image = "registry.k8s.io/pause:3.10.2"' in files["etc/containerd/config.toml"]
    assert 'bin_dir = "/opt/cni/bin"' in files["etc/containerd/config.toml"]
    assert files["usr/bin/systemctl"].startswith("#!/bin/sh\n")
    other = node_files(plan, plan.member("cp1"), "registry.k8s.io/pause:3.10.2", Path("/opt/cni/bin"))
    assert files["etc/machine-id"] != other["etc/machine-id"]
    assert len(files["etc/machine-id"].strip()) == 32


def test_pod_networks_are_those_that_the_cluster_gave() -> None:
    nodes = {
        "items": [
            {"metadata": {"name": "cp1"}, "spec": {"podCIDR": "10.244.0.0/24"}},
            {"metadata": {"name": "w1"}, "spec": {}},
        ]
    }
    assert pod_networks(json.dumps(nodes)) == {"cp1": IPv4Network("10.244.0.0/24")}
    assert json.loads(pod_network(IPv4Network("10.244.3.0/24")))["plugins"][0]["ipam"]["ranges"] == [
        [{"subnet": "10.244.3.0/24"}]
    ]
