"""Manifests that ConfigMaps keep as texts, for operators and add-on managers to apply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from kubepreflight.knowledge.api_lifecycle import ApiLifecycle
from kubepreflight.objects import Api, Desired, KubernetesObject
from kubepreflight.semantics.api_uses import ApiUse, ApiUses, Basis

_UNSTABLE = r"""[a-z0-9.-]{1,100}/v[0-9]{1,3}(?:alpha|beta)[0-9]{1,3}"""
_VERSION = re.compile(rf"""\bapiVersion["']?[ \t]*:[ \t]*["']?({_UNSTABLE})\b""")
_KIND = re.compile(r"""\bkind["']?[ \t]*:[ \t]*["']?([A-Za-z]{1,100})\b""")
_APART = "\n---"
_HASH = re.compile(r"-[2456789bcdfghkmt]{10}$")
"""The end that kustomize gives to the names of what it generates."""


class TextConfigMap(KubernetesObject):
    """A ConfigMap that somebody will apply. Of its texts only those are kept that name an alpha or beta version."""

    api = Api("", "ConfigMap", "configmaps")
    data: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Drop the others: dashboards and scripts are long."""
        self.data = {
            key: text
            for key, text in (self.data or {}).items()
            if isinstance(text, str) and "apiVersion" in text and _VERSION.search(text)
        }


class Embedded(NamedTuple):
    """The head of a manifest within a text, on which line of it."""

    api_version: str
    kind: str
    line: int


def embedded_heads(text: str) -> Iterator[Embedded]:
    """The heads of manifests, in YAML or JSON or a template of them, that name an alpha or beta version.

    The text is not parsed, for it may be a template: the kind is the first that is named after the version, before the
    next one, else the last before it.
    """
    found = list(_VERSION.finditer(text))
    line, counted = 1, 0
    for number, match in enumerate(found):
        before = found[number - 1].end() if number else 0
        after = found[number + 1].start() if number + 1 < len(found) else len(text)
        rest = text[match.end() : after].partition(_APART)[0]
        kind = _KIND.search(rest)
        if kind is None:
            earlier = _KIND.findall(text[before : match.start()].rpartition(_APART)[2])
            name = earlier[-1] if earlier else ""
        else:
            name = kind[1]
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        if name:
            yield Embedded(match[1], name, line)


def name_of_all(name: str) -> str:
    """What the copies of one ConfigMap are called, which kustomize may have named by their contents."""
    return _HASH.sub("", name)


class EmbeddedUses(ApiUses, frozen=True):
    """Manifests in ConfigMaps: whether anybody applies them is not known."""

    @classmethod
    def provide(cls, lifecycle: ApiLifecycle, config_maps: Desired[TextConfigMap]) -> Self:
        """From the ConfigMaps among the manifests; those of the cluster are not read for it.

        Those of one name are copies of one, in the overlays of several clusters.
        """
        return cls(
            tuple(
                ApiUse(
                    row=row,
                    place=one.subject,
                    basis=Basis.EMBEDDED,
                    cause=f"within {name_of_all(one.name)}",
                    evidence={"in its data": f"{key}, line {head.line}"},
                )
                for one in config_maps
                for key, text in (one.data or {}).items()
                for head in embedded_heads(text)
                if (row := lifecycle.find_going(head.api_version, head.kind)) is not None
            )
        )
