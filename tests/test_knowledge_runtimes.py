"""What Kubernetes asks of container runtimes, row by row."""

from __future__ import annotations

import pytest

from kubepreflight.knowledge.patches import PatchNames
from kubepreflight.knowledge.runtimes import Runtimes
from kubepreflight.version import Minor, Version

RUNTIMES = Runtimes.provide()


@pytest.mark.parametrize(
    ("kubelet", "gate", "asks"),
    [
        ("1.27", True, False),
        ("1.28", None, False),
        ("1.28", True, True),
        ("1.31", None, True),
        ("1.33", False, False),
        # Locked: what is set no longer counts.
        ("1.34", False, True),
        ("1.37", None, True),
    ],
)
def test_when_a_kubelet_asks_for_the_cgroup_driver(kubelet: str, gate: bool | None, asks: bool) -> None:
    assert RUNTIMES.file.cgroup_driver.asked_by(Minor.parse(kubelet), gate=gate) is asks


@pytest.mark.parametrize(
    ("runtime", "version", "tells"),
    [
        ("containerd", "1.7.27", False),
        ("containerd", "2.0.0", True),
        ("cri-o", "1.27.4", False),
        ("cri-o", "1.28.0", True),
        ("docker", "28.0.1", None),
    ],
)
def test_which_runtimes_tell_it(runtime: str, version: str, tells: bool | None) -> None:
    assert RUNTIMES.tells_cgroup_driver(runtime, Version.parse(version)) is tells


def test_frozen_registries() -> None:
    assert RUNTIMES.frozen("k8s.gcr.io/pause:3.6") is not None
    assert RUNTIMES.frozen("gcr.io/google_containers/pause-amd64:3.1") is not None
    assert RUNTIMES.frozen("registry.k8s.io/pause:3.6") is None
    assert RUNTIMES.frozen("k8s.gcr.io.example.com/pause:3.6") is None


def test_every_row_has_a_source() -> None:
    file = RUNTIMES.file
    sources = [*(one.source for one in file.oldest), *(one.source for one in file.frozen)]
    sources += [
        file.runtime_config.source,
        file.cgroup_driver.source,
        file.dockershim_source,
        file.protecting_flag_source,
        PatchNames.provide().file.source,
    ]
    assert all(source.startswith("https://") for source in sources)
