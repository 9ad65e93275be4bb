"""The cluster under test: what it holds, and what a scan of it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from kubepreflight.cli import cli
from kubepreflight.report import Report
from tests.real.objects import Object
from tests.real.side_by_side import side_by_side
from tools.kubernetes.client import Client, Refused, root_of
from tools.kubernetes.control_plane import ControlPlane
from tools.kubernetes.programs import program
from tools.waiting import until

SECONDS = 120
"""No scan of a small cluster takes longer, whatever the server does."""
AUDIT_LOG = "audit.log"
OTHER_FLAGS = {
    "runtime_config": "api/all=true",
    "feature_gates": "GenericWorkload=true,ListFromCacheSnapshot=false",
}
"""Flags of an API server that serves what is not served unasked, and that asks etcd for each page but the first: by
default it keeps a list's version in memory, until 15 s after etcd has forgotten it."""
VERSIONS = ("1.37.2", "1.36.3")
"""Under test where servers of different minors may differ."""
PLAN = ("--target", "1.37.99", "--at", f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}")
"""A plan that is the same in every scan, with a target up to which the tables of facts reach."""
KNOWN = (*PLAN, "--disable", "coredns-migration-fails")
"""The same, without the blocker that is true of every cluster here: kubeadm stops where there is no CoreDNS."""


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


def _scan(command: list[str]) -> Scan:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        status = cli([*command, "-o", f"json={report}"], standalone_mode=False)
        return Scan(status, json.loads(report.read_text(encoding="utf-8")), "")


class Cluster:
    """A control plane that holds what a test says, and nothing else."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.control_plane = control_plane
        self.client: Client = control_plane.client

    def holds(self, *objects: Object) -> list[Object]:
        """Write objects down, with their status, and their namespaces; what the server made of them."""
        return [self._create(one) for one in objects]

    def fill(self, objects: Iterable[Object]) -> None:
        """Write many objects down, side by side."""
        side_by_side(self.client.create, objects)

    def _create(self, value: Object) -> Object:
        namespace = value["metadata"].get("namespace")
        try:
            return self._made(value)
        except Refused as error:
            if error.status != 404 or not namespace:
                raise
        try:
            self.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        except Refused as error:
            if error.status != 409:  # another thread was quicker
                raise
        return self._made(value)

    def _made(self, value: Object) -> Object:
        """What was created. For a moment the server may take the namespace for the one that a test before had."""

        def ask() -> Object | None:
            try:
                return self.client.create(value)
            except Refused as error:
                if "because it is being terminated" in str(error):
                    return None
                raise

        return until(ask, 10) or self.client.create(value)

    def program(self, *arguments: str) -> list[str]:
        """A command line of the real program."""
        return [str(Path(sys.executable).with_name("kubepreflight")), *arguments]

    def command(self, *arguments: str, kubeconfig: Path | None = None) -> list[str]:
        """The command line of a scan of this cluster."""
        return self.program(*arguments, "--kubeconfig", str(kubeconfig or self.control_plane.kubeconfig()))

    def run(
        self, *arguments: str, kubeconfig: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the real program on it, in a process of its own."""
        command = self.command(*arguments, kubeconfig=kubeconfig)
        variables = {**os.environ, **(environment or {})}
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=SECONDS)

    def scan(
        self, *arguments: str, kubeconfig: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> Scan:
        """Scan it with the real program, in a process of its own."""
        done = self.run("scan", "-o", "json", *arguments, kubeconfig=kubeconfig, environment=environment)
        return Scan(done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr)

    def scan_here(self, *arguments: str, kubeconfig: Path | None = None) -> Scan:
        """Scan it by the same command line within this process: quicker, and a test may see each request of it.

        Raises KubepreflightError where the program would say why it cannot scan, and end with 2.
        """
        _, *command = self.command("scan", *arguments, kubeconfig=kubeconfig)
        return _scan(command)

    def scan_files(self, *arguments: str) -> Scan:
        """Scan files within this process: the cluster is not asked, and `--kubeconfig` would be refused."""
        _, *command = self.program("scan", *arguments)
        return _scan(command)

    def audited(self, user: str) -> list[Object]:
        """What the API server's audit log tells of a user's requests, in its order."""
        log = self.control_plane.folder / AUDIT_LOG
        events = map(json.loads, log.read_text(encoding="utf-8").splitlines())
        names = ("user", "impersonatedUser")
        return [event for event in events if user in [event.get(name, {}).get("username") for name in names]]

    def kubectl_command(self, version: str = "") -> list[str]:
        """How a command line of kubectl (of the cluster's version unless told) as the administrator begins."""
        kubectl = str(program("kubectl", version or self.control_plane.version))
        return [kubectl, "--kubeconfig", str(self.control_plane.kubeconfig())]

    def kubectl(self, *arguments: str, text: str | None = None, version: str = "") -> subprocess.CompletedProcess[str]:
        """Run kubectl (of the cluster's version unless told) as the administrator; `text` is its standard input."""
        command = [*self.kubectl_command(version), *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=SECONDS)

    def served(self) -> frozenset[tuple[str, str]]:
        """The group and the name of every resource that the server has, in whichever version."""
        groups = self.client.json("/apis")["groups"]
        versions = {one["groupVersion"]: group["name"] for group in groups for one in group["versions"]}
        return frozenset(
            (group, one["name"])
            for version, group in {"v1": "", **versions}.items()
            for one in self.client.json(root_of(version))["resources"]
        )

    def listed(self, path: str) -> Iterator[Object]:
        """The items of a list: `/api/v1/nodes`."""
        yield from self.client.json(path)["items"]
