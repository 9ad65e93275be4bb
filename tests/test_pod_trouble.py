from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from kubepreflight.objects import Pod
from kubepreflight.semantics.pod_trouble import STUCK, trouble_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
READY = [{"type": "Ready", "status": "True"}]
UNREADY = [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]


def pod(status: dict[str, Any], **metadata: Any) -> Pod:
    return msgspec.convert({"metadata": {"name": "p", **metadata}, "status": status}, Pod)


def waiting(reason: str) -> dict[str, Any]:
    return {"name": "c", "state": {"waiting": {"reason": reason}}}


def restarted(count: int, ago: timedelta) -> dict[str, Any]:
    ended = {"finishedAt": (NOW - ago).isoformat()}
    return {"name": "c", "restartCount": count, "state": {}, "lastState": {"terminated": ended}}


def since(ago: timedelta) -> dict[str, str]:
    """Nodes report every few minutes: what has changed since is later than the last report."""
    return {"lastTransitionTime": (NOW - ago).isoformat()}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *(({"phase": "Pending", "containerStatuses": [waiting(one)]}, one) for one in sorted(STUCK)),
        ({"phase": "Pending", "initContainerStatuses": [waiting("CrashLoopBackOff")]}, "CrashLoopBackOff"),
        ({"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]}, None),
        ({"phase": "Running", "conditions": UNREADY}, "not ready"),
        ({"phase": "Running", "conditions": [UNREADY[0] | since(timedelta(seconds=121))]}, "not ready"),
        ({"phase": "Running", "conditions": [UNREADY[0] | since(timedelta(seconds=119))]}, "not ready yet"),
        ({"phase": "Running", "conditions": [UNREADY[0] | since(-timedelta(minutes=4))]}, "not ready yet"),
        ({"phase": "Pending", "conditions": UNREADY}, None),
        ({"phase": "Running", "conditions": READY}, None),
        ({"phase": "Succeeded", "conditions": UNREADY}, None),
        ({"phase": "Failed", "containerStatuses": [waiting("CrashLoopBackOff")]}, None),
        ({"conditions": READY, "containerStatuses": [restarted(3, timedelta(hours=23))]}, "restarts"),
        ({"conditions": READY, "containerStatuses": [restarted(2, timedelta(hours=1))]}, None),
        ({"conditions": READY, "containerStatuses": [restarted(99, timedelta(hours=25))]}, None),
        ({}, None),
    ],
)
def test_the_trouble_of_a_pod(status: dict[str, Any], reason: str | None) -> None:
    trouble = trouble_of(pod(status), NOW)
    assert (trouble.reason if trouble else None) == reason


def test_a_pod_that_is_being_deleted_has_none() -> None:
    assert trouble_of(pod({"phase": "Running", "conditions": UNREADY}, deletionTimestamp=NOW.isoformat()), NOW) is None


def test_restarts_are_not_judged_without_a_clock() -> None:
    assert trouble_of(pod({"conditions": READY, "containerStatuses": [restarted(9, timedelta())]}), None) is None
