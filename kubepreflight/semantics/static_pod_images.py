"""The image of one of kubeadm's static pods beside the one that kubeadm would render."""

from __future__ import annotations

from kubepreflight.image import ImageReference, parse_image, version_of_tag
from kubepreflight.semantics.kubeadm_config import KubeadmConfig


def image_edit(component: str, image: str, config: KubeadmConfig) -> str | None:
    """What kubeadm would render instead of an image that it never rendered from this configuration, else None.

    The version is not looked at, for the upgrade changes it. Where the images of Kubernetes itself come from is not
    either: kubeadm-config-disagrees compares that. An image that cannot be read is none of kubeadm's.
    """
    repository, tag = _repository(component, config), _tag(component, config)
    parsed = parse_image(image)
    if parsed is None:
        return f"{repository}/{component}:{tag}" if image else None
    same_name = parsed.repository.rpartition("/")[2] == component
    elsewhere = component == "etcd" and bool(repository) and not _is_at(parsed, f"{repository}/{component}")
    if same_name and not elsewhere and not parsed.digest and _is_kubeadms_tag(component, parsed.tag, config):
        return None
    return f"{repository or 'registry.k8s.io'}/{component}:{tag}"


def _is_kubeadms_tag(component: str, tag: str, config: KubeadmConfig) -> bool:
    if component == "etcd" and (wanted := config.text_at("etcd", "local", "imageTag")):
        return tag == wanted
    version, recorded = version_of_tag(tag), version_of_tag(config.kubernetes_version)
    if component == "etcd":
        return version is not None and (not version.build or version.build.isdecimal())
    built = recorded.build.replace("+", "_") if recorded else ""
    return version is not None and version.build.replace("+", "_") in ("", built)


def _repository(component: str, config: KubeadmConfig) -> str:
    own = config.text_at("etcd", "local", "imageRepository") if component == "etcd" else ""
    return (own or config.image_repository).rstrip("/")


def _tag(component: str, config: KubeadmConfig) -> str:
    return (config.text_at("etcd", "local", "imageTag") if component == "etcd" else "") or "VERSION"


def _is_at(image: ImageReference, place: str) -> bool:
    meant = parse_image(place)
    return meant is None or (_registry(image), image.repository) == (_registry(meant), meant.repository)


def _registry(image: ImageReference) -> str:
    """Its registry; from the old name of Kubernetes' own to the new one kubeadm moves by itself."""
    return "registry.k8s.io" if image.registry == "k8s.gcr.io" else image.registry
