"""A node's packages and where they come from."""

from __future__ import annotations

import msgspec

from kubepreflight.host.missing import Missing


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One installed package.

    `held` is true for a dpkg hold, an rpm versionlock or an exclude that covers it, a Missing where that could not be
    read. `status` is dpkg's own word (`install ok installed`, `hold ok half-configured`), empty for rpm. `pinned_by` is
    the file of apt's preferences that pins it by name, empty for none.
    """

    name: str
    version: str
    held: bool | Missing
    status: str = ""
    pinned_by: str = ""


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """One configured, enabled package source. `url` is as written; `line` counts from 1 in `file`.

    `trusted` is apt's option of that name: whatever the source gives is taken, signed or not.
    """

    family: str
    url: str
    file: str
    line: int = 0
    suite: str = ""
    components: tuple[str, ...] = ()
    signed_by: str = ""
    trusted: bool = False
    name: str = ""
    excludes: tuple[str, ...] = ()
