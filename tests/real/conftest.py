"""Fixtures of the real parts: a control plane for the whole session, wiped between tests.

`cluster` is an empty cluster of the newest version; `clusters(VERSION)` one of another, or one whose API server has
more flags; `controllers` the same as `cluster` with a real kube-controller-manager. All listen on free ports of
127.0.0.1, and end with the session, also when it crashes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from tests.real.cluster import AUDIT_LOG, Cluster
from tests.real.machine import Machine
from tests.real.mid_scan import MidScan
from tools.kubernetes.client import Object
from tools.kubernetes.control_plane import ControlPlane
from tools.kubernetes.programs import default_version
from tools.kubernetes.wipe import Key, contents, wipe

FLAGS = {
    # Without controllers nobody makes the ServiceAccounts that this plugin asks for.
    "disable-admission-plugins": "ServiceAccount",
}
AUDIT_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: [kubernetes-super-admin, "system:apiserver"]  # the tests themselves, and the server
- level: Metadata
"""


class Clusters(Protocol):
    """An empty cluster of a version, whose API server has these flags beyond the usual ones (`_` for `-`)."""

    def __call__(self, version: str = "", **flags: str) -> Cluster: ...


class Running:
    """The control planes of this session, each started when the first test asks for it."""

    def __init__(self, stack: ExitStack, factory: pytest.TempPathFactory) -> None:
        self._stack = stack
        self._factory = factory
        self._known: dict[object, tuple[Cluster, dict[Key, Object]]] = {}

    def clean(self, version: str = "", **flags: str) -> Cluster:
        """The cluster of one version and with these flags of its API server, as it was when it was new."""
        version = version or default_version()
        key = version, *sorted(flags.items())
        if key not in self._known:
            cluster = Cluster(self._stack.enter_context(self._control_plane(version, flags)))
            self._known[key] = cluster, contents(cluster.client)
        else:
            cluster, before = self._known[key]
            wipe(cluster.client, before)
        return self._known[key][0]

    def _control_plane(self, version: str, flags: dict[str, str]) -> ControlPlane:
        folder = self._factory.mktemp(f"kubernetes-{version}-")
        policy = folder / "audit.yaml"
        policy.write_text(AUDIT_POLICY, encoding="utf-8")
        audit = {"audit-policy-file": str(policy), "audit-log-path": str(folder / AUDIT_LOG)}
        more = {name.replace("_", "-"): value for name, value in flags.items()}
        return ControlPlane(folder, version, flags={"kube-apiserver": {**FLAGS, **audit, **more}})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A skipped test is a failed one here: what a real part was to prove would go unproved in silence."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which no test of the real parts may be: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with ExitStack() as stack:
        yield Running(stack, tmp_path_factory)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine with nothing on it, for programs that are only asked."""
    return Machine(tmp_path_factory.mktemp("empty-"))


@pytest.fixture
def clusters(running: Running) -> Clusters:
    """An empty cluster of a version, or of one whose API server has more flags."""
    return running.clean


@pytest.fixture
def cluster(running: Running) -> Cluster:
    """An empty cluster."""
    return running.clean()


@pytest.fixture
def controllers(cluster: Cluster) -> Iterator[Cluster]:
    """An empty cluster with a controller-manager that keeps the status of budgets, and does nothing else.

    The others would make pods and delete them: a test says itself what there is.
    """
    cluster.control_plane.start_controllers(controllers="disruption-controller")
    yield cluster
    cluster.control_plane.stop_controllers()


@pytest.fixture
def mid_scan(monkeypatch: pytest.MonkeyPatch) -> MidScan:
    """What is done to the server in the middle of a scan within this process (`cluster.scan_here`)."""
    return MidScan(monkeypatch)
