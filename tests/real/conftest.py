"""Fixtures of the real parts: a control plane for the whole session, wiped between tests.

`cluster` is an empty cluster of the newest version; `clusters(VERSION)` one of another; `controllers` the same
as `cluster` with a real kube-controller-manager. All listen on free ports of 127.0.0.1, and end with the session,
also when it crashes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.real.cluster import Cluster
from tools.kubernetes.client import Object
from tools.kubernetes.control_plane import ControlPlane
from tools.kubernetes.programs import default_version
from tools.kubernetes.wipe import Key, contents, wipe

Clusters = Callable[[str], Cluster]
FLAGS = {
    # Without controllers nobody makes the ServiceAccounts that this plugin asks for.
    "kube-apiserver": {"disable-admission-plugins": "ServiceAccount"},
}


class Running:
    """The control planes of this session, each started when the first test asks for it."""

    def __init__(self, stack: ExitStack, factory: pytest.TempPathFactory) -> None:
        self._stack = stack
        self._factory = factory
        self._known: dict[str, tuple[Cluster, dict[Key, Object]]] = {}

    def clean(self, version: str) -> Cluster:
        """The cluster of one version, as it was when it was new."""
        if version not in self._known:
            folder = self._factory.mktemp(f"kubernetes-{version}-")
            cluster = Cluster(self._stack.enter_context(ControlPlane(folder, version, flags=FLAGS)))
            self._known[version] = cluster, contents(cluster.client)
        else:
            cluster, before = self._known[version]
            wipe(cluster.client, before)
        return self._known[version][0]


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


@pytest.fixture
def clusters(running: Running) -> Clusters:
    """An empty cluster of a version."""
    return running.clean


@pytest.fixture
def cluster(running: Running) -> Cluster:
    """An empty cluster."""
    return running.clean(default_version())


@pytest.fixture
def controllers(cluster: Cluster) -> Iterator[Cluster]:
    """An empty cluster with a controller-manager that keeps the status of budgets, and does nothing else.

    The others would make pods and delete them: a test says itself what there is.
    """
    cluster.control_plane.start_controllers(controllers="disruption-controller")
    yield cluster
    cluster.control_plane.stop_controllers()
