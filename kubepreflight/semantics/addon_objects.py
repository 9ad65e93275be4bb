"""The objects of kubeadm's add-ons, CoreDNS and kube-proxy, each by its name."""

from __future__ import annotations

import re
from typing import Any

from kubepreflight.objects import Api, KubernetesObject

# Blanks within a line only: line breaks without end would take the square of their number.
_SERVER = re.compile(r"^[ \t]*(?:-[ \t]+)?server:[ \t]*[\"']?https?://([^\s\"'/]+)", re.MULTILINE)
_MODE = re.compile(r"^mode:[ \t]*[\"']?([a-z]+)", re.MULTILINE)


class CoreDnsConfigMap(KubernetesObject):
    """The ConfigMap with the Corefile, and no other."""

    api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name="coredns")
    data: dict[str, str] | None = None


class SystemDeployment(KubernetesObject):
    """A Deployment in kube-system, of which CoreDNS is one; its spec as it is written."""

    api = Api("apps", "Deployment", "deployments", also=("extensions",), namespace="kube-system")
    spec: dict[str, Any] | None = None

    @property
    def is_dns(self) -> bool:
        """Whether kubeadm takes it for the DNS server: it goes by a label, whatever the name."""
        return self.labels.get("k8s-app") == "kube-dns"

    @property
    def container(self) -> dict[str, Any]:
        """Its first container, in which kubeadm looks for CoreDNS's version; empty when there is none."""
        template = (self.spec or {}).get("template")
        spec = template.get("spec") if isinstance(template, dict) else None
        containers = spec.get("containers") if isinstance(spec, dict) else None
        first = containers[0] if isinstance(containers, list) and containers else None
        return first if isinstance(first, dict) else {}

    @property
    def image(self) -> str:
        """The image of that container."""
        return str(self.container.get("image") or "")

    @property
    def tag(self) -> str:
        """The tag of that image, which kubeadm takes for the version; empty when it has only a digest."""
        name = self.image.partition("@")[0].rpartition("/")[2]
        return name.partition(":")[2]


class KubeDnsService(KubernetesObject):
    """The Service of CoreDNS."""

    api = Api("", "Service", "services", namespace="kube-system", name="kube-dns")
    spec: dict[str, Any] | None = None


class KubeProxyConfigMap(KubernetesObject):
    """The ConfigMap with kube-proxy's configuration and its kubeconfig."""

    api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name="kube-proxy")
    data: dict[str, str] | None = None

    @property
    def server(self) -> str:
        """The API server in its kubeconfig, `host:port` or `host`; empty when there is none."""
        match = _SERVER.search((self.data or {}).get("kubeconfig.conf") or "")
        return match[1] if match else ""

    @property
    def mode(self) -> str:
        """The `mode` of its configuration: `nftables`, `iptables`, `ipvs`; empty for the default."""
        match = _MODE.search((self.data or {}).get("config.conf") or "")
        return match[1] if match else ""


class KubeProxyDaemonSet(KubernetesObject):
    """The DaemonSet kube-proxy, and no other."""

    api = Api("apps", "DaemonSet", "daemonsets", also=("extensions",), namespace="kube-system", name="kube-proxy")
    spec: dict[str, Any] | None = None
