"""Container image references: their parts, and the version that a tag tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from kubepreflight.version import Version

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"""(?:(?P<registry>localhost(?::\d+)?|\[[0-9A-Fa-f:]+\](?::\d+)?|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|[A-Za-z0-9-]+:\d+)/)?
    (?P<repository>{_COMPONENT}(?:/{_COMPONENT})*)
    (?::(?P<tag>\w[\w.-]{{0,127}}))?
    (?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{{32,}}))?""",
    re.VERBOSE | re.ASCII,
)
_IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST = 1024
_CHANNEL = re.compile(r"^(?:stable|release)-(?=v?[0-9])")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """`registry/repository:tag@digest`, as containerd reads it.

    `registry` is `docker.io` where none is written, and `repository` then begins with `library/` for an official
    image. `tag` and `digest` are empty where they are not written; `tag` is not filled with `latest`.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference as it stands in a pod's spec or status.

        Raises ValueError, with the text, for what is none: a bare image ID too, which names no repository.
        """
        bare = text.strip().removeprefix("docker-pullable://").removeprefix("docker://")
        match = None if len(bare) > _LONGEST or _IMAGE_ID.fullmatch(bare) else _REFERENCE.fullmatch(bare)
        if match is None:
            raise ValueError(f"not an image reference: {text[:80]!r}")
        repository = match["repository"]
        if match["registry"] is None and "/" not in repository:
            repository = f"library/{repository}"
        return cls(match["registry"] or "docker.io", repository, match["tag"] or "", match["digest"] or "")

    def __str__(self) -> str:
        text = f"{self.registry}/{self.repository}"
        if self.tag:
            text += f":{self.tag}"
        return f"{text}@{self.digest}" if self.digest else text


@lru_cache(maxsize=4096)
def parse_image(text: str) -> ImageReference | None:
    """The parts of an image reference, or None for what is none. A cluster repeats few images many times."""
    try:
        return ImageReference.parse(text)
    except ValueError:
        return None


def version_of_tag(tag: str) -> Version | None:
    """The version that an image's tag tells, or None for a tag that tells none.

    `v1.14.2`, `1.22.3-distroless`, `1.14.2-debian-12-r3`, `stable-2.14.1` and `1.30.0-rc.1` tell one; `latest`,
    `main`, `vmaster-g8097cfeb`, `v20190823-v0.6.0-rc.0-69-gcb7dab59` and `edge-24.2.1` do not. What a packager added
    behind the version stays in its `build`.
    """
    return Version.try_parse(_CHANNEL.sub("", tag))
