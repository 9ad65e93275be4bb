"""Which CronJobs and pods are taken for those that save etcd."""

from __future__ import annotations

from typing import Any

import pytest

from kubepreflight.objects import Pod
from kubepreflight.semantics.etcd_backups import CronJob, may_save_etcd
from tests.kubernetes_objects import make

ETCD = "registry.k8s.io/etcd:3.6.8-0"


@pytest.mark.parametrize(
    ("name", "image", "command", "saves"),
    [
        ("etcd-backup", ETCD, ["/bin/sh", "-c", "etcdctl snapshot save /backup/$(date +%F).db"], True),
        ("nightly", "alpine:3", ["etcdctl", "snapshot", "save", "x"], True),
        ("nightly", "alpine:3", ["/bin/sh", "-c", "ETCDCTL_API=3 etcdctl --key=k\n snapshot  save x"], True),
        ("etcd-snapshot", "registry.example/tools:1", ["/run.sh"], True),
        ("backup", ETCD, ["/scripts/run.sh"], True),
        ("backup", "example/etcd-backup:v1", None, True),
        ("compacted", "example/etcdbrctl:1", ["etcdbrctl", "snapshot"], True),
        ("etcd-backup-cleanup", "alpine:3", ["find", "/backup", "-delete"], False),
        ("etcd-cleanup", ETCD, ["/bin/sh", "-c", "etcdctl snapshot save /b/x.db; find /b -mtime +7 -delete"], True),
        ("etcd-defrag", ETCD, ["etcdctl", "defrag"], False),
        ("etcd-restore-test", ETCD, ["etcdutl", "snapshot", "restore"], False),
        ("velero-backup", "velero/velero:v1.17.0", ["velero", "backup"], False),
        ("db-backup", "postgres:18", ["pg_dump"], False),
    ],
)
def test_a_cron_job(name: str, image: str, command: list[str] | None, saves: bool) -> None:
    pod: dict[str, Any] = {"spec": {"containers": [{"name": "a", "image": image, "command": command}]}}
    value = {"metadata": {"name": name, "namespace": "ops"}, "spec": {"jobTemplate": {"spec": {"template": pod}}}}
    assert make(CronJob, value).saves_etcd is saves


@pytest.mark.parametrize(
    ("image", "fields", "saves"),
    [
        ("quay.io/giantswarm/etcd-backup-operator:4", {}, True),
        ("europe-docker.pkg.dev/gardener/etcdbrctl:v0.40", {}, True),
        (ETCD, {}, False),
        ("velero/velero:v1.17.0", {}, False),
        ("example/etcd-backup:1", {"restartPolicy": "Never"}, False),
    ],
)
def test_an_operator(image: str, fields: dict[str, Any], saves: bool) -> None:
    value = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": image}], **fields}}
    assert may_save_etcd(make(Pod, value)) is saves


@pytest.mark.parametrize("spec", [{}, {"jobTemplate": {"spec": {"template": {"spec": {"containers": None}}}}}])
def test_a_cron_job_of_another_shape_is_none(spec: dict[str, Any]) -> None:
    assert not make(CronJob, {"metadata": {"name": "a"}, "spec": spec}).saves_etcd
