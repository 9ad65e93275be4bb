"""What a plain upgrade of a node's whole system would do today."""

from __future__ import annotations

import msgspec

from kubepreflight.host.missing import Missing


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of one package: `candidate` in place of `installed`.

    `installed` is empty for a package that would come anew, `candidate` for one that would be removed.
    """

    name: str
    installed: str = ""
    candidate: str = ""


class PlainUpgrade(msgspec.Struct, frozen=True, kw_only=True):
    """The package manager's own simulation, with the package lists that the node has.

    `upgrade` is what `apt-get upgrade` or `dnf upgrade` would change, `full_upgrade` what `apt-get dist-upgrade` would,
    which installs and removes for it. `kept_back` is what `upgrade` leaves although there is something newer, because
    of a hold or of what it would need.
    """

    upgrade: tuple[Change, ...] | Missing = Missing("not collected")
    full_upgrade: tuple[Change, ...] | Missing = Missing("not collected")
    kept_back: tuple[str, ...] = ()
