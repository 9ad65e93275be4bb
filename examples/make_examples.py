#!/usr/bin/env python3
"""Make the dumps and host archives of the example clusters from their readable sources in `examples/sources`.

    python examples/make_examples.py [--to FOLDER]

Only NAME/dump and NAME/hosts are made; each example's README.md, kubepreflight.toml and manifests are kept by hand.
Everything that a real cluster would draw at random is derived from names, so that a second run changes nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sources import half, healthy, home

EXAMPLES = {"home-cluster": home.build, "healthy-cluster": healthy.build, "half-collected": half.build}


def main() -> None:
    """Make all examples."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=Path(__file__).parent, help="the folder to write into (%(default)s)")
    folder: Path = parser.parse_args().to
    for name, build in EXAMPLES.items():
        build(folder / name)


if __name__ == "__main__":
    main()
