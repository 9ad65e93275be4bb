"""Whether a node's package manager can do its work."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from kubepreflight.host.missing import Missing


class LockHolder(msgspec.Struct, frozen=True, kw_only=True):
    """A process that holds the lock `path` of a package manager, and how long it has been running."""

    path: str
    process: str
    id: int
    running: timedelta


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """A package that is not whole: `state` is dpkg's word for it.

    That is `half-installed`, `half-configured`, `unpacked`, `triggers-awaited` or `triggers-pending`; `reinstreq` for
    one that has to be installed again, whatever its state.
    """

    name: str
    state: str


class PackageDatabase(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of package managers that did not come to their end, and what stands in the way of the next one.

    `interrupted` says that dpkg was, and has not been told to go on. `unfinished` are the packages that are
    not whole. `refusals` are the lines in which apt, dpkg or rpm says why it does nothing.
    """

    interrupted: bool | Missing = Missing("not collected")
    unfinished: tuple[Unfinished, ...] | Missing = Missing("not collected")
    refusals: tuple[str, ...] = ()
    holders: tuple[LockHolder, ...] | Missing = Missing("not collected")
