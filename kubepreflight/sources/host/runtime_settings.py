"""What the files of containerd, CRI-O and Docker set of the cgroup driver and the sandbox image."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from kubepreflight.host import SANDBOX_DEFAULTS, KubeletSettings, Missing
from kubepreflight.sources.host.documents import mapping, text
from kubepreflight.sources.host.host_files import HostFiles
from kubepreflight.toml_decoder import TomlError, decode_toml

CONTAINERD = "/etc/containerd/config.toml"
CRIO = "/etc/crio/crio.conf"
CRIO_FOLDERS = ("/usr/share/crio/crio.conf.d", "/usr/lib/crio/crio.conf.d", "/etc/crio/crio.conf.d")
DOCKER = "/etc/docker/daemon.json"
SANDBOX_FLAG = "pod-infra-container-image"
_DUMP = "containerd-config"


class Told(NamedTuple):
    """A value, and the file or command that tells it; a Missing value says why it is not known.

    `by_default`: nothing sets it, so that the program's own default counts.
    """

    value: str | Missing
    place: str = ""
    by_default: bool = False


def containerd_settings(node: HostFiles, config: str) -> tuple[Told, Told]:
    """The cgroup driver of containerd's default runtime, and the sandbox image: from its own dump, else its files.

    Where they are not set, what counts is the program's default, which its dump holds and no file does.
    """
    command = node.command(_DUMP)
    dumped = _toml(command.stdout) if command is not None and command.status == 0 else None
    if dumped is not None:
        return _cgroup(dumped, f"`{command.name.replace('-', ' ')} dump`" if command else ""), _sandbox(dumped, config)
    missing = node.missing(config)
    if node.text_of(config) is None:
        told = Told(missing or Missing(f"the node has no {config}: containerd's own defaults count"), "", not missing)
        return told, told
    read = list(_with_imports(node, config))
    broken = next((path for path, document in read if document is None), "")
    if broken:
        reason = Missing(f"{broken} cannot be read")
        return Told(reason), Told(reason)
    documents = {path: document for path, document in read if document is not None}
    return _counting(documents, _cgroup, "runtime"), _counting(documents, _sandbox, "images")


def _counting(documents: Mapping[str, dict[str, Any]], read: Callable[[Any, str], Told], part: str) -> Told:
    """What counts of several files. containerd 1 takes a plugin's section whole, from the last file that has it.

    Version 2 of the program merges sections, but not every value over every other: only what agrees is known then.
    """
    having = [path for path, document in documents.items() if _cri(document, part)] or list(documents)[:1]
    told = [read(documents[path], path) for path in having]
    if all(documents[path].get("version", 1) in (1, 2) for path in having):
        return told[-1]
    values = [one for one in told if isinstance(one.value, str)] or told[-1:]
    if len({one.value for one in values}) > 1:
        return Told(Missing(f"set differently in {' and '.join(one.place for one in values)}"))
    return values[-1]


def _with_imports(node: HostFiles, config: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """The file and those that it imports, in containerd's order.

    A relative path is below the file's folder, a relative pattern below containerd's working directory: / of a service.
    """
    document = _toml(node.text_of(config) or "")
    yield config, document
    imports = (document or {}).get("imports")
    folder = config.rpartition("/")[0]
    for pattern in imports if isinstance(imports, list) else ():
        relative_to = "" if text(pattern).startswith("/") else "/" if "*" in text(pattern) else f"{folder}/"
        full = relative_to + text(pattern)
        for path in sorted(path for path in node.below("/") if fnmatch.fnmatchcase(path, full)):
            yield path, _toml(node.text_of(path) or "")


def _toml(content: str) -> dict[str, Any] | None:
    try:
        return decode_toml(content)
    except TomlError:
        return None


def _cri(document: Mapping[str, Any], part: str) -> dict[str, Any]:
    """The settings of the CRI plugin, which is one up to version 2 of the file and several from 3 on."""
    version = document.get("version", 1)
    plugins = mapping(document.get("plugins"))
    name = "cri" if version == 1 else "io.containerd.grpc.v1.cri" if version == 2 else f"io.containerd.cri.v1.{part}"
    return mapping(plugins.get(name))


def _cgroup(document: Mapping[str, Any], place: str) -> Told:
    plugin = _cri(document, "runtime")
    containerd = mapping(plugin.get("containerd"))
    name = text(containerd.get("default_runtime_name")) or "runc"
    runtime = mapping(mapping(containerd.get("runtimes")).get(name))
    value = mapping(runtime.get("options")).get("SystemdCgroup")
    if value is None and plugin.get("systemd_cgroup") is True:
        value = True
    if not isinstance(value, bool):
        return Told(Missing(f"{place} sets no SystemdCgroup for the runtime {name}"), place, True)
    return Told("systemd" if value else "cgroupfs", place)


def _sandbox(document: Mapping[str, Any], place: str) -> Told:
    pinned = mapping(_cri(document, "images").get("pinned_images"))
    image = text(pinned.get("sandbox")) or text(_cri(document, "images").get("sandbox_image"))
    return Told(image, place) if image else Told(Missing(f"{place} sets no sandbox image"))


def crio_settings(node: HostFiles) -> tuple[Told, Told]:
    """CRI-O's cgroup driver, systemd where nothing sets it (since 1.18), and its pause image."""
    paths = [CRIO, *(path for folder in CRIO_FOLDERS for path in node.directly_in(folder))]
    read = {path: _toml(content) for path in paths if (content := node.text_of(path)) is not None}
    missing = node.missing("/etc/crio")
    broken = next((path for path, document in read.items() if document is None), "")
    if (missing and not read) or broken:
        reason = Missing(f"{broken} cannot be read") if broken else missing or Missing("not collected")
        return Told(reason), Told(reason)
    driver, image = Told("systemd", "CRI-O's default"), Told(SANDBOX_DEFAULTS["cri-o"])
    for path, document in read.items():
        crio = mapping((document or {}).get("crio"))
        manager = text(mapping(crio.get("runtime")).get("cgroup_manager"))
        pause = text(mapping(crio.get("image")).get("pause_image"))
        driver = Told(manager, path) if manager else driver
        image = Told(pause, path) if pause else image
    return driver, image


