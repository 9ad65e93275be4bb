"""Which packages unattended-upgrades would take, as it decides itself.

It takes a package when one of its patterns matches a repository that has a later version, no item of its blacklist
matches the beginning of the package's name, and one of its strict whitelist does if there is one; never what is held.
Source: `unattended-upgrade` itself (2.9.1), functions match_whitelist_string, is_pkgname_in_blacklist and
pinning_from_config.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from kubepreflight.host import Release

_KEYS = {
    **dict.fromkeys(("o", "origin"), "origin"),
    **dict.fromkeys(("l", "label"), "label"),
    **dict.fromkeys(("a", "suite", "archive"), "archive"),
    **dict.fromkeys(("c", "component"), "component"),
    **dict.fromkeys(("n", "codename"), "codename"),
    "site": "site",
}
_COMMA = "\0"
_SIMPLE = re.compile(r"[A-Za-z0-9_.^$|()\[\]*+?\\-]*")
_MAY_TAKE_LONG = re.compile(r"\)[*+?]|([*+?].*){4}")
LONGEST = 200


def matches(pattern: str, release: Release) -> bool:
    """Whether an origin's pattern (`origin=Debian,label=Debian`) covers a repository."""
    if not pattern.strip() or len(pattern) > LONGEST:
        return False
    for token in pattern.replace("\\,", _COMMA).split(","):
        key, equals, value = token.partition("=")
        field = _KEYS.get(key.strip())
        if not equals or field is None:
            return False
        if not fnmatchcase(getattr(release, field), value.strip().replace(_COMMA, ",")):
            return False
    return True


def begins_like(name: str, expressions: Sequence[str]) -> bool | None:
    """Whether the beginning of a package's name matches one of some regular expressions.

    None when none does that can be tried: what strangers write is run only where it cannot take long.
    """
    tried = [
        one for one in expressions if len(one) <= LONGEST and _SIMPLE.fullmatch(one) and not _MAY_TAKE_LONG.search(one)
    ]
    for one in tried:
        try:
            if re.match(one, name):
                return True
        except re.error:
            return None
    return False if len(tried) == len(expressions) else None
