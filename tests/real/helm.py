"""The real Helm, in a home of its own, against a control plane under test; and small charts for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.real.cluster import SECONDS
from tools.kubernetes.build import build_other
from tools.kubernetes.control_plane import ControlPlane

VERSION = "3.22.0"


def helm_program() -> Path:
    """Helm itself, built when it is not there."""
    return build_other(f"helm-{VERSION}")


class Helm:
    """Runs Helm in one namespace; `driver` is where it keeps releases."""

    def __init__(self, control_plane: ControlPlane, home: Path, namespace: str = "shop") -> None:
        self._command = [str(helm_program()), "--namespace", namespace]
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "KUBECONFIG": str(control_plane.kubeconfig("super-admin")),
        }

    def run(self, *arguments: str, driver: str = "secret") -> subprocess.CompletedProcess[str]:
        """How one command ends, whichever way."""
        environment = {**self._environment, "HELM_DRIVER": driver}
        command = [*self._command, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS)

    def does(self, *arguments: str, driver: str = "secret") -> str:
        """What one command says, which must work."""
        done = self.run(*arguments, driver=driver)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuses(self, *arguments: str, driver: str = "secret") -> str:
        """What one command says that must not work."""
        done = self.run(*arguments, driver=driver)
        assert done.returncode != 0, done.stdout
        return done.stderr


def chart(folder: Path, templates: Mapping[str, str], values: str = "", **metadata: str) -> Path:
    """Write a chart of these templates; its name is the folder's."""
    (folder / "templates").mkdir(parents=True)
    lines = {"apiVersion": "v2", "name": folder.name, "version": "1.2.3", "appVersion": '"4.5"', **metadata}
    (folder / "Chart.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()), encoding="utf-8")
    (folder / "values.yaml").write_text(values, encoding="utf-8")
    for name, text in templates.items():
        (folder / "templates" / name).write_text(text, encoding="utf-8")
    return folder
