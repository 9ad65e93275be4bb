"""What the tables cost: import what reads them, and with `tables` read all of them too.

Usage: python -m benchmarks.load_knowledge [tables]
"""

from __future__ import annotations

import sys

from kubepreflight.knowledge import tables


def main(what: str) -> int:
    """Read what is asked for; the number of tables."""
    kinds = list(tables.kinds())
    return len([kind.provide() for kind in kinds]) if what == "tables" else len(kinds)


if __name__ == "__main__":
    print(main(*sys.argv[1:2] or ("modules",)))
