"""The home cluster of the talk, as it stood on the evening before its upgrade from 1.15 to 1.16.

Three control-plane nodes and four workers. cp1 was there first; its certificates were renewed a week ago, when it was
the first to go to 1.15.11. cp2 and cp3 joined in the night of 22 March 2019 and were only ever upgraded with `kubeadm
upgrade node`, which before 1.17 renews nothing unless it is told to: theirs end in the night after the planned start.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sources.cluster import Cluster, Machine
from sources.eras import V1_15
from sources.example import Example
from sources.hosts import Software, client_version
from sources.pki import Authority
from sources.stamps import time
from sources.trust import Issued, Trust, rotations
from sources.writing import write_dump, write_hosts

HERE = Path(__file__).parent
GPU = {"nvidia.com/gpu": "1"}
MACHINES = (
    Machine("cp1", "192.0.2.11", "2017-12-16T10:04:14Z", 4, 8_167_940, 122_546_800, control_plane=True),
    Machine("cp2", "192.0.2.12", "2019-03-22T23:52:21Z", 4, 8_167_940, 122_546_800, control_plane=True),
    Machine("cp3", "192.0.2.13", "2019-03-23T00:18:47Z", 4, 8_167_940, 122_546_800, control_plane=True),
    Machine("w1", "192.0.2.21", "2017-12-16T10:22:40Z", 8, 32_898_212, 244_568_380),
    Machine("w2", "192.0.2.22", "2018-02-03T17:40:02Z", 8, 32_898_212, 244_568_380),
    Machine("w3", "192.0.2.23", "2018-11-10T14:11:36Z", 8, 32_898_212, 244_568_380),
    Machine(
        "w4",
        "192.0.2.24",
        "2019-05-04T09:30:19Z",
        12,
        65_932_540,
        490_691_512,
        extended=GPU,
        labels={"accelerator": "nvidia-gtx-1080"},
    ),
)

# kubeadm's own certificates, and the kubelets' self-signed ones where they date from the move to Ubuntu 18.04.
RENEWED = {"cp1": "2020-03-14T14:02:31Z", "cp2": "2019-03-22T23:51:55Z", "cp3": "2019-03-23T00:18:20Z"}
REINSTALLED = {
    "cp1": "2019-08-17T07:45:10Z",
    "w1": "2019-08-24T09:02:44Z",
    "w2": "2019-08-24T13:30:59Z",
    "w3": "2019-08-25T08:14:03Z",
    "w4": "2019-08-25T11:51:27Z",
}

SOFTWARE = Software(
    packages={
        "kubeadm": "1.15.11-00",
        "kubelet": "1.15.11-00",
        "kubectl": "1.15.11-00",
        "kubernetes-cni": "0.7.5-00",
        "cri-tools": "1.13.0-00",
        "docker.io": "19.03.6-0ubuntu1~18.04.1",
        "containerd": "1.3.3-0ubuntu1~18.04.1",
        "runc": "1.0.0~rc10-0ubuntu1~18.04.2",
        "conntrack": "1:1.4.4+snapshot20161117-6ubuntu2",
        "socat": "1.7.3.2-2ubuntu2",
        "ebtables": "2.0.10.4-3.5ubuntu2.18.04.3",
    },
    newer=dict.fromkeys(("kubeadm", "kubectl", "kubelet"), ("1.17.4-00", "kubernetes-xenial:kubernetes-xenial")),
    folder=HERE / "home-cluster" / "node",
    programs={
        "kubelet-version": ("kubelet --version", "Kubernetes v1.15.11\n"),
        "kubeadm-version": ("kubeadm version -o short", "v1.15.11\n"),
        "kubectl-version": (
            "kubectl version --client -o json",
            client_version("v1.15.11"),
        ),
        "containerd-version": (
            "containerd --version",
            "containerd github.com/containerd/containerd 1.3.3-0ubuntu1~18.04.1 \n",
        ),
        "docker-version": ("docker --version", "Docker version 19.03.6, build 369ce74a3c\n"),
        "runc-version": ("runc --version", "runc version spec: 1.0.1-dev\n"),
    },
    build="#92-Ubuntu SMP Fri Feb 28 11:09:48 UTC 2020 x86_64 x86_64",
)


def example() -> Example:
    """All facts of the home cluster."""
    cluster = Cluster(
        name="home-cluster",
        version="v1.15.11",
        era=V1_15,
        settled="2020-03-14T14:30:00Z",
        dumped="2020-03-20T20:30:00Z",
        machines=MACHINES,
        pod_network="10.244.0.0/16",
        service_network="10.96.0.0/12",
        kernel="4.15.0-91-generic",
        os_image="Ubuntu 18.04.4 LTS",
        runtime_version="19.3.6",
    )
    trust = Trust(
        seed=cluster.name,
        since="2017-12-16T10:03:20Z",
        endpoint="api.home.example:6443",
        first_service="10.96.0.1",
        local_endpoints=False,
        admins="system:masters",
        etcd_clients="system:masters",
    )
    citadel = Authority(cluster.name, "cluster.local", time("2019-12-07T20:12:00Z"))
    webhook = Authority(cluster.name, "cert-manager.webhook.ca", time("2019-10-26T14:20:40Z"), timedelta(days=1825))
    return Example(
        cluster=cluster,
        trust=trust,
        software=SOFTWARE,
        folders=(HERE / "home-cluster",),
        static_pods=HERE / "static-pods-1.15",
        etcd="3.3.10",
        issued={
            one.name: Issued(
                kubeadm=RENEWED.get(one.name, ""),
                kubelet_client=rotations(one.joined, cluster.dumped, cluster.name, one.name),
                kubelet_serving=REINSTALLED.get(one.name, one.joined),
            )
            for one in MACHINES
        },
        upgraded="2020-03-14T14:02:40Z",
        collected="2020-03-20T20:41:07Z",
        node_annotations={
            "flannel.alpha.coreos.com/backend-type": "vxlan",
            "flannel.alpha.coreos.com/kube-subnet-manager": "true",
            "flannel.alpha.coreos.com/public-ip": "$(address)",
        },
        values={},
        authorities={"istio-citadel": citadel.pem, "cert-manager-webhook-ca": webhook.pem},
        cri_socket="/var/run/dockershim.sock",
        forgotten={"w3": ("kubelet",)},
    )


def build(target: Path) -> None:
    """Write `dump` and `hosts` of the example into `target`."""
    made = example()
    made.fill()
    write_dump(made.cluster, target / "dump")
    write_hosts(made.archives(), target / "hosts")
