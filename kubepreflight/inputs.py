"""What a rule asks for by its parameters' types, and what follows: the fetch plan, the RBAC, and whether it can run.

| type                        | gives                                                                      |
| --------------------------- | -------------------------------------------------------------------------- |
| `list[Pod]`                 | what the cluster holds                                                     |
| `Desired[Pod]`              | what somebody will apply                                                   |
| `Planned[Pod]`              | both as one: desired over observed of the same identity, parts beside it   |
| `list[Host]`                | the hosts that were given                                                  |
| a class with `provide`      | whatever its classmethod makes of *its* parameters, found the same way     |
| any other class             | a fact of the scan itself that a source supplies (`ScanOptions`); what it  |
|                             | reads beside resources it names as `non_resource_urls`                     |
| `X | None`                  | optional: None when it cannot be had, and the rule's coverage is `partial` |
| `X | None = None`           | the same, but nothing is missed without it: no gap                         |
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from kubepreflight.finding import Gap
from kubepreflight.objects import Api, Desired, KubernetesObject, Planned


class Unavailable(Exception):  # noqa: N818 - it is an answer, not an error
    """Raised by a `provide`: what it would give cannot be had. Rules that need it are then `not checked`."""

    def __init__(self, *gaps: Gap) -> None:
        super().__init__("; ".join(gap.reason for gap in gaps))
        self.gaps = gaps


class Parameter(msgspec.Struct, frozen=True):
    """One parameter: `form` is list, Desired or Planned, or None for a class of its own; `type` its item or class.

    `dispensable` is one that is optional and has a default: that it was not given is then no gap.
    """

    name: str
    form: type | None
    type: type
    optional: bool
    dispensable: bool = False

    @property
    def kind(self) -> Parameter:
        """What it asks for, whoever asks and however much depends on it."""
        return Parameter("", self.form, self.type, False)

    @property
    def provider(self) -> Callable[..., Any] | None:
        """The classmethod that makes it, when it has one."""
        return None if self.form else getattr(self.type, "provide", None)

    @property
    def label(self) -> str:
        """How reports call it: `pods`, `manifests of ingresses`, `KubeadmConfig`."""
        if self.form is None or not issubclass(self.type, KubernetesObject):
            return self.type.__name__
        plural = ", ".join(api.plural for api in self.type.apis())
        return f"manifests of {plural}" if self.form is Desired else plural


@functools.cache
def parameters_of(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Read a function's signature. Raises TypeError for a parameter that has no type, or one that nobody can supply."""
    hints = typing.get_type_hints(function)
    found = [one for one in inspect.signature(function).parameters.values() if one.name not in ("self", "cls")]
    return tuple(_parameter(function, one, hints.get(one.name)) for one in found)


def _parameter(function: Callable[..., Any], parameter: inspect.Parameter, hint: Any) -> Parameter:
    name, optional = parameter.name, False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [one for one in typing.get_args(hint) if one is not type(None)]
        optional, hint = len(rest) < len(typing.get_args(hint)), rest[0] if len(rest) == 1 else None
    form = typing.get_origin(hint)
    item = typing.get_args(hint)[0] if form in (list, Desired, Planned) else hint
    if not isinstance(item, type) or (form is not None and form not in (list, Desired, Planned)):
        raise TypeError(f"{function.__qualname__}: parameter {name!r} has no type that an input could have: {hint!r}")
    return Parameter(name, form, item, optional, optional and parameter.default is None)


class Wanted(msgspec.Struct, frozen=True):
    """The fetch plan: the structs that some rule reads, of the cluster and of manifests, and the other inputs."""

    observed: frozenset[type[KubernetesObject]]
    desired: frozenset[type[KubernetesObject]]
    others: frozenset[type]

    @classmethod
    def by(cls, parameters: Iterable[Parameter]) -> Wanted:
        """Everything that these parameters, and the providers behind them, ask for."""
        flat = set(_flatten(parameters))
        kinds = {one for one in flat if one.form and issubclass(one.type, KubernetesObject)}
        return cls(
            observed=frozenset(one.type for one in kinds if one.form is not Desired),
            desired=frozenset(one.type for one in kinds if one.form is not list),
            others=frozenset(one.type for one in flat - kinds),
        )

    def apis(self) -> tuple[Api, ...]:
        """What to list in a cluster, without what the user must opt in to; sorted, each once."""
        return to_list(kind for kind in self.observed if not kind.opt_in)


def to_list(structs: Iterable[type[KubernetesObject]]) -> tuple[Api, ...]:
    """What to list for these structs; sorted, each kind once.

    A kind that one of them wants whole is not listed in parts besides, which would give objects twice.
    """
    wanted: dict[tuple[str, str], set[Api]] = {}
    for struct in structs:
        for api in struct.apis():
            wanted.setdefault((api.group, api.kind), set()).add(api)
    found: list[Api] = []
    for apis in wanted.values():
        whole = [api for api in apis if api.part == ("", "")]
        if whole:
            also = sorted({group for api in apis for group in api.also})
            found.append(whole[0]._replace(also=tuple(also)))
        else:
            found += apis
    return tuple(sorted(found))


def _flatten(parameters: Iterable[Parameter]) -> Iterator[Parameter]:
    for one in parameters:
        yield one.kind
        if one.provider is not None:
            yield from _flatten(parameters_of(one.provider))
