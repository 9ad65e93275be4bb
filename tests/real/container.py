"""A pod's container as a runtime would run it: its mounts, its capabilities, no new privileges.

What a kubelet and a runtime do beyond that, seccomp and control groups, is not played.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.real.busybox import PATH
from tools.packages.machine import APART


class Container:
    """The first container of a pod's `spec`, in the root `image`, on a machine with this `disk`.

    `config_maps` are the data of those that it names; volumes lie in `folder`. The disk is a folder, or several with
    colons between that lie one over the other; what is written to it lands in the folder `written`.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        image: Path,
        disk: str,
        folder: Path,
        config_maps: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._container = spec["containers"][0]
        self._image = image
        self._disk = disk
        self._folder = folder
        self._volumes = {one["name"]: one for one in spec["volumes"]}
        self._config_maps = config_maps
        self.written = folder / "written"

    def volume(self, name: str) -> Path:
        """Where a volume of its own lies."""
        return self._folder / name

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run it until the block ends."""
        for one in (self.written, self._folder / "work", self._folder / "disk"):
            one.mkdir(parents=True)
        script = "\n".join(["set -e", *self._mounts(), self._enter()])
        log = (self._folder / "log").open("wb")
        process = subprocess.Popen(
            [*APART, "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": PATH}
        )
        log.close()
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def log(self) -> str:
        """What it said."""
        return (self._folder / "log").read_text()

    def _mounts(self) -> Iterator[str]:
        disk, image = self._folder / "disk", shlex.quote(str(self._image))
        layers = f"lowerdir={self._disk},upperdir={self.written},workdir={self._folder}/work"
        yield f"mount -t overlay overlay -o {layers} {disk}"
        yield f"mount --rbind /dev {disk}/dev; mount -t proc proc {disk}/proc"
        yield f"mount --rbind {image} {image}; mount -t proc proc {image}/proc; mount --rbind /dev {image}/dev"
        for mount in sorted(self._container["volumeMounts"], key=lambda one: str(one["mountPath"]).count("/")):
            target = f"{image}{mount['mountPath']}"
            yield f"mkdir -p {target}; mount --rbind {self._source(self._volumes[mount['name']])} {target}"
            if mount.get("readOnly"):
                yield f"mount -o remount,bind,ro {target}"
        if self._container["securityContext"]["readOnlyRootFilesystem"]:
            yield f"mount -o remount,bind,ro {image}"

    def _source(self, volume: Mapping[str, Any]) -> Path:
        if "hostPath" in volume:
            return self._folder / "disk" / str(volume["hostPath"]["path"]).lstrip("/")
        folder = self.volume(volume["name"])
        folder.mkdir(exist_ok=True)
        for name, text in self._config_maps.get(volume.get("configMap", {}).get("name", ""), {}).items():
            (folder / name).write_text(text)
        return folder

    def _enter(self) -> str:
        security = self._container["securityContext"]
        assert security["capabilities"]["drop"] == ["ALL"]
        kept = "".join(f",+{name.lower()}" for name in security["capabilities"]["add"])
        rights = ["--bounding-set", f"-all{kept}", f"--inh-caps=-all{kept}", "--clear-groups"]
        if not security["allowPrivilegeEscalation"]:
            rights.append("--no-new-privs")
        command = [*self._container["command"], *self._container["args"]]
        return shlex.join(["exec", "setpriv", *rights, "--", "chroot", str(self._image), *command])
