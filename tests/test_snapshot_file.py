"""What is kept of a scan, what is cut out of it, and what a damaged snapshot still tells."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kubepreflight.decoding import Head
from kubepreflight.errors import SourceError
from kubepreflight.finding import Gap
from kubepreflight.host import Host
from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.objects import Api, Desired, KubernetesObject, Node, Origin, Pod
from kubepreflight.report import Cluster, SourceRecord
from kubepreflight.semantics.api_requests import ApiClient, ApiServerMetrics, AuditLog, RequestedApi, ServerRequests
from kubepreflight.semantics.served import Handshakes
from kubepreflight.snapshot import Collector, Snapshot
from kubepreflight.sources.redaction import redact, redact_host
from kubepreflight.sources.snapshot_file import SnapshotWriter, is_snapshot, read_snapshot
from kubepreflight.upgrade import ServerVersion
from kubepreflight.version import Version

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
CLIENT = ApiClient(
    api_version="batch/v1beta1",
    resource="cronjobs",
    user="jane",
    agent="kubectl/v1.36.3",
    verbs={"list": 1},
    first=AT,
    last=AT,
)
WANTED = Wanted.by(
    (Parameter("", list, Pod, False), Parameter("", list, Node, False), Parameter("", Desired, Pod, False))
)


def pod(name: str, uid: str = "u") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "uid": uid}}


def fill(collector: Collector) -> None:
    collector.give(ServerVersion(Version.parse("v1.36.3")))
    collector.give(Handshakes(gaps=(Gap(input="served certificates", subject="cp1", reason="timed out", asked=True),)))
    asked = RequestedApi(api_version="batch/v1beta1", resource="cronjobs", verbs={"list": 3})
    collector.give(ApiServerMetrics((ServerRequests(name="https://192.0.2.1:6443", since=AT, requested=(asked,)),)))
    collector.give(AuditLog(clients=(CLIENT,), first=AT, last=AT, files=1, events=9))
    collector.give(Cluster(name="home", server="https://192.0.2.1:6443"))
    for name in ("a", "b"):
        collector.add_raw(json.dumps(pod(name)).encode(), Origin())
    collector.add_value(pod("c", uid=""), Origin("apps/c.yaml", 7))
    collector.mark_listed("", "Pod")
    collector.fail("", "Node", Gap(input="nodes", reason="403 Forbidden", asked=True))
    collector.fail("", "ConfigMap", Gap(input="configmaps", reason="403 Forbidden"), "kube-system", "kubeadm-config")
    collector.add_gap(Gap(input="files", subject="x.yaml:3", reason="broken", asked=True))
    collector.add_source(SourceRecord(kind="cluster", name="home"))


def written(path: Path) -> Snapshot:
    with SnapshotWriter() as writer:
        collector = Collector(WANTED, writer)
        fill(collector)
        snapshot = collector.snapshot()
        with path.open("wb") as stream:
            writer.write(snapshot, stream)
    return snapshot


def read(path: Path) -> Snapshot:
    collector = Collector(WANTED)
    with path.open("rb") as stream:
        read_snapshot(collector, stream, path.name)
    return collector.snapshot()


def test_it_reads_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "s.tar.gz"
    before = written(path)
    after = read(path)
    with path.open("rb") as stream:
        assert is_snapshot(stream)
        assert stream.tell() == 0
    assert after.observed == before.observed
    assert after.desired == before.desired
    assert after.headers == before.headers
    assert (after.listed, after.failures, after.gaps) == (before.listed, before.failures, before.gaps)
    assert after.part_failures == before.part_failures
    assert len(after.part_failures) == 1
    assert after.given == before.given
    assert after.desired[Pod][0].origin == Origin("apps/c.yaml", 7)


def test_one_that_is_cut_off_is_read_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "s.tar.gz"
    written(path)
    content = gzip.decompress(path.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        last = archive.getmembers()[-1]
    path.write_bytes(gzip.compress(content[: last.offset_data + 10]))
    snapshot = read(path)
    assert len(snapshot.gaps) >= 2
    assert any("damaged or cut off" in gap.reason for gap in snapshot.gaps)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(SourceError, match="nothing of it can be read"):
        read(path)


def test_fewer_objects_than_were_written_are_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "s.tar.gz"
    written(path)
    out = tmp_path / "t.tar.gz"
    with tarfile.open(path) as archive, tarfile.open(out, "w:gz") as changed:
        for member in archive:
            stream = archive.extractfile(member)
            assert stream is not None
            data = stream.read()
            if member.name.startswith("observed/"):
                data = data.splitlines(keepends=True)[0]
                member.size = len(data)
            changed.addfile(member, io.BytesIO(data))
    assert "1 of 2 objects" in read(out).failures["", "Pod"][0].reason


class SystemNamespace(KubernetesObject):
    api = Api("", "Namespace", "namespaces", namespaced=False, name="kube-system")


class AnyNamespace(KubernetesObject):
    api = Api("", "Namespace", "namespaces", namespaced=False)


def kept(path: Path, kind: type[KubernetesObject], *items: Any) -> Snapshot:
    """What a snapshot says to rules that want `kind`, when it was made for rules that want kube-system only."""
    with SnapshotWriter() as writer, path.open("wb") as stream:
        collector = Collector(Wanted.by((Parameter("", list, SystemNamespace, False),)), writer)
        collector.add_list(Head("v1", "List"), Origin(), ((item, Origin()) for item in items))
        writer.write(collector.snapshot(), stream)
    later = Collector(Wanted.by((Parameter("", list, kind, False),)))
    with path.open("rb") as stream:
        read_snapshot(later, stream, path.name)
    return later.snapshot()


def test_what_was_not_kept_does_not_count_as_listed_for_later_rules(tmp_path: Path) -> None:
    metadata = [{"name": name, "uid": name} for name in ("kube-system", "shop")]
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": one} for one in metadata]
    for kind, known in ((SystemNamespace, True), (AnyNamespace, False), (Pod, False)):
        snapshot = kept(tmp_path / "s.tar.gz", kind, *namespaces, pod("a"))
        assert snapshot.has_listed(kind.api) is known, kind


def test_an_object_that_cannot_be_kept_is_a_gap(tmp_path: Path) -> None:
    namespace = (
        b'{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": "1"}, "spec": %s}'
    )
    snapshot = kept(
        tmp_path / "s.tar.gz", SystemNamespace, msgspec.Raw(namespace % b'"\xff"'), msgspec.Raw(namespace % b"1")
    )
    assert len(snapshot.observed[SystemNamespace]) == 1
    assert "cannot be kept" in snapshot.gaps[0].reason


@pytest.mark.parametrize(
    ("index", "said"),
    [(b"{", "cannot be read"), (b'{"format": "kubepreflight.snapshot/v9"}', "cannot be read|format")],
)
def test_one_that_is_not_ours(tmp_path: Path, index: bytes, said: str) -> None:
    path = tmp_path / "s.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("snapshot.json")
        member.size = len(index)
        archive.addfile(member, io.BytesIO(index))
    with pytest.raises(SourceError, match=said):
        read(path)


def test_what_is_cut_out() -> None:
    deployment = {
        "metadata": {
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": json.dumps(
                    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": "secret-1"}
                )
            }
        },
        "spec": {"template": {"spec": {"containers": [{"env": [{"name": "A", "value": "secret-2"}, {"name": "B"}]}]}}},
    }
    cut = json.dumps(redact(deployment, "Deployment"))
    assert "secret" not in cut
    assert "apps/v1" in cut
    secret = {"data": {"tls.crt": "public", "tls.key": "secret-3"}, "stringData": {"a": "secret-4"}}
    assert redact(secret, "Secret") == {"data": {"tls.crt": "public", "tls.key": ""}, "stringData": {"a": ""}}
    broken = {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{secret-5"}}}
    assert "secret" not in json.dumps(redact(broken, "Pod"))


def test_of_a_hand_made_copy_of_a_node_only_what_is_read_and_public_is_kept() -> None:
    certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    key = b"-----BEGIN EC PRIVATE KEY-----\nplanted\n-----END EC PRIVATE KEY-----\n"
    kubeconfig = (
        b"users:\n- user:\n    client-certificate-data: QQ==\n    client-key-data: planted\n    token: planted\n"
    )
    kept = redact_host(
        {
            "files/etc/kubernetes/pki/ca.key": key,
            "files/var/lib/kubelet/pki/kubelet-client-current.pem": certificate + key,
            "files/etc/kubernetes/admin.conf": kubeconfig,
            "files/etc/kubernetes/manifests/a.yaml": b"spec: {containers: [{env: [{name: A, value: planted}]}]}\n",
            "files/etc/containerd/config.toml": b"password = 'planted'\n",
            "files/var/lib/kubelet/config.yaml": b"rotateCertificates: true\n",
        }
    )
    assert b"planted" not in b"".join(kept.values())
    assert kept["files/var/lib/kubelet/pki/kubelet-client-current.pem"] == certificate
    assert b"QQ==" in kept["files/etc/kubernetes/admin.conf"]
    assert b"rotateCertificates" in kept["files/var/lib/kubelet/config.yaml"]
    assert redact_host({"host.json": b"{}", "x": b"y"}) == {"host.json": b"{}", "x": b"y"}


def test_every_archive_is_kept_however_many_call_themselves_alike(tmp_path: Path) -> None:
    path = tmp_path / "s.tar.gz"
    archives = [{"files/etc/kubernetes/x.conf": f"n: {number}".encode()} for number in range(3)]
    with SnapshotWriter() as writer:
        collector = Collector(WANTED, writer)
        for number, files in enumerate(archives):
            collector.add_host(Host(name="w1", file=f"{number}/w1"), files)
        with path.open("wb") as stream:
            writer.write(collector.snapshot(), stream)
    assert [(one.name, one.file.rpartition("/")[2]) for one in read(path).hosts] == [
        ("w1", "w1"),
        ("w1", "w1~2"),
        ("w1", "w1~3"),
    ]
