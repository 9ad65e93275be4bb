"""Audit logs and metrics among the files that a scan is given: told by content, compressed or not."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
from pathlib import Path

import pytest

from kubepreflight.errors import SourceError
from kubepreflight.inputs import Wanted
from kubepreflight.semantics.api_requests import INPUT, ApiServerMetrics, AuditLog
from kubepreflight.snapshot import Collector, Snapshot
from kubepreflight.sources import request_files
from kubepreflight.sources.files import FileSource
from tests.audit_events import audit_line
from tests.files_read import standing_at

METRICS = b'apiserver_requested_deprecated_apis{group="batch",resource="cronjobs",version="v1beta1"} 1\n'
POD = b"apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"


def read(*paths: Path | str) -> Snapshot:
    collector = Collector(Wanted.by([]))
    with standing_at(paths[0]):
        FileSource([one if isinstance(one, str) else os.path.relpath(one) for one in paths])(collector)
    return collector.snapshot()


def log_of(snapshot: Snapshot) -> AuditLog:
    found: AuditLog = snapshot.given[AuditLog]
    return found


@pytest.mark.parametrize("name", ["audit.log", "audit", "audit.json", "audit.yaml", "audit-2026-11-20T08-00.log.gz"])
def test_a_log_that_is_named(tmp_path: Path, name: str) -> None:
    data = audit_line() * 5
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    snapshot = read(tmp_path / name)
    assert log_of(snapshot).clients[0].verbs == {"list": 5}
    assert snapshot.sources[0].detail == "1 audit log"
    assert snapshot.gaps == ()


def test_a_folder_with_all_sorts_of_files(tmp_path: Path) -> None:
    (tmp_path / "audit.log").write_bytes(audit_line())
    (tmp_path / "audit-older.log.gz").write_bytes(gzip.compress(audit_line()))
    (tmp_path / "metrics-cp1.txt").write_bytes(METRICS)
    (tmp_path / "pod.yaml").write_bytes(POD)
    (tmp_path / "app.log").write_bytes(b"apiVersion: nothing of ours\n")
    (tmp_path / "notes.txt").write_bytes(b"# HELP wanted\n")
    snapshot = read(tmp_path)
    assert log_of(snapshot).clients[0].verbs == {"list": 2}
    assert [one.name for one in snapshot.given[ApiServerMetrics].servers] == ["metrics-cp1.txt"]
    assert snapshot.sources[0].detail == "1 object, 2 audit logs, metrics"
    assert snapshot.gaps == ()


@pytest.mark.parametrize("name", ["logs.tar.gz", "logs.tar"])
@pytest.mark.parametrize("inside", [False, True])
def test_an_archive(tmp_path: Path, name: str, inside: bool) -> None:
    with tarfile.open(tmp_path / name, "w:gz" if name.endswith(".gz") else "w") as archive:
        for one, data in (("audit.log", audit_line() * 2), ("old/audit.log.gz", gzip.compress(audit_line()))):
            member = tarfile.TarInfo(one)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    log = log_of(read(tmp_path if inside else tmp_path / name))
    assert (log.clients[0].verbs, log.gaps) == ({"list": 3}, ())


@pytest.mark.parametrize("data", [audit_line() * 3, gzip.compress(audit_line() * 3)])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert log_of(read("-")).clients[0].verbs == {"list": 3}


def test_a_compressed_log_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    lines = b"".join(audit_line(user=f"user-{number}") for number in range(5000))
    packed = gzip.compress(lines)
    (tmp_path / "audit.log.gz").write_bytes(packed[: len(packed) * 2 // 3])
    log = log_of(read(tmp_path / "audit.log.gz"))
    assert any("read in part" in gap.reason for gap in log.gaps)
    assert log.events > 1000


def test_compressed_metrics_that_are_cut_off_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    lines = b"".join(METRICS.replace(b"batch", b"group-%d" % number) for number in range(5000))
    packed = gzip.compress(lines)
    (tmp_path / "metrics.txt.gz").write_bytes(packed[: len(packed) * 2 // 3])
    metrics: ApiServerMetrics = read(tmp_path / "metrics.txt.gz").given[ApiServerMetrics]
    (gap,) = metrics.gaps
    assert gap.reason.startswith("they were read in part: ")
    assert gap.input == INPUT
    assert len(metrics.servers[0].requested) > 1000


def test_a_log_that_grows_too_much_is_read_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_files, "_SMALL", 1 << 16)
    monkeypatch.setattr(request_files, "LARGEST_RATIO", 3)
    (tmp_path / "audit.log.gz").write_bytes(gzip.compress(audit_line() * 50_000))
    log = log_of(read(tmp_path / "audit.log.gz"))
    assert any("grows too much" in gap.reason for gap in log.gaps)


def test_what_is_no_log_is_read_as_before(tmp_path: Path) -> None:
    (tmp_path / "pod.txt").write_bytes(POD)
    assert read(tmp_path / "pod.txt").headers[0].name == "web"
    (tmp_path / "app.log").write_bytes(b"- started\n- ended\n")
    with pytest.raises(SourceError, match="holds nothing to look at"):
        read(tmp_path / "app.log")
