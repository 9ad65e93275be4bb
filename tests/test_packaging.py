"""What is installed is what lies here."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_on_disk_is_named_in_setup_cfg() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    named = set(config["options"]["packages"].split())
    on_disk = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("kubepreflight", "rules", "reports")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert named == {one if one.startswith("kubepreflight") else f"kubepreflight.{one}" for one in on_disk}


def test_nothing_heavy_is_imported_for_help() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from kubepreflight.cli import cli;"
        "r = CliRunner().invoke(cli, ['scan', '--help']); assert r.exit_code == 0, r;"
        "print([m for m in ('kubernetes', 'jinja2', 'cryptography', 'rich', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
