"""python -m tools.packages: makes the Debian roots in which tests and replays run dpkg, apt and sshd, if not there."""

from __future__ import annotations

import sys

from tools.kubernetes.build import BuildError
from tools.packages.base import LOGIN, base
from tools.packages.machine import PackagesError

if __name__ == "__main__":
    try:
        print(base())
        print(base(*LOGIN))
    except (BuildError, PackagesError) as error:
        sys.exit(f"tools.packages: {error}")
