"""Every field that a struct reads is one that upstream has: a name that is off by a letter would read as empty."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from kubernetes.client import models

from kubepreflight.objects import Annotations, KubernetesObject
from kubepreflight.rule import load_rules
from kubepreflight.scan import wanted_by

MODELS = frozenset(dir(models))
"""Their names; each is only loaded when it is asked for."""
OURS = {"api_version", "kind", "origin"}
OLDER = {
    "VersionedDefinition.spec.conversion.webhookClientConfig": "apiextensions.k8s.io/v1beta1",
}
"""Fields that the present version of their kind has no more, and the version that has them."""


def kinds() -> list[type[KubernetesObject]]:
    wanted = wanted_by(load_rules())
    return sorted(wanted.observed | wanted.desired, key=lambda one: one.__name__)


def upstream(struct: type[KubernetesObject]) -> str:
    """The client's model of a kind; the name of none for custom resources."""
    return f"V1{struct.apis()[0].kind}"


def structs_in(hint: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    elif typing.get_origin(hint) in (typing.Union, types.UnionType, list, dict, tuple):
        for one in typing.get_args(hint):
            yield from structs_in(one)


def unknown_fields(struct: type[msgspec.Struct], model: Any, where: str) -> Iterator[str]:
    names = {json: python for python, json in model.attribute_map.items()}
    hints = typing.get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        if field.name in OURS:
            continue
        if field.encode_name not in names:
            yield f"{where}.{field.encode_name}"
            continue
        inner = re.sub(r"^.*\b(V\d\w+)\W*$", r"\1", model.openapi_types[names[field.encode_name]])
        for part in structs_in(hints[field.name]):
            if part is not Annotations and hasattr(models, inner):
                yield from unknown_fields(part, getattr(models, inner), f"{where}.{field.encode_name}")


@pytest.mark.parametrize("struct", [one for one in kinds() if upstream(one) in MODELS], ids=lambda one: one.__name__)
def test_every_field_is_upstreams(struct: type[KubernetesObject]) -> None:
    model = getattr(models, upstream(struct))
    assert not set(unknown_fields(struct, model, struct.__name__)) - OLDER.keys()


class WrongStatus(msgspec.Struct, rename="camel"):
    pod_ip: str = ""


class Wrong(msgspec.Struct):
    status: WrongStatus


def test_the_check_sees_a_wrong_name() -> None:
    assert list(unknown_fields(Wrong, models.V1Pod, "Pod")) == ["Pod.status.podIp"]
