"""Services of systemd on a node."""

from __future__ import annotations

import msgspec


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One service as systemd sees it: its own words, empty where it gave none.

    `enabled` is UnitFileState (`enabled`, `disabled`, `masked`), `active` ActiveState (`active`, `failed`), `loaded`
    LoadState (`loaded`, `not-found`, `masked`); `reload` says that a file was changed and systemd not told.
    """

    name: str
    loaded: str = ""
    enabled: str = ""
    active: str = ""
    main_pid: int = 0
    reload: bool = False
