"""python -m tools.knowledge [--anew] [TABLE...]: writes the tables, or all of them, anew.

What a release knows is read where there is no record of it yet, or of another patch; with --anew in any case. That
needs Go and a Go module proxy. A second run changes nothing.
"""

from __future__ import annotations

import argparse
import sys

from tools.knowledge import makers, records
from tools.kubernetes.modules import ModuleError


def main() -> int:
    """Read what is missing, and write the tables. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.knowledge", description="Writes the generated tables anew.")
    parser.add_argument("--anew", action="store_true", help="read every release, also those that were read before")
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(makers.names())}; default: all")
    arguments = parser.parse_args()
    if unknown := set(arguments.tables) - set(makers.names()):
        parser.error(f"no such table: {', '.join(sorted(unknown))}")
    try:
        for table in arguments.tables or makers.names():
            _make(table, arguments.anew)
    except ModuleError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _make(table: str, anew: bool) -> None:
    for pin in makers.pins_of(table).pins:
        if anew or not records.is_current(table, pin):
            print(f"reading {table} of {pin.release}", file=sys.stderr)
            records.write(table, pin, makers.maker(table).read(pin))
    makers.path_of(table).write_text(makers.text_of(table), encoding="utf-8")
    print(f"wrote {makers.path_of(table).name}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
