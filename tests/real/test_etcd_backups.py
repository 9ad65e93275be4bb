"""What a real API server makes of a CronJob that saves etcd, and what the scan reads of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.real.cluster import PLAN, Cluster
from tests.real.objects import Object, node

RULE = "etcd-backup-missing"
NOW = datetime.now(UTC)


def etcd(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"etcd-{name}", "namespace": "kube-system", "labels": {"component": "etcd"}},
        "spec": {"nodeName": name, "containers": [{"name": "etcd", "image": "registry.k8s.io/etcd:3.6.8-0"}]},
    }


def cron_job(*, suspend: bool = False, succeeded: timedelta | None = None) -> Object:
    container = {"name": "save", "image": "registry.k8s.io/etcd:3.6.8-0", "args": ["etcdctl", "snapshot", "save", "/x"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    times = {} if succeeded is None else {"lastSuccessfulTime": f"{NOW - succeeded:%Y-%m-%dT%H:%M:%SZ}"}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "etcd-backup", "namespace": "kube-system"},
        "spec": {"schedule": "0 3 * * *", "suspend": suspend, "jobTemplate": {"spec": {"template": template}}},
        "status": times,
    }


@pytest.mark.parametrize(
    ("objects", "said", "status"),
    [
        ([], None, "partial"),
        ([cron_job()], "has not run yet", "checked"),
        ([cron_job(suspend=True, succeeded=timedelta(hours=2))], "is suspended", "checked"),
        ([cron_job(succeeded=timedelta(days=9, hours=1))], "last succeeded 9 days ago", "checked"),
        ([cron_job(succeeded=timedelta(hours=2))], None, "checked"),
    ],
)
def test_a_cron_job_as_the_server_tells_it(
    cluster: Cluster, objects: list[Object], said: str | None, status: str
) -> None:
    cluster.holds(node("cp1", control_plane=True), etcd("cp1"), *objects)
    scan = cluster.scan(*PLAN, "--only", RULE)
    assert scan.coverage(RULE)["status"] == status
    messages = [one["message"] for one in scan.findings(RULE)]
    assert len(messages) == (said is not None)
    assert all(said in message for message in messages if said)
