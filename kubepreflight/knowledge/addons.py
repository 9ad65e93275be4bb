"""Add-ons: how to see which release of which runs, and which Kubernetes upstream says it fits.

Each file in `addons/` is one add-on; nothing else lists them. Its shape:

    name: cert-manager                      as in findings; also the file's name
    title: cert-manager                     as people write it
    homepage: https://cert-manager.io/
    verified: {from: "1.9", to: "1.36", date: 2026-08-22}
                                            the oldest and the newest Kubernetes the file knows; when upstream was read
    source: https://…                       the page behind each release that names no other
    detect:
      images: ["(^|/)cert-manager-controller$"]
                                            regular expressions on the repository path: the tag tells the release
      companions: ["(^|/)cert-manager-webhook$"]
                                            the same, of images that only show that it is there
      workload: {kind: Deployment, name: rook-ceph-operator}
                                            `images` count in this workload only
      crds: [certificates.cert-manager.io]  it was installed once
      version_map: {v1.4: ["1.4.0", "1.4.1"]}
                                            tags or digests that stand for releases; where there is such a map, a tag
                                            that is not in it tells nothing. Several releases: any of them may run
      version_source: https://…             where the map comes from
    releases:                               see `compatibility.Release`
    - {version: "1.20", kubernetes: {min: "1.32", max: "1.35"}, status: supported}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Literal, Self

import msgspec

from kubepreflight.errors import KnowledgeError
from kubepreflight.image import ImageReference, parse_image, version_of_tag
from kubepreflight.knowledge.compatibility import Cause, Judgment, Release, Verdict
from kubepreflight.knowledge.documents import decode
from kubepreflight.knowledge.places import line_of
from kubepreflight.knowledge.table import (
    DIRECTORY,
    TableInfo,
    Verified,
    convert,
    files_in,
    read_text,
    with_minors,
)
from kubepreflight.version import Minor, Version

MINORS = frozenset({"min", "max", "from", "to", "tested", "incompatible"})
Role = Literal["main", "companion"]


class Workload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The controller whose pods are meant."""

    kind: str
    name: str


class Detect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an add-on is recognised; see the module's text."""

    images: tuple[str, ...]
    companions: tuple[str, ...] = ()
    crds: tuple[str, ...] = ()
    workload: Workload | None = None
    version_map: dict[str, tuple[str, ...]] = {}
    version_source: str = ""


class Addon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One add-on, as its file tells it."""

    name: str
    title: str
    homepage: str
    verified: Verified
    source: str
    detect: Detect
    releases: tuple[Release, ...]

    @property
    def info(self) -> TableInfo:
        """Which Kubernetes the file knows, and when upstream was read."""
        return self.verified.info(f"addons/{self.name}", open_ended=True)

    @cached_property
    def patterns(self) -> tuple[tuple[Role, re.Pattern[str]], ...]:
        """The expressions of `detect`, compiled, those that tell the release first."""
        main = re.compile("|".join(self.detect.images))
        if not self.detect.companions:
            return (("main", main),)
        return (("main", main), ("companion", re.compile("|".join(self.detect.companions))))

    def release_for(self, version: Version) -> Release | None:
        """The row about `version`: that very version, else the latest patch row not after it, else its minor's."""
        same = [row for row in self.releases if Version.parse(row.version).minor_version == version.minor_version]
        exact = [row for row in same if row.reach == "exact" and Version.parse(row.version) == version]
        patches = [row for row in same if row.reach == "from-patch" and Version.parse(row.version) <= version]
        latest = sorted(patches, key=lambda row: Version.parse(row.version))[-1:]
        return next(iter(exact + latest + [row for row in same if row.reach == "minor"]), None)

    def judge(self, version: Version, minor: Minor, *, manifest_seen: bool = True) -> Judgment:
        """What upstream says of `version` on Kubernetes `minor`; unknown for a version that is not in the file."""
        release = self.release_for(version)
        if release is not None:
            return release.judge(minor, manifest_seen=manifest_seen)
        first, last = self.releases[0].version, self.releases[-1].version
        reason = f"{self.title} {version} is not in the matrix of {self.verified.date}, which knows {first} to {last}"
        return Judgment(verdict=Verdict.UNKNOWN, cause=Cause.NOT_IN_MATRIX, reason=reason, source=self.source)

    def versions_of(self, image: ImageReference) -> tuple[Version, ...]:
        """The releases that an image of this add-on may stand for: none when it does not tell."""
        if self.detect.version_map:
            texts = self.detect.version_map.get(image.digest) or self.detect.version_map.get(image.tag, ())
            return tuple(Version.parse(text) for text in texts)
        version = version_of_tag(image.tag)
        return (version,) if version else ()


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """An image that belongs to an add-on.

    `role` is `main` for the image that the release is read from. `versions` is empty when the image does not tell the
    release, and holds several when it stands for more than one: each must then be judged.
    """

    addon: Addon
    image: ImageReference
    role: Role
    versions: tuple[Version, ...] = ()


