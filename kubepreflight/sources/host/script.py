"""The collector's script in one piece, as it travels to a node."""

from __future__ import annotations

import re
from importlib import resources

_PART = re.compile(r'^# shellcheck source=.*\n\. "\$\(dirname "\$0"\)/(?P<name>\w+\.sh)" # part$', re.MULTILINE)


def collect_script() -> str:
    """The whole collector as POSIX sh, its parts put in where it would read them; what `--print-script` prints."""
    folder = resources.files("kubepreflight.sources.host")
    main = (folder / "collect.sh").read_text(encoding="utf-8")
    return _PART.sub(lambda part: (folder / part["name"]).read_text(encoding="utf-8"), main)
