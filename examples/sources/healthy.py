"""A cluster in good order: 1.36.3 on Debian, everything held, spread, renewed and in support, on its way to 1.37.

Its etcd is pinned to 3.6.11, which etcd asks of every member before 3.7.
"""

from __future__ import annotations

from pathlib import Path

from sources.cluster import Cluster, Machine
from sources.eras import V1_36
from sources.example import Example
from sources.hosts import Software, client_version
from sources.pki import Authority
from sources.stamps import later, time
from sources.trust import Issued, Trust
from sources.writing import write_dump, write_hosts

HERE = Path(__file__).parent
BUILT = "2026-07-11T09:40:12Z"
RENEWED = "2026-09-05T06:30:10Z"
ETCD = "3.6.11-0"

SOFTWARE = Software(
    packages={
        "kubeadm": "1.36.3-1.1",
        "kubelet": "1.36.3-1.1",
        "kubectl": "1.36.3-1.1",
        "kubernetes-cni": "1.8.0-1.1",
        "cri-tools": "1.36.0-1.1",
        "containerd.io": "2.3.2-1~debian.13~trixie",
        "conntrack": "1:1.4.8-2",
        "socat": "1.8.0.3-1",
    },
    folder=HERE / "healthy-cluster" / "node",
    programs={
        "kubelet-version": ("kubelet --version", "Kubernetes v1.36.3\n"),
        "kubeadm-version": ("kubeadm version -o short", "v1.36.3\n"),
        "kubectl-version": (
            "kubectl version --client -o json",
            client_version("v1.36.3"),
        ),
        "containerd-version": (
            "containerd --version",
            "containerd containerd.io v2.3.2 1e1ef9c9b6f2a7d7d2a4f0c1b1c79ad3e1d9f3b1\n",
        ),
        "runc-version": ("runc --version", "runc version 1.4.0\nspec: 1.3.0\n"),
    },
    build="#1 SMP PREEMPT_DYNAMIC Debian 6.12.88-1 (2026-10-18)",
    etcd=ETCD,
)


def machines(network: str, workers: int) -> tuple[Machine, ...]:
    """Three control-plane nodes and so many workers; `network` begins their addresses: `198.51.100`."""
    planes = (
        Machine(f"cp{n}", f"{network}.{10 + n}", later(BUILT, 180 * n), 4, 16_330_904, 102_625_208, control_plane=True)
        for n in (1, 2, 3)
    )
    others = (
        Machine(f"w{n}", f"{network}.{20 + n}", later(BUILT, 900 + 120 * n), 8, 32_826_172, 205_314_024)
        for n in range(1, workers + 1)
    )
    return (*planes, *others)


def example(name: str, endpoint: str, folder: Path, nodes: tuple[Machine, ...]) -> Example:
    """The facts of a cluster in good order: `folder` holds the documents of what runs on it beside kubeadm's own."""
    cluster = Cluster(
        name=name,
        version="v1.36.3",
        era=V1_36,
        settled="2026-09-05T07:10:00Z",
        dumped="2026-11-23T10:15:00Z",
        machines=nodes,
        pod_network="10.244.0.0/16",
        service_network="10.96.0.0/12",
        kernel="6.12.88+deb13-amd64",
        os_image="Debian GNU/Linux 13 (trixie)",
        runtime_version="2.3.2",
    )
    trust = Trust(
        seed=name,
        since=BUILT,
        endpoint=endpoint,
        first_service="10.96.0.1",
        local_endpoints=True,
        admins="kubeadm:cluster-admins",
        etcd_clients="",
    )
    return Example(
        cluster=cluster,
        trust=trust,
        software=SOFTWARE,
        folders=(HERE / "kubeadm-1.36", folder),
        static_pods=HERE / "static-pods-1.36",
        etcd=ETCD,
        issued={
            one.name: Issued(
                kubeadm=later(RENEWED, 600 * position),
                kubelet_client=(later(one.joined, -2),),
                kubelet_serving=later(one.joined, -4),
                has_super_admin=position == 0,
            )
            for position, one in enumerate(cluster.machines)
        },
        upgraded=later(RENEWED, 30),
        each_took=600,
        collected="2026-11-23T10:20:31Z",
        node_annotations={
            "flannel.alpha.coreos.com/backend-type": "vxlan",
            "flannel.alpha.coreos.com/kube-subnet-manager": "true",
            "flannel.alpha.coreos.com/public-ip": "$(address)",
        },
        values={
            "version": cluster.version,
            "endpoint": endpoint,
            "etcd": ETCD,
            "since": BUILT,
            "renewed": "2026-09-05T07:02:44Z",
        },
        authorities={"metallb-webhook": Authority(name, "metallb-webhook-ca", time("2026-07-11T10:21:00Z")).pem},
    )


def build(target: Path) -> None:
    """Write `dump` and `hosts` of the example into `target`."""
    nodes = machines("198.51.100", workers=3)
    made = example("healthy-cluster", "api.shop.example:6443", HERE / "healthy-cluster", nodes)
    made.fill()
    write_dump(made.cluster, target / "dump")
    write_hosts(made.archives(), target / "hosts")