class AddonMatrix:
    """Every add-on that is known, as a rule asks for it."""

    def __init__(self, addons: tuple[Addon, ...]) -> None:
        self.addons = addons
        self._seen: dict[str, Detection | None] = {}

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The add-ons that are shipped."""
        return cls.load(DIRECTORY / "addons")

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The add-ons of all `*.yaml` in `directory`. Raises KnowledgeError, for two of one name too."""
        paths = files_in(directory, "*.yaml")
        if not paths:
            raise KnowledgeError(f"{directory}: holds no add-on (*.yaml)")
        addons = tuple(load_addon(path) for path in paths)
        names = [addon.name for addon in addons]
        if len(set(names)) < len(names):
            raise KnowledgeError(f"{directory}: two files are about the same add-on: {', '.join(names)}")
        return cls(addons)

    @property
    def info(self) -> TableInfo:
        """From the oldest to the newest Kubernetes that some file knows, as of the stalest file."""
        infos = [addon.info for addon in self.addons]
        return TableInfo(
            table="addons",
            start=min(info.start for info in infos),
            end=max(info.end for info in infos),
            date=min(info.date for info in infos),
            open_ended=True,
        )

    @property
    def tables(self) -> Iterator[TableInfo]:
        """The same for each file."""
        return (addon.info for addon in self.addons)

    def detect(self, image: str, *, kind: str = "", name: str = "") -> Detection | None:
        """The add-on that an image belongs to, run by the workload `kind` and `name` (where that is known)."""
        if image not in self._seen:
            self._seen[image] = self._detect(image)
        found = self._seen[image]
        if found is not None and found.role == "main" and found.addon.detect.workload and (kind or name):
            return found if found.addon.detect.workload == Workload(kind, name) else None
        return found

    def _detect(self, image: str) -> Detection | None:
        reference = parse_image(image)
        if reference is None:
            return None
        for addon in self.addons:
            for role, pattern in addon.patterns:
                if pattern.search(reference.repository):
                    versions = addon.versions_of(reference)
                    return Detection(addon=addon, image=reference, role=role, versions=versions)
        return None

    def installed_by(self, crd: str) -> Addon | None:
        """The add-on that brings the CustomResourceDefinition `crd`. It was there once; it need not run now."""
        return next((addon for addon in self.addons if crd in addon.detect.crds), None)


def load_addon(path: Path) -> Addon:
    """The add-on in the file at `path`. Raises KnowledgeError with the file, and the line or the field."""
    text = read_text(path)
    addon = convert(with_minors(decode(path, text), MINORS), Addon, path, text)
    if not addon.releases:
        raise KnowledgeError(f"{path}: releases: there is none")
    rows = tuple(_completed(row, addon) for row in addon.releases)
    for number, row in enumerate(rows):
        if Version.try_parse(row.version) is None:
            line = line_of(f"$.releases[{number}].version", text, path.suffix)
            raise KnowledgeError(f"{path}:{line}: releases: not a version: {row.version!r}")
    try:
        complete = msgspec.structs.replace(addon, releases=rows)
        assert complete.patterns
    except re.error as error:
        line = line_of("$.detect", text, path.suffix)
        raise KnowledgeError(f"{path}:{line}: detect: not a regular expression: {error}") from error
    return complete


def _completed(row: Release, addon: Addon) -> Release:
    return msgspec.structs.replace(
        row,
        source=row.source or addon.source,
        addon=addon.title,
        newest_known=addon.verified.end,
        collected=addon.verified.date,
    )
