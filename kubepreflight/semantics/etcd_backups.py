"""Who takes snapshots of etcd, and when the last ones were taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from kubepreflight.host import EtcdSnapshot, Host, Missing
from kubepreflight.objects import Api, Container, KubernetesObject, Pod, PodSpec
from kubepreflight.parts import Part, Timestamp

_SAVES = re.compile(r"snapshot\s+save|etcd(ctl|utl)\s+backup|etcdbrctl\s+snapshot")
_ABOUT_BACKUPS = re.compile(r"snapshot|backup|dump|save")
_OTHER_WORK = re.compile(r"clean|prune|purge|rotat|delet|restor|check|verif|monitor|defrag")
_OPERATOR = re.compile(r"etcd[-_]?(backup|snapshot|druid)|(backup|snapshot)[-_]etcd|etcdbr(ctl)?\b")
_LONGEST = 20_000


class PodTemplate(Part, frozen=True):
    """What a Job makes its pods from."""

    spec: PodSpec = PodSpec()


class JobSpec(Part, frozen=True):
    """A Job's spec."""

    template: PodTemplate = PodTemplate()


class JobTemplate(Part, frozen=True):
    """What a CronJob makes its Jobs from."""

    spec: JobSpec = JobSpec()


class CronJobSpec(Part, frozen=True):
    """A CronJob's spec."""

    schedule: str = ""
    suspend: bool | None = None
    job_template: JobTemplate = JobTemplate()


class CronJobStatus(Part, frozen=True):
    """When it last made a Job, and when one last succeeded, which is told since 1.21."""

    last_schedule_time: Timestamp | None = None
    last_successful_time: Timestamp | None = None


class CronJob(KubernetesObject):
    """A CronJob."""

    api = Api("batch", "CronJob", "cronjobs")
    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()

    @property
    def saves_etcd(self) -> bool:
        """Whether it seems to take snapshots of etcd: by its name, its images and its commands."""
        spec = self.spec.job_template.spec.template.spec
        name, text = self.name.lower(), _text((*(spec.init_containers or ()), *(spec.containers or ())))
        if "etcd" not in f"{name} {text}":
            return False
        if _SAVES.search(text):
            return True
        return not _OTHER_WORK.search(name) and _ABOUT_BACKUPS.search(f"{name} {text}") is not None

    @property
    def cannot_tell_success(self) -> bool:
        """Whether it has run on a cluster that does not write down which Jobs of it succeeded."""
        return self.api_version == "batch/v1beta1"


def _text(containers: Iterable[Container]) -> str:
    words = (word for one in containers for word in (one.image or "", *(one.command or ()), *(one.args or ())))
    return " ".join(words)[:_LONGEST].lower()


def may_save_etcd(pod: Pod) -> bool:
    """Whether a pod that stays looks like an operator that takes snapshots of etcd."""
    if pod.is_finished or pod.is_mirror or pod.spec.restart_policy not in (None, "Always"):
        return False
    return _OPERATOR.search(_text(pod.spec.containers or ())) is not None


class Seen(NamedTuple):
    """A snapshot on a host's disk, and when it was looked at."""

    host: Host
    snapshot: EtcdSnapshot
    looked_at: datetime


def snapshots_on(hosts: Iterable[Host], now: datetime) -> Iterator[Seen]:
    """All snapshots on the hosts' disks; a host that does not say when it was looked at was looked at `now`."""
    for host in hosts:
        if not isinstance(host.etcd_data.snapshots, Missing):
            for snapshot in host.etcd_data.snapshots:
                yield Seen(host, snapshot, host.collected_at or now)
