"""The files of kubeadm and of Kubernetes' programs that somebody keeps, in Git or beside it: no cluster holds them."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from msgspec.structs import fields

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
    """The configuration of one of Kubernetes' programs: its gates, and single fields that some release changes."""

    component: ClassVar[str] = ""
    metadata: Metadata = Metadata()
    feature_gates: dict[str, Any] | None = None

    @property
    def document(self) -> dict[str, Any]:
        """What of it is read and stands there, by the fields' names in the file."""
        own = {"metadata", "origin"}
        given = ((one.encode_name, getattr(self, one.name)) for one in fields(self) if one.name not in own)
        return {name: value for name, value in given if value is not None}


class KubeletConfiguration(ComponentConfiguration):
    """The kubelet's."""

    component = KUBELET
    memory_swap: Any = None
    memory_throttling_factor: Any = None
    run_once: Any = None
    show_hidden_metrics_for_version: Any = None
    api = Api("kubelet.config.k8s.io", "KubeletConfiguration", "kubeletconfigurations", namespaced=False)
    event_record_qps: int | None = msgspec.field(name="eventRecordQPS", default=None)


class KubeProxyConfiguration(ComponentConfiguration):
    """kube-proxy's."""

    component = PROXY
    show_hidden_metrics_for_version: Any = None
    api = Api("kubeproxy.config.k8s.io", "KubeProxyConfiguration", "kubeproxyconfigurations", namespaced=False)
    mode: str | None = None


class KubeSchedulerConfiguration(ComponentConfiguration):
    """The scheduler's."""

    component = SCHEDULER
    api = Api("kubescheduler.config.k8s.io", "KubeSchedulerConfiguration", "kubeschedulerconfigurations", False)


class StaticPodManifest(KubernetesObject):
    """A Pod in a file, which is a static pod when it is one of the control plane."""

    api = Api("", "Pod", "pods")
    spec: StaticPodSpec = StaticPodSpec()
