"""What kustomize makes of a folder: which of its files are applied at all, where, and with which image tags.

Old patches often lie in a folder whose kustomization no longer names them; nobody applies these.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any, Self

import msgspec

from kubepreflight.image import parse_image
from kubepreflight.objects import Api, Desired, KubernetesObject, Metadata
from kubepreflight.parts import Part


class ImageChange(Part, frozen=True):
    """An entry of `images`: what takes the place of an image's name, tag or digest."""

    name: str = ""
    new_name: str | None = None
    new_tag: str | None = None
    digest: str | None = None


class Kustomization(KubernetesObject):
    """A kustomization.yaml, or a component's.

    The fields that may name files are read as they come: their shapes changed over the years, and all that matters
    is which files some text in them names.
    """

    metadata: Metadata = Metadata()
    resources: Any = None
    bases: Any = None
    components: Any = None
    crds: Any = None
    patches: Any = None
    patches_strategic_merge: Any = None
    patches_json6902: Any = None
    generators: Any = None
    transformers: Any = None
    validators: Any = None
    configurations: Any = None
    replacements: Any = None
    images: list[ImageChange] | None = None
    sets_namespace: str | None = msgspec.field(name="namespace", default=None)

    @classmethod
    def apis(cls) -> tuple[Api, ...]:
        """Both kinds that kustomize reads from a file of that name."""
        group = "kustomize.config.k8s.io"
        return (Api(group, "Kustomization", "kustomizations"), Api(group, "Component", "components"))

    def texts(self) -> Iterator[str]:
        """Everything in it that may be the name of a file."""
        stack = [
            self.resources,
            self.bases,
            self.components,
            self.crds,
            self.patches,
            self.patches_strategic_merge,
            self.patches_json6902,
            self.generators,
            self.transformers,
            self.validators,
            self.configurations,
            self.replacements,
        ]
        while stack:
            one = stack.pop()
            if isinstance(one, str):
                yield one
            elif isinstance(one, dict):
                stack.extend(one.values())
            elif isinstance(one, list):
                stack.extend(one)


class Kustomizations(msgspec.Struct, frozen=True):
    """All kustomizations among the manifests: their folders and own files, the files that they name, what they do to
    images, and the namespaces that they set, by folder."""

    folders: frozenset[str]
    files: frozenset[str]
    named: frozenset[str]
    images: dict[str, frozenset[ImageChange]]
    namespaces: dict[str, str]

    @classmethod
    def provide(cls, kustomizations: Desired[Kustomization] | None = None) -> Self:
        """From what was given; without manifests there are none."""
        folders, named, namespaces = set(), set(), {}
        images: dict[str, set[ImageChange]] = {}
        for one in kustomizations or ():
            archive, folder = folder_of(one.origin.file)
            folders.add(archive + folder)
            if one.sets_namespace:
                namespaces[archive + folder] = one.sets_namespace
            named |= {archive + posixpath.normpath(posixpath.join(folder, text)) for text in one.texts()}
            for change in one.images or ():
                images.setdefault(change.name, set()).add(change)
        files = frozenset(one.origin.file for one in kustomizations or ())
        return cls(
            frozenset(folders),
            files,
            frozenset(named),
            {name: frozenset(some) for name, some in images.items()},
            namespaces,
        )

    def leaves_out(self, file: str) -> bool:
        """Whether a file lies in a folder with a kustomization, and no kustomization names it.

        What was rendered goes by the name of the kustomization itself.
        """
        if file in self.files:
            return False
        return "".join(folder_of(file)) in self.folders and posixpath.normpath(file) not in self.named

    def namespace(self, file: str) -> str:
        """The namespace that the kustomization in its own folder gives to what a file holds; empty without one."""
        return self.namespaces.get("".join(folder_of(file)), "") if self.namespaces else ""

    def image(self, written: str) -> str:
        """The image as kustomize would change it, as far as all kustomizations that change it agree."""
        reference = parse_image(written) if self.images else None
        if reference is None:
            return written
        name = written.partition("@")[0].removesuffix(f":{reference.tag}")
        changes = self.images.get(name, frozenset())
        if len(changes) != 1:
            return written
        (change,) = changes
        name = change.new_name or name
        if change.digest:
            return f"{name}@{change.digest}"
        tag = change.new_tag or reference.tag
        return f"{name}:{tag}" if tag else name


def folder_of(file: str) -> tuple[str, str]:
    """The archive that a file lies in, with its `!`, and the folder in there; both empty at the root."""
    archive, bang, path = file.rpartition("!")
    return archive + bang, posixpath.dirname(path)
