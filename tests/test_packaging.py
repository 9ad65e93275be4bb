"""What is installed is what lies here."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

from kubepreflight.knowledge import tables

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


def test_a_build_compiles_the_documents_of_facts(tmp_path: Path) -> None:
    build = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    code = (
        "import sys; from kubepreflight.knowledge import documents, tables; documents.parse = None;"
        "print(tables.__file__, len([kind.provide() for kind in tables.kinds()]), 'yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    file, count, parsed = done.stdout.split()
    assert Path(file).is_relative_to(tmp_path)
    assert int(count) == len(list(tables.kinds()))
    assert parsed == "False"


def test_the_image_is_built_of_all_that_the_package_is_built_of() -> None:
    copied = {
        line[1:] for line in (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert copied >= {"kubepreflight", "rules", "reports", "setup.py", "setup.cfg", "pyproject.toml", "README.md"}
