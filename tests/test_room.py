"""Room on disks: what the kubelet's thresholds come to, and on which file system a path lies."""

from __future__ import annotations

from typing import Any

import pytest

from kubepreflight.host import FileSystem, Host, KubeletConfigFile, KubeletFlag, KubeletSettings, Machine, Missing
from kubepreflight.knowledge.nodes import NodeNeeds
from kubepreflight.semantics.planned_kubelets import CONFIG, PlannedKubelets
from kubepreflight.semantics.room import DELETES, EVICTS, FULL, LATER, shortages, thresholds

NEEDS = NodeNeeds.provide()
GIB = 1 << 20
DEFAULTS = {**NEEDS.eviction.hard, "images": "15%"}


def host(values: dict[str, Any], flag: str = "") -> Host:
    flags = (KubeletFlag(name="eviction-hard", value=flag),) if flag else ()
    files = (KubeletConfigFile(path=CONFIG, values=values),)
    return Host(name="w1", file="", kubelet=KubeletSettings(flags=flags, files=files))


@pytest.mark.parametrize(
    ("values", "flag", "limits"),
    [
        ({}, "", DEFAULTS),
        ({"evictionHard": None}, "", DEFAULTS),
        ({"evictionHard": {"nodefs.available": "1Gi"}}, "", {"nodefs.available": "1Gi", "images": "15%"}),
        ({"evictionHard": {}}, "nodefs.available<5%,x", {"nodefs.available": "5%", "images": "15%"}),
        (
            {"evictionHard": {"nodefs.available": "5%"}, "mergeDefaultEvictionSettings": True},
            "",
            {**DEFAULTS, "nodefs.available": "5%"},
        ),
        ({"imageGCHighThresholdPercent": 90}, "", {**DEFAULTS, "images": "10%"}),
        # 100 switches it off
        ({"imageGCHighThresholdPercent": 100}, "", {**DEFAULTS, "images": "0%"}),
        ({"imageGCHighThresholdPercent": "many"}, "", {**DEFAULTS, "images": "0%"}),
        ({"evictionHard": ["nonsense"]}, "", DEFAULTS),
    ],
)
def test_the_thresholds(values: dict[str, Any], flag: str, limits: dict[str, str]) -> None:
    assert thresholds(host(values, flag), PlannedKubelets(), NEEDS.eviction) == limits


def test_thresholds_that_are_not_known() -> None:
    assert thresholds(Host(name="w1", file=""), PlannedKubelets(), NEEDS.eviction) == Missing("not collected")


def machine(available: float, *, images: float | None = None, steps: int = 1, limits: Any = None) -> str:
    """How it ends on a worker of 100 GiB, or with images on 100 GiB of their own."""
    one = FileSystem(path="/", device="/dev/a", mounted_on="/", size=100 * GIB, available=int(available * GIB))
    disks = [one]
    if images is not None:
        size = int(images * GIB)
        disks.append(FileSystem(path="/images", device="/dev/b", mounted_on="/images", size=100 * GIB, available=size))
    node = Host(name="w1", file="", machine=Machine(file_systems=tuple(disks), image_store="/images", etcd_size=0))
    limits = DEFAULTS if limits is None else limits
    return " ".join(
        f"{one.file_system.mounted_on} {one.outcome}" for one in shortages(node, steps, False, NEEDS.room, limits)
    )


@pytest.mark.parametrize(
    ("told", "ends"),
    [
        (machine(50), ""),
        (machine(0.5), f"/ {FULL}"),
        (machine(15.5), f"/ {EVICTS}"),
        (machine(50, images=15.1), f"/images {EVICTS}"),
        # programs and packages go to the other disk, whose threshold is the lower one
        (machine(11, images=50), ""),
        (machine(10.2, images=50), f"/ {EVICTS}"),
        (machine(15.5, limits={"images": "15%"}), f"/ {DELETES}"),
        (machine(2, limits={}), ""),
        (machine(2, limits={}, steps=8), f"/ {LATER}"),
        (machine(2, limits={"nodefs.available": "nonsense", "imagefs.available": "0%"}), ""),
        (machine(2, limits={"nodefs.available": "1.5Gi"}), f"/ {EVICTS}"),
    ],
)
def test_how_it_ends(told: str, ends: str) -> None:
    assert told == ends
