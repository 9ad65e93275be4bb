"""Small packages, made by the real dpkg-deb."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CONFIGURATION = "/etc/"
"""Files below it are conffiles, as dpkg's helpers make them."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """What is in a package. `files` maps the path on the node to the text; one that begins with #! is a program.

    `version` is dpkg's whole version (`1.36.3-1.1`); `depends`, `recommends` and `conflicts` are written as in
    debian/control.
    `scripts` are those that dpkg runs (`preinst`, `postinst` …) by their names.
    """

    name: str
    version: str
    depends: str = ""
    recommends: str = ""
    conflicts: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    architecture: str

    @property
    def file_name(self) -> str:
        """The name under which it is published."""
        return f"{self.name}_{self.version}_{self.architecture}.deb"

    def control(self) -> str:
        """Its control file, one field a line; those that are empty are left out."""
        fields = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": self.architecture,
            "Maintainer": "Kubernetes Authors <dev@kubernetes.io>",
            "Priority": "optional",
            "Section": "net",
            "Depends": self.depends,
            "Recommends": self.recommends,
            "Conflicts": self.conflicts,
            "Description": f"{self.name}, a stand-in for the real package",
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def build(package: Package, folder: Path) -> Path:
    """Make the package in `folder`; returns its file. Raises CalledProcessError when dpkg-deb refuses it."""
    target = folder / package.file_name
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        configuration = [path for path in package.files if path.startswith(CONFIGURATION)]
        _write(tree / "DEBIAN" / "control", package.control())
        _write(tree / "DEBIAN" / "conffiles", "".join(f"{path}\n" for path in configuration))
        for name, script in package.scripts.items():
            _write(tree / "DEBIAN" / name, script)
        for path, text in package.files.items():
            _write(tree / path.lstrip("/"), text)
        command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(target)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return target


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755 if text.startswith("#!") else 0o644)
