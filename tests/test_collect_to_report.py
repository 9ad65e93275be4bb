"""From a node's disk to the reports: no secret on the way, and a node of which not all came is named."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kubepreflight.cli import cli
from tests.collecting import run
from tests.fake_node import write_node

DUMP = {
    "apiVersion": "v1",
    "kind": "NodeList",
    "items": [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "worker-1", "uid": "1"},
            "status": {"nodeInfo": {"kubeletVersion": "v1.36.3", "operatingSystem": "linux"}},
        }
    ],
}
FORMATS = ("text", "json", "html")


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("node")
    return root, write_node(root)


def scanned(folder: Path, archive: bytes) -> dict[str, bytes]:
    """Every report of a scan of the node beside its cluster."""
    (folder / "worker-1.tar").write_bytes(archive)
    (folder / "nodes.json").write_text(json.dumps(DUMP))
    outputs = [part for name in FORMATS for part in ("-o", f"{name}={folder / 'report'}.{name}")]
    given = [str(folder / "nodes.json"), str(folder / "worker-1.tar")]
    cli(["scan", *given, "--target", "1.37", "--fail-on", "never", *outputs], standalone_mode=False)
    return {name: (folder / f"report.{name}").read_bytes() for name in FORMATS}


def test_no_secret_reaches_a_report_or_a_snapshot(disk: tuple[Path, list[str]], tmp_path: Path) -> None:
    root, secrets = disk
    everything = scanned(tmp_path, run(root).stdout)
    snapshot = tmp_path / "snapshot.tar.gz"
    given = [str(tmp_path / "nodes.json"), str(tmp_path / "worker-1.tar")]
    cli(["snapshot", *given, "--to", str(snapshot)], standalone_mode=False)
    everything["snapshot"] = gzip.decompress(snapshot.read_bytes())
    for name, text in everything.items():
        assert b"worker-1" in text, name
        assert [secret for secret in secrets if secret.encode() in text] == [], name


def test_the_reports_are_all_that_there_are() -> None:
    done = subprocess.run(["ls", Path(__file__).parents[1] / "reports"], capture_output=True, text=True, check=True)
    assert set(FORMATS) == {name[:-3] for name in done.stdout.split() if name.endswith(".py") and name[0] != "_"}


def coverage(report: bytes) -> dict[str, Any]:
    """What was asked of the node and could not be seen, by reason."""
    decoded = json.loads(report)
    gaps = [*decoded["gaps"], *(gap for one in decoded["coverage"] for gap in one["gaps"])]
    return {gap["reason"]: gap["subject"] for gap in gaps if gap.get("asked")}


@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("more", [0, 1])
def test_a_truncated_archive(part: float, more: int, disk: tuple[Path, list[str]], tmp_path: Path) -> None:
    archive = run(disk[0]).stdout
    # What breaks off between two writes ends on a whole block, often just behind a member.
    said = coverage(scanned(tmp_path, archive[: int(len(archive) * part) // 512 * 512 + more])["json"])
    assert any("cut off" in reason and "worker-1" in subject for reason, subject in said.items()), said


def test_an_interrupted_script(disk: tuple[Path, list[str]], tmp_path: Path) -> None:
    said = coverage(scanned(tmp_path, run(disk[0], "--deadline", "0").stdout)["json"])
    assert any("interrupted" in reason and "worker-1" in subject for reason, subject in said.items()), said
