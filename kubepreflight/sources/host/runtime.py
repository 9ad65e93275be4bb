"""The container runtime: its settings from its files, and what it says of itself through crictl."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from kubepreflight.host import NO_CRICTL, ContainerRuntime, KubeletSettings, Missing, RuntimeImage
from kubepreflight.sources.host.documents import mapping, text
from kubepreflight.sources.host.host_files import HostFiles
from kubepreflight.sources.host.running import running
from kubepreflight.sources.host.runtime_settings import (
    CONTAINERD,
    Told,
    containerd_settings,
    cri_dockerd_sandbox,
    crio_settings,
    docker_cgroup,
    dockershim_sandbox,
)
from kubepreflight.version import Minor, Version

_NAMES = {"dockershim": "dockershim", "docker": "docker", "containerd": "containerd", "crio": "cri-o"}
_SOCKETS = {"containerd": "/run/containerd/containerd.sock", "crio": "/run/crio/crio.sock"}
_NO_DOCKERSHIM = Minor(1, 24)
"""The first kubelet whose default is another runtime: https://kubernetes.io/blog/2022/02/17/dockershim-faq/"""
NOT_ASKED = Missing("the runtime was not asked on the node")
_DRIVER = re.compile(r"cgroup driver:\s*(SYSTEMD|CGROUPFS)", re.IGNORECASE)


class _Image(msgspec.Struct, frozen=True):
    repo_tags: tuple[str, ...] | None = msgspec.field(name="repoTags", default=None)
    repo_digests: tuple[str, ...] | None = msgspec.field(name="repoDigests", default=None)
    size: int | str = 0
    pinned: bool | None = None


class _Images(msgspec.Struct, frozen=True):
    images: tuple[_Image, ...] | None = None


def read_runtime(node: HostFiles, kubelet: KubeletSettings, installed: Mapping[str, str] | Missing) -> ContainerRuntime:
    """The runtime behind the socket that the kubelet is told to use; `installed` are the programs' versions."""
    endpoint = _endpoint(node, kubelet, installed)
    name = "" if isinstance(endpoint, Missing) else _name_of(endpoint)
    driver, sandbox = (
        (Told(endpoint),) * 2 if isinstance(endpoint, Missing) else _settings(node, name, kubelet, installed)
    )
    info = _info(node)
    if isinstance(driver.value, Missing) and (said := _driver_in(info)):
        driver = Told(said, "`crictl info`")
    if said := text(mapping(info.get("config")).get("sandboxImage")):
        # The running one's word; a file may have been changed since.
        sandbox = Told(said, sandbox.place if sandbox.value == said else "`crictl info`")
    asked = node.command("crictl-runtime-config")
    answer = _DRIVER.search(asked.stdout) if asked is not None and asked.status == 0 else None
    if answer is not None:
        driver = Told(answer[1].lower(), "`crictl runtime-config`")
    return ContainerRuntime(
        name=name,
        endpoint=endpoint,
        version=_version(node),
        cgroup_driver=driver.value,
        cgroup_place=driver.place,
        sandbox_image=sandbox.value,
        sandbox_place=sandbox.place,
        tells_cgroup_driver=_tells(node),
        images=_images(node),
    )


def _endpoint(node: HostFiles, kubelet: KubeletSettings, installed: Mapping[str, str] | Missing) -> str | Missing:
    value = kubelet.value("containerRuntimeEndpoint", "container-runtime-endpoint")
    if isinstance(value, str) and value:
        return value.removeprefix("unix://")
    version = None if isinstance(installed, Missing) else Version.try_parse(installed.get("kubelet"))
    if value is None and version is not None:
        # Its own default.
        return "/var/run/dockershim.sock" if version.minor_version < _NO_DOCKERSHIM else _SOCKETS["containerd"]
    found = [one for one in _SOCKETS if isinstance(running(node, one), tuple)]
    if value is None and len(found) == 1:
        return _SOCKETS[found[0]]
    return value if isinstance(value, Missing) else Missing("the kubelet is told no endpoint of a runtime")


