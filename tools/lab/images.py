"""Container images from programs: one layer each, in the archive format of `docker save`, which containerd imports."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PAUSE_USER = "65535:65535"


@dataclass(frozen=True)
class Image:
    """An image to be made: its name with tag; its files, by their path in it, a path here or the target of a link."""

    name: str
    files: Mapping[str, Path | str]
    entrypoint: tuple[str, ...] = ()
    user: str = ""

    def configuration(self, layer: str) -> dict[str, Any]:
        """The image's configuration (OCI image-spec, config.md) around a layer of that digest."""
        machine = platform.machine()
        return {
            "architecture": _ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {"Env": [_PATH], "Entrypoint": list(self.entrypoint), "User": self.user},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        }


def write(images: Iterable[Image], output: IO[bytes], scratch: Path) -> None:
    """Write `images` as one archive; layers are made in the folder `scratch`. Raises OSError for an unreadable file."""
    manifest = []
    with tarfile.open(fileobj=output, mode="w|") as archive:
        for image in images:
            layer = scratch / "layer.tar"
            digest = _write_layer(image, layer)
            archive.add(layer, f"{digest}/layer.tar")
            layer.unlink()
            config = json.dumps(image.configuration(digest), sort_keys=True).encode()
            config_name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add(archive, config_name, config)
            manifest.append({"Config": config_name, "RepoTags": [image.name], "Layers": [f"{digest}/layer.tar"]})
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _write_layer(image: Image, target: Path) -> str:
    """Write the image's only layer, without times and owners; returns its digest."""
    with tarfile.open(target, "w") as layer:
        for path, source in sorted(image.files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            if isinstance(source, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, source
                layer.addfile(entry)
                continue
            with source.open("rb") as content:
                entry.size, entry.mode = source.stat().st_size, 0o755
                layer.addfile(entry, content)
    with target.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))
