"""Small folders of files, and what a scan reads of them."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.objects import Api, Deployment, KubernetesObject, Metadata, Node, Planned, Pod
from kubepreflight.snapshot import Collector, Snapshot
from kubepreflight.sources.files import FileSource

WANTED = Wanted.by(
    (
        Parameter("pods", list, Pod, False),
        Parameter("nodes", list, Node, False),
        Parameter("deployments", Planned, Deployment, False),
    )
)
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n"
INGRESS = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata:\n  name: front\n  namespace: shop\n"


class Kustomization(KubernetesObject):
    api = Api("kustomize.config.k8s.io", "Kustomization", "kustomizations")
    metadata: Metadata = Metadata()
    resources: list[str] | None = None


def read(*paths: Path | str, exclude: Iterable[str] = ()) -> Snapshot:
    """What is read where the first path is typed as `.`, or as a file's mere name; a text stands as it is."""
    collector = Collector(WANTED)
    with standing_at(paths[0]):
        FileSource([one if isinstance(one, str) else os.path.relpath(one) for one in paths], tuple(exclude))(collector)
    return collector.snapshot()


def standing_at(path: Path | str) -> AbstractContextManager[None]:
    """In that folder, or in the file's, while it lasts; a text is no place."""
    if isinstance(path, str):
        return contextlib.nullcontext()
    return contextlib.chdir(path if path.is_dir() else path.parent)


def pod(name: str = "a", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "uid": name, **metadata}}


def write(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def names(snapshot: Snapshot, kind: type = Pod) -> list[str]:
    return [one.name for one in snapshot.observed[kind]]


def tar(path: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload] # the mode is a plain string here
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path
