"""What `--runtime-config` of the API server switches on and off.

Source: pkg/server/resourceconfig/helpers.go in k8s.io/apiserver v0.37.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from kubepreflight.knowledge.api_lifecycle import ApiKind
from kubepreflight.semantics.api_requests import resource_of
from kubepreflight.semantics.setting import Setting, truth
from kubepreflight.visible import visible

RUNTIME_CONFIG = "runtime-config"
_MATCHERS = ("api/all", "api/ga", "api/beta", "api/alpha", "api/legacy")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: a `version` (`batch/v2alpha1`), or one `resource` of it, switched on or off by a `setting`."""

    version: str
    resource: str
    on: bool
    setting: Setting

    @property
    def text(self) -> str:
        """How it is written, without its value."""
        return visible("/".join(filter(None, (self.version, self.resource))))

    def switches_on(self, row: ApiKind) -> bool:
        """Whether it switches on a kind of its version that is off by default."""
        return self.on and row.served_by_default == "no" and self.resource in ("", resource_of(row.kind))


def switched_on(row: ApiKind, flags: Iterable[Setting]) -> bool:
    """Whether some of these flags switches on what is off by default; a gate that it may need besides apart."""
    return any(_switched_on(row, flag) for flag in flags)


def how_to_switch_on(row: ApiKind) -> str:
    """What the API server must be told to serve a version that is off by default."""
    gate = f", and its feature gate in --feature-gates={row.gate}=true" if row.gate else ""
    return f"--{RUNTIME_CONFIG}={row.api_version}=true of every API server{gate}"


def _switched_on(row: ApiKind, flag: Setting) -> bool:
    """The narrower an entry, the more it counts; of equal ones the last."""
    values = dict(_parts(item) for item in flag.items)
    names = (f"{row.api_version}/{resource_of(row.kind)}", row.api_version, f"api/{row.stage}", "api/all")
    return next((values[name] for name in names if name in values), False)


def _parts(item: str) -> tuple[str, bool]:
    name, _, value = item.partition("=")
    return name.strip(), truth(value.strip() or "true") is True


def entries_of(flags: Iterable[Setting]) -> Iterator[Entry]:
    """The entries of `--runtime-config` that name versions, without `api/all` and the like."""
    for flag in flags:
        for item in flag.items:
            written, _, value = item.partition("=")
            name, on = _parts(item)
            parts = name.split("/")
            if name not in _MATCHERS and len(parts) in (2, 3):
                setting = Setting(component=flag.component, name=written, value=value, place=flag.item_place)
                yield Entry(version="/".join(parts[:2]), resource="".join(parts[2:]), on=on, setting=setting)