def _name_of(endpoint: str) -> str:
    return next((name for part, name in _NAMES.items() if part in endpoint.rpartition("/")[2]), "")


def _settings(
    node: HostFiles, name: str, kubelet: KubeletSettings, installed: Mapping[str, str] | Missing
) -> tuple[Told, Told]:
    if name == "containerd":
        process = running(node, "containerd")
        words = process[1] if isinstance(process, tuple) else []
        driver, sandbox = containerd_settings(node, _after(words, "--config") or _after(words, "-c") or CONTAINERD)
        if (
            driver.by_default
            and not isinstance(installed, Missing)
            and installed.get("containerd", "").startswith("1.")
        ):
            driver = Told("cgroupfs", "containerd's default")
        return driver, sandbox
    if name == "cri-o":
        return crio_settings(node)
    if name == "dockershim":
        return docker_cgroup(node), dockershim_sandbox(kubelet)
    if name == "docker":
        process = running(node, "cri-dockerd")
        words = process[1] if isinstance(process, tuple) else []
        return docker_cgroup(node), cri_dockerd_sandbox(words)
    unknown = Told(Missing("the runtime that the kubelet uses is none whose settings are read"))
    return unknown, unknown


def _after(words: list[str], flag: str) -> str:
    for number, word in enumerate(words):
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if word == flag:
            return words[number + 1] if number + 1 < len(words) else ""
    return ""


def _info(node: HostFiles) -> Mapping[str, Any]:
    command = node.command("crictl-info")
    if command is None or command.status:
        return {}
    try:
        return mapping(msgspec.json.decode(command.stdout))
    except (msgspec.DecodeError, RecursionError):
        return {}


def _driver_in(info: Mapping[str, Any]) -> str:
    """The driver in containerd's `crictl info`."""
    containerd = mapping(mapping(info.get("config")).get("containerd"))
    name = text(containerd.get("defaultRuntimeName")) or "runc"
    options = mapping(mapping(mapping(containerd.get("runtimes")).get(name)).get("options"))
    value = options.get("SystemdCgroup")
    return {True: "systemd", False: "cgroupfs"}[value] if isinstance(value, bool) else ""


def _why_silent(node: HostFiles, name: str) -> Missing:
    # Where crictl's first question failed, the others were not asked.
    command = node.command(name) or node.command("crictl-version")
    if command is None:
        return node.missing(f"commands/{name}") or NOT_ASKED
    if not command.installed:
        return NO_CRICTL
    return NOT_ASKED if command.name != name and command.status == 0 else Missing(command.failure)


def _version(node: HostFiles) -> str | Missing:
    command = node.command("crictl-version")
    match = re.search(r"^RuntimeVersion:\s*(\S+)", command.stdout, re.MULTILINE) if command else None
    return match[1] if match else _why_silent(node, "crictl-version")


def _tells(node: HostFiles) -> bool | Missing:
    command = node.command("crictl-runtime-config")
    if command is not None and command.status == 0 and _DRIVER.search(command.stdout):
        return True
    if command is not None and "Unimplemented" in command.stderr:
        return False
    return _why_silent(node, "crictl-runtime-config")


def _images(node: HostFiles) -> tuple[RuntimeImage, ...] | Missing:
    command = node.command("crictl-images")
    if command is None or command.status:
        return _why_silent(node, "crictl-images")
    if missing := node.missing("commands/crictl-images"):
        return missing
    try:
        said = msgspec.json.decode(command.stdout, type=_Images)
    except (msgspec.DecodeError, RecursionError) as error:
        node.gap("commands/crictl-images", str(error), what="images")
        return Missing(f"crictl-images: {error}")
    return tuple(
        RuntimeImage(
            tags=one.repo_tags or (),
            digests=one.repo_digests or (),
            size=int(one.size) if str(one.size).isascii() and str(one.size)[:18].isdigit() else 0,
            pinned=one.pinned,
        )
        for one in said.images or ()
    )
