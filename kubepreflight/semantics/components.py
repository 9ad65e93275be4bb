"""Which version of each of Kubernetes' components runs where, as its pods in kube-system tell."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import Self

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.image import parse_image, version_of_tag
from kubepreflight.objects import Container, Pod
from kubepreflight.semantics.owners import owner_of
from kubepreflight.version import Version

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""What kubeadm runs as static pods on each control-plane node, besides etcd."""

CONTROLLERS = ("kube-controller-manager", "kube-scheduler", "cloud-controller-manager")
"""The clients of the API server that must not be newer than it."""

_STATIC = (*CONTROL_PLANE, "etcd")
_PROXIES = ("kube-proxy", "kube-proxy-windows")
_CLOUD = "cloud-controller-manager"
_CLOUD_IMAGES = (
    "cloud-controller-manager",
    "openstack-cloud-controller-manager",
    "azure-cloud-controller-manager",
    "cloud-provider-vsphere",
)
"""Cloud controllers that are numbered like the Kubernetes they are made for; other vendors number their own way."""


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One running pod of a component, and `owner`, what somebody would change to change it.

    `version` is None when its image does not tell; `image` is as written.
    """

    component: str
    node: str
    version: Version | None
    image: str
    subject: Subject
    owner: Subject


class Components(msgspec.Struct, frozen=True):
    """Every instance that is visible, by node name."""

    instances: tuple[Instance, ...]

    @classmethod
    def provide(cls, pods: list[Pod]) -> Self:
        """From the pods of kube-system that have not ended."""
        found = [
            _instance(pod, name)
            for pod in pods
            if pod.namespace == "kube-system"
            and not pod.is_finished
            and pod.metadata.deletion_timestamp is None
            and (name := component_of(pod))
        ]
        return cls(tuple(sorted(found, key=lambda one: (one.component, one.node, one.subject.name))))

    def of(self, *components: str) -> tuple[Instance, ...]:
        """The instances of some components, of unknown version too."""
        return tuple(one for one in self.instances if one.component in components)

    def unknown(self, *components: str) -> tuple[Gap, ...]:
        """A gap for each instance of some components whose version its image does not tell."""
        return tuple(_gap(one) for one in self.of(*components) if one.version is None)


def component_of(pod: Pod) -> str:
    """Which component a pod of kube-system is; empty for any other pod.

    kubeadm's static pods say it in the label `component`, kube-proxy in `k8s-app`, cloud controllers by their image.
    """
    labels = pod.labels
    if labels.get("component") in _STATIC:
        return labels["component"]
    if labels.get("k8s-app") in _PROXIES:
        return "kube-proxy"
    return _CLOUD if any(_repository(one).endswith(_CLOUD_IMAGES) for one in pod.spec.containers or ()) else ""


def _repository(container: Container) -> str:
    image = parse_image(container.image or "")
    return image.repository.rpartition("/")[2] if image else ""


def _instance(pod: Pod, component: str) -> Instance:
    image = _image(pod.spec.containers or (), component)
    running = [one.image or "" for one in pod.status.container_statuses or ()]
    versions = (_version(component, text) for text in (image, *(running if len(running) == 1 else ())))
    return Instance(
        component=component,
        node=pod.spec.node_name or "",
        version=next((one for one in versions if one is not None), None),
        image=image,
        subject=pod.subject,
        owner=owner_of(pod),
    )


def _image(containers: Sequence[Container], component: str) -> str:
    if component == _CLOUD:
        matching = [one for one in containers if _repository(one).endswith(_CLOUD_IMAGES)]
    else:
        matching = [one for one in containers if one.name.startswith(component)] or list(containers)
    return next((one.image or "" for one in matching), "")


def _version(component: str, text: str) -> Version | None:
    image = parse_image(text)
    if image is None or (component == _CLOUD and image.repository.rpartition("/")[2] not in _CLOUD_IMAGES):
        return None
    version = version_of_tag(image.tag)
    return None if version and component == _CLOUD and version.major != 1 else version


def _gap(one: Instance) -> Gap:
    return cannot_check(
        f"version of {one.component}",
        f"its image {one.image[:120]!r} tells no version of Kubernetes",
        subject=str(one.subject),
        how=f"kubectl -n {one.subject.namespace} get pod {quote(one.subject.name)} -o jsonpath='{{..image}}'",
        asked=one.component != _CLOUD,
    )