def docker_cgroup(node: HostFiles) -> Told:
    """Docker's cgroup driver: as it says itself, else as its daemon.json sets it."""
    command = node.command("docker-info")
    if command is not None and command.status == 0 and command.stdout.strip() in ("systemd", "cgroupfs"):
        return Told(command.stdout.strip(), "`docker info`")
    content = node.text_of(DOCKER)
    if content is None:
        return Told(node.missing(DOCKER) or Missing(f"the node has no {DOCKER}: Docker's own default counts"))
    try:
        options = mapping(json.loads(content)).get("exec-opts")
    except (ValueError, RecursionError):
        return Told(Missing(f"{DOCKER} cannot be read"))
    for option in options if isinstance(options, list) else ():
        if match := re.fullmatch(r"native\.cgroupdriver=(systemd|cgroupfs)", text(option)):
            return Told(match[1], DOCKER)
    return Told(Missing(f"{DOCKER} sets no native.cgroupdriver: Docker's own default counts"))


def cri_dockerd_sandbox(words: list[str]) -> Told:
    """The pause image that cri-dockerd was started with."""
    for word in words:
        if word.startswith(f"--{SANDBOX_FLAG}="):
            return Told(word.partition("=")[2], "cri-dockerd's command line")
    return Told(SANDBOX_DEFAULTS["docker"])


def dockershim_sandbox(kubelet: KubeletSettings) -> Told:
    """The pause image of the kubelet's own dockershim, which its flag names, and nothing else."""
    image = kubelet.flag(SANDBOX_FLAG)
    if isinstance(image, Missing):
        return Told(image)
    return Told(image, f"the kubelet's --{SANDBOX_FLAG}") if image else Told(SANDBOX_DEFAULTS["dockershim"])
