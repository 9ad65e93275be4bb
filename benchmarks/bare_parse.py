"""What a plain PyYAML program does with a tree: parse every file with the C loader, and do nothing with it.

Usage: python -m benchmarks.bare_parse FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml


def main(folder: str) -> int:
    """Parse all of it; the number of documents."""
    count = 0
    for path in sorted(Path(folder).rglob("*.y*ml")):
        try:
            count += sum(1 for _ in yaml.load_all(path.read_bytes(), yaml.CSafeLoader))
        except yaml.YAMLError:
            continue
    return count


if __name__ == "__main__":
    print(main(sys.argv[1]))
