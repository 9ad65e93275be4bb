"""The files of kubeadm and of Kubernetes' programs that somebody keeps, in Git or beside it: no cluster holds them."""

from __future__ import annotations

from typing import Any, ClassVar

from kubepreflight.objects import Api, KubernetesObject, Metadata
from kubepreflight.semantics.setting import KUBELET, PROXY, SCHEDULER
from kubepreflight.static_pod import StaticPodSpec


class ClusterConfiguration(KubernetesObject):
    """kubeadm's ClusterConfiguration in a file, as far as settings go."""

    api = Api("kubeadm.k8s.io", "ClusterConfiguration", "clusterconfigurations", namespaced=False)
    metadata: Metadata = Metadata()
    feature_gates: dict[str, Any] | None = None
    api_server: dict[str, Any] | None = None
    controller_manager: dict[str, Any] | None = None
    scheduler: dict[str, Any] | None = None
    etcd: dict[str, Any] | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The same by the fields' names in the file."""
        return {
            "apiVersion": self.api_version,
            "apiServer": self.api_server,
            "controllerManager": self.controller_manager,
            "scheduler": self.scheduler,
            "etcd": self.etcd,
            "featureGates": self.feature_gates,
        }


class InitConfiguration(KubernetesObject):
    """What `kubeadm init` is told of its node."""

    api = Api("kubeadm.k8s.io", "InitConfiguration", "initconfigurations", namespaced=False)
    metadata: Metadata = Metadata()
    node_registration: dict[str, Any] | None = None


class JoinConfiguration(KubernetesObject):
    """What `kubeadm join` is told of its node."""

    api = Api("kubeadm.k8s.io", "JoinConfiguration", "joinconfigurations", namespaced=False)
    metadata: Metadata = Metadata()
    node_registration: dict[str, Any] | None = None


class ComponentConfiguration(KubernetesObject):
    """The configuration of one of Kubernetes' programs, as far as its gates go."""

    component: ClassVar[str] = ""
    metadata: Metadata = Metadata()
    feature_gates: dict[str, Any] | None = None


class KubeletConfiguration(ComponentConfiguration):
    """The kubelet's."""

    component = KUBELET
    api = Api("kubelet.config.k8s.io", "KubeletConfiguration", "kubeletconfigurations", namespaced=False)


class KubeProxyConfiguration(ComponentConfiguration):
    """kube-proxy's."""

    component = PROXY
    api = Api("kubeproxy.config.k8s.io", "KubeProxyConfiguration", "kubeproxyconfigurations", namespaced=False)


class KubeSchedulerConfiguration(ComponentConfiguration):
    """The scheduler's."""

    component = SCHEDULER
    api = Api("kubescheduler.config.k8s.io", "KubeSchedulerConfiguration", "kubeschedulerconfigurations", False)


class StaticPodManifest(KubernetesObject):
    """A Pod in a file, which is a static pod when it is one of the control plane."""

    api = Api("", "Pod", "pods")
    spec: StaticPodSpec = StaticPodSpec()
