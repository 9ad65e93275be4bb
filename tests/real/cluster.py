"""The cluster under test: what it holds, and what a scan of it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from kubepreflight.report import Report
from tests.real.objects import Object
from tools.kubernetes.client import Client, Refused
from tools.kubernetes.control_plane import ControlPlane
from tools.kubernetes.programs import program

SECONDS = 120
"""No scan of a small cluster takes longer, whatever the server does."""


class Scan(msgspec.Struct, frozen=True):
    """How a scan ended: its exit status, its report when there is one, what it said on standard error."""

    status: int
    report: dict[str, Any] | None
    error: str

    def findings(self, rule: str) -> list[dict[str, Any]]:
        """What one rule found."""
        assert self.report is not None, self.error
        return [one for one in self.report["findings"] if one["rule"] == rule]

    def coverage(self, rule: str) -> dict[str, Any]:
        """How much of its work one rule could do."""
        assert self.report is not None, self.error
        (found,) = (one for one in self.report["coverage"] if one["rule"] == rule)
        return dict(found)

    def typed(self) -> Report:
        """The report as the program knows it."""
        assert self.report is not None, self.error
        return msgspec.convert(self.report, Report)


class Cluster:
    """A control plane that holds what a test says, and nothing else."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.control_plane = control_plane
        self.client: Client = control_plane.client

    def holds(self, *objects: Object) -> list[Object]:
        """Write objects down, with their status, and their namespaces; what the server made of them."""
        return [self._create(one) for one in objects]

    def _create(self, value: Object) -> Object:
        namespace = value["metadata"].get("namespace")
        try:
            return self.client.create(value)
        except Refused as error:
            if error.status != 404 or not namespace:
                raise
        try:
            self.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        except Refused as error:
            if error.status != 409:  # another thread was quicker
                raise
        return self.client.create(value)

    def command(self, *arguments: str, kubeconfig: Path | None = None) -> list[str]:
        """The command line of a scan of this cluster."""
        own = kubeconfig or self.control_plane.kubeconfig()
        return [str(Path(sys.executable).with_name("kubepreflight")), *arguments, "--kubeconfig", str(own)]

    def scan(
        self, *arguments: str, kubeconfig: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> Scan:
        """Scan it with the real program, in a process of its own."""
        command = self.command("scan", "-o", "json", *arguments, kubeconfig=kubeconfig)
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env={**os.environ, **(environment or {})},
        )
        return Scan(done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr)

    def kubectl(self, *arguments: str, text: str | None = None, version: str = "") -> subprocess.CompletedProcess[str]:
        """Run kubectl (of the cluster's version unless told) as the administrator; `text` is its standard input."""
        kubectl = str(program("kubectl", version or self.control_plane.version))
        command = [kubectl, "--kubeconfig", str(self.control_plane.kubeconfig()), *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=SECONDS)

    def listed(self, path: str) -> Iterator[Object]:
        """The items of a list: `/api/v1/nodes`."""
        yield from self.client.json(path)["items"]
