"""Which programs are told to behave as an older version: `--emulated-version`, of those in the control plane.

Their gates then have the states that they had there; what is gone is gone all the same. Tried with kube-scheduler
1.36.3 and 1.37.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kubepreflight.semantics.setting import Setting
from kubepreflight.version import Minor

FLAG = "emulated-version"
_KUBES = re.compile(r"(?:kube=)?(1\.\d{1,3})", re.ASCII)


class Emulation:
    """The minors that programs are told to behave as."""

    def __init__(self, flags: Iterable[Setting]) -> None:
        self._told: dict[tuple[str, ...], Minor] = {}
        for one in flags:
            for item in one.items if one.name == FLAG else ():
                if found := _KUBES.fullmatch(item):
                    self._told[one.program] = Minor.parse(found[1])

    def of(self, setting: Setting, minor: Minor) -> Minor:
        """The minor as which the program behaves that reads this setting, when it is of `minor` itself."""
        return min(minor, self._told.get(setting.program, minor))
