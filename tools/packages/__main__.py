"""python -m tools.packages: makes the Debian root in which tests and replays run dpkg and apt, if it is not there."""

from __future__ import annotations

import sys

from tools.packages.base import base
from tools.packages.machine import PackagesError

if __name__ == "__main__":
    try:
        print(base())
    except PackagesError as error:
        sys.exit(f"tools.packages: {error}")
