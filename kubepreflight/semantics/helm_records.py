"""What Helm 3 keeps of one revision of a release, as far as it is read: what it is called, its chart, what it applied.

The payload holds the values too, and with them secrets: of these nothing is decoded, and an error tells nothing of it.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec

from kubepreflight.decoding import UNDECODABLE
from kubepreflight.parts import Part
from kubepreflight.semantics.manifest_heads import LONGEST, Effort, HeadError, ManifestHead, heads_in

LARGEST: Final = 64 << 20
"""Bytes of one payload, inflated. etcd takes no object of more than 1.5 MB, and Helm's grow by 5 to 20."""
RELEASE_TYPE: Final = "helm.sh/release.v1"
OWNER: Final = {"owner": "helm"}
"""The label by which Helm finds its own."""
_GZIP = b"\x1f\x8b"


class ReleasedManifest(Part, frozen=True):
    """The head of one object of a release. `source` is the chart's template, `hook` the events at which it is applied
    when it is one."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str = ""
    source: str = ""
    hook: tuple[str, ...] = ()


class Record(Part, frozen=True):
    """One revision. `problem` says why nothing, or not all, of it could be read."""

    name: str = ""
    namespace: str = ""
    revision: int = 0
    status: str = ""
    chart: str = ""
    chart_version: str = ""
    app_version: str = ""
    manifests: tuple[ReleasedManifest, ...] = ()
    problem: str = ""


class _Info(msgspec.Struct):
    status: str = ""


class _ChartMetadata(msgspec.Struct, rename="camel"):
    name: str = ""
    version: str = ""
    app_version: str = ""


class _Chart(msgspec.Struct):
    metadata: _ChartMetadata | None = None


class _Hook(msgspec.Struct):
    path: str = ""
    manifest: str = ""
    events: list[str] | None = None


class _Payload(msgspec.Struct):
    """The parts of Helm's own JSON that are decoded; `unreadable` is what a snapshot says in place of them."""

    name: str = ""
    namespace: str = ""
    version: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)] = 0
    info: _Info | None = None
    chart: _Chart | None = None
    manifest: str = ""
    hooks: list[_Hook] | None = None
    unreadable: str = ""


def is_release(kind: str, kind_of_secret: str | None, labels: dict[str, str] | None) -> bool:
    """Whether a Secret or a ConfigMap is one that Helm 3 takes for its own."""
    ours = OWNER.items() <= (labels or {}).items()
    return ours and (kind_of_secret == RELEASE_TYPE if kind == "Secret" else kind == "ConfigMap")


def record_of(release: str | None, *, secret: bool) -> Record:
    """What `data.release` of a Secret, or of a ConfigMap, says."""
    try:
        payload = _decoded(release or "", secret=secret)
    except _UnreadableError as error:
        return Record(problem=str(error))
    chart = (payload.chart and payload.chart.metadata) or _ChartMetadata()
    problems: list[str] = [payload.unreadable] if payload.unreadable else []
    return Record(
        name=payload.name[:LONGEST],
        namespace=payload.namespace[:LONGEST],
        revision=payload.version,
        status=payload.info.status[:LONGEST] if payload.info else "",
        chart=chart.name[:LONGEST],
        chart_version=chart.version[:LONGEST],
        app_version=chart.app_version[:LONGEST],
        manifests=tuple(_manifests(payload, problems)),
        problem=problems[0] if problems else "",
    )


def reduced(release: Any, *, secret: bool) -> str:
    """The same `data.release` with nothing in it but what `record_of` reads."""
    record = record_of(release if isinstance(release, str) else None, secret=secret)
    metadata = {"name": record.chart, "version": record.chart_version, "appVersion": record.app_version}
    payload = {
        "name": record.name,
        "namespace": record.namespace,
        "version": record.revision,
        "info": {"status": record.status},
        "chart": {"metadata": metadata},
        "manifest": "\n".join(_written(one) for one in record.manifests if not one.hook),
        "hooks": [{"manifest": _written(one), "events": one.hook} for one in record.manifests if one.hook],
        "unreadable": record.problem,
    }
    packed = base64.b64encode(gzip.compress(msgspec.json.encode(payload), mtime=0))
    return (base64.b64encode(packed) if secret else packed).decode("ascii")


class _UnreadableError(Exception):
    """Why a payload could not be read; it never says what stands in it."""


def _decoded(release: str, *, secret: bool) -> _Payload:
    try:
        packed = base64.b64decode(release, validate=True)
        if secret:
            packed = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise _UnreadableError("it is not base64, as Helm writes it") from None
    if not packed:
        raise _UnreadableError("it is empty")
    data = _inflated(packed) if packed.startswith(_GZIP) else packed
    try:
        return msgspec.json.decode(data, type=_Payload)
    except msgspec.ValidationError:
        raise _UnreadableError("it is JSON, but not of Helm's shape") from None
    except UNDECODABLE:
        raise _UnreadableError("it is not JSON, or nested too deep") from None


def _inflated(packed: bytes) -> bytes:
    inflating = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        data = inflating.decompress(packed, LARGEST)
    except zlib.error:
        raise _UnreadableError("its gzip is damaged") from None
    if not inflating.eof:
        too_large = bool(inflating.unconsumed_tail)
        raise _UnreadableError(f"it is larger than {LARGEST >> 20} MB" if too_large else "its gzip is cut off")
    return data


def _manifests(payload: _Payload, problems: list[str]) -> Iterator[ReleasedManifest]:
    texts: list[tuple[str, str, tuple[str, ...]]] = [(payload.manifest, "", ())]
    texts += [(hook.manifest, hook.path, tuple(hook.events or ("hook",))) for hook in payload.hooks or ()]
    effort = Effort()
    for text, path, events in texts:
        for head in heads_in(text, effort):
            if isinstance(head, HeadError):
                problems.append(f"a manifest in it cannot be read: {head.reason}")
            else:
                yield _released(head, path, events)


def _released(head: ManifestHead, path: str, events: tuple[str, ...]) -> ReleasedManifest:
    source = head.source or path
    return ReleasedManifest(
        api_version=head.api_version,
        kind=head.kind,
        namespace=head.namespace,
        name=head.name,
        source=source if _PATH.fullmatch(source) else "",
        hook=tuple(one for one in dict.fromkeys(events) if _EVENT.fullmatch(one)) or (("hook",) if events else ()),
    )


_EVENT = re.compile(r"[a-z-]{1,40}")
_PATH = re.compile(r"[\w./@+ -]{1,1000}")


def _written(one: ReleasedManifest) -> str:
    """As Helm writes it; JSON is YAML too."""
    head = {
        "apiVersion": one.api_version,
        "kind": one.kind,
        "metadata": {"namespace": one.namespace, "name": one.name},
    }
    return f"---\n# Source: {one.source}\n{msgspec.json.encode(head).decode()}"
