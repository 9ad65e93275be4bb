"""What is wrong with a running pod, as `kubectl get pods` would show it."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from kubepreflight.objects import Condition, Pod
from kubepreflight.parts import ContainerStatus

STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
"""Why a container waits when it does not get on by itself."""

WITHOUT_IMAGE = frozenset({"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"})
"""Those of them in which the image is what is missing."""

UNSCHEDULABLE = "Unschedulable"
RESTARTS = "restarts"
REBOOTED = "Unknown"
"""What containerd says of a container that it finds dead when it comes up itself: the node was restarted."""
NOT_READY = "not ready"
NOT_YET = "not ready yet"
SETTLES = timedelta(minutes=2)
"""How long a pod may be without being ready when all is well: the scheduler starts anew when its API server does."""
MANY_RESTARTS = 3
RECENT = timedelta(days=1)


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong: a short `reason` that equal pods share, and a sentence about this one."""

    reason: str
    text: str


def trouble_of(pod: Pod, now: datetime | None) -> Trouble | None:
    """What is wrong with a pod; None when nothing is, or it has ended, or is being deleted.

    `now` is when the pods were read, as far as it is known: without it, restarts are not judged, and nothing is taken
    for a start that is still under way.
    """
    if pod.is_finished or pod.metadata.deletion_timestamp is not None:
        return None
    statuses = [*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())]
    return (
        next((trouble for one in statuses if (trouble := _waiting(one))), None)
        or _unschedulable(pod)
        or next((trouble for one in statuses if (trouble := _restarting(one, now))), None)
        or _unready(pod, now)
    )


def is_settling(pod: Pod, now: datetime | None) -> bool:
    """Whether it became unready so short a time before `now` that it may just have been started."""
    ready = _readiness(pod)
    since = ready.last_transition_time if ready is not None and ready.status != "True" else None
    return now is not None and since is not None and now - since < SETTLES


def _readiness(pod: Pod) -> Condition | None:
    return next((one for one in pod.status.conditions or () if one.type == "Ready"), None)


def _waiting(status: ContainerStatus) -> Trouble | None:
    waiting = status.state.waiting if status.state else None
    if waiting is None or waiting.reason not in STUCK:
        return None
    why = " ".join((waiting.message or "").split())[:200]
    return Trouble(waiting.reason, f"its container {status.name} is in {waiting.reason}{f': {why}' if why else ''}")


def _unschedulable(pod: Pod) -> Trouble | None:
    for one in pod.status.conditions or ():
        if (one.type, one.status, one.reason) == ("PodScheduled", "False", UNSCHEDULABLE):
            return Trouble(UNSCHEDULABLE, f"no node takes it: {' '.join((one.message or '').split())[:200]}")
    return None


def _restarting(status: ContainerStatus, now: datetime | None) -> Trouble | None:
    ended = status.last_state.terminated if status.last_state else None
    if ended is None or ended.finished_at is None or ended.reason == REBOOTED or now is None:
        return None
    if status.restart_count < MANY_RESTARTS or now - ended.finished_at > RECENT:
        return None
    how = f" ({ended.reason})" if ended.reason else ""
    times = f"{status.restart_count} times, last at {ended.finished_at:%H:%M}{how}"
    return Trouble(RESTARTS, f"its container {status.name} was restarted {times}")


def _unready(pod: Pod, now: datetime | None) -> Trouble | None:
    ready = _readiness(pod)
    if ready is None or ready.status == "True" or pod.status.phase != "Running":
        return None
    why = ready.message or ready.reason or "no reason is given"
    if is_settling(pod, now):
        return Trouble(NOT_YET, f"it runs and is not ready, for less than two minutes so far: {why}")
    return Trouble(NOT_READY, f"it runs and is not ready: {why}")
