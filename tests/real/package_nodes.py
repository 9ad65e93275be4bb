"""Scanning a node that is a Debian root with a real package manager, and reading what the collector takes from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from kubepreflight.host import Host
from kubepreflight.report import Report, ReportFinding
from kubepreflight.sources.host.archive import read_host
from tests.collecting import members
from tools.packages.forgotten_hold import cluster
from tools.packages.root import Root

NODE = "w1"
NOW = "1.36.3"


def collected(root: Root, tmp_path: Path) -> Host:
    return read_host(members(root.archive(tmp_path / "facts.tar").read_bytes()), "w1.tar", NODE)


def scan(root: Root, tmp_path: Path, *options: str) -> Report:
    """Scan what our collector takes from the node, beside a dump of its cluster."""
    dump, report, archive = (tmp_path / name for name in ("cluster.json", "report.json", "w1.tar"))
    dump.write_bytes(msgspec.json.encode(cluster(NOW)))
    root.archive(archive)
    program = Path(sys.executable).with_name("kubepreflight")
    command = [str(program), "scan", str(dump), str(archive), "-o", f"json={report}", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, 3), done.stderr
    return msgspec.json.decode(report.read_bytes(), type=Report)


def found(report: Report, rule: str) -> list[ReportFinding]:
    """What one rule says, which has looked."""
    assert next(one.status for one in report.coverage if one.rule == rule) in ("checked", "partial")
    return [one for one in report.findings if one.rule == rule]
