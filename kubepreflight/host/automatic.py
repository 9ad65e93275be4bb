"""What upgrades a node's packages by itself."""

from __future__ import annotations

import msgspec

from kubepreflight.host.missing import Missing


class AutomaticTool(msgspec.Struct, frozen=True, kw_only=True):
    """One tool that may: `unattended-upgrades`, `dnf-automatic` or `yum-cron`.

    `runs` says whether it is there, switched on and started by a timer. Of unattended-upgrades, `origins` are the
    patterns of the repositories that it takes from, in the form of Origins-Pattern (`origin=Debian,label=Debian`), and
    `blacklist` and `whitelist` regular expressions for the beginning of packages' names; a whitelist that is not
    strict keeps nothing out, and is left away. `only_security` is true for
    one that takes nothing but what an advisory names.
    """

    tool: str
    runs: bool
    origins: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    whitelist: tuple[str, ...] = ()
    only_security: bool = False


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One apt repository as it names itself; `url` and `suite` are as in the node's sources."""

    url: str
    suite: str = ""
    site: str = ""
    origin: str = ""
    label: str = ""
    archive: str = ""
    codename: str = ""
    component: str = ""


class AutomaticUpgrades(msgspec.Struct, frozen=True, kw_only=True):
    """The tools of one node, and the repositories among which unattended-upgrades chooses."""

    tools: tuple[AutomaticTool, ...] | Missing = Missing("not collected")
    releases: tuple[Release, ...] | Missing = Missing("not collected")
