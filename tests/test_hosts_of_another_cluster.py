"""Host archives of two clusters in one scan, with nodes of the same names: only one cluster's are judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubepreflight.cli import cli

EXAMPLES = Path(__file__).parents[1] / "examples"
AT = ("--at", "2026-11-23T12:00:00Z", "--target", "1.37")


def scanned(tmp_path: Path, *paths: str) -> dict[str, Any]:
    report = tmp_path / "report.json"
    named = [str(EXAMPLES / path) for path in paths]
    cli(["scan", *named, *AT, "-o", f"json={report}", "--fail-on", "never"], standalone_mode=False)
    read: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return read


def about_hosts(report: dict[str, Any]) -> set[tuple[str, str]]:
    gaps = [gap for rule in report["coverage"] for gap in rule["gaps"] if gap["input"] == "hosts"]
    return {(gap["subject"], gap["reason"].partition(":")[0]) for gap in gaps}


@pytest.mark.parametrize("other_first", [False, True])
def test_what_is_of_another_cluster_is_said_and_changes_nothing_else(tmp_path: Path, other_first: bool) -> None:
    hosts = ["healthy-cluster/hosts", "home-cluster/hosts"]
    alone = scanned(tmp_path, "healthy-cluster/dump", hosts[0])
    both = scanned(tmp_path, "healthy-cluster/dump", *(reversed(hosts) if other_first else hosts))
    assert both["findings"] == alone["findings"]
    assert both["nodes"] == alone["nodes"]
    assert both["verdict"] == "incomplete"
    of_home = {f"{EXAMPLES}/home-cluster/hosts/{path.name}" for path in (EXAMPLES / "home-cluster/hosts").iterdir()}
    assert about_hosts(both) == {(Path(path).name, f"{path} is of another cluster") for path in of_home}
    assert about_hosts(alone) == set()


def test_archives_of_the_other_cluster_alone_are_none(tmp_path: Path) -> None:
    report = scanned(tmp_path, "healthy-cluster/dump", "home-cluster/hosts")
    (rule,) = (one for one in report["coverage"] if one["rule"] == "package-not-held")
    assert rule["status"] == "not checked"
    assert report["verdict"] == "incomplete"
