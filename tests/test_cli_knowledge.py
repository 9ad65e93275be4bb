"""`kubepreflight knowledge`, and facts of one's own: `--knowledge DIR`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubepreflight.commands.knowledge import list_tables, show_table
from kubepreflight.errors import UsageError
from kubepreflight.knowledge import tables
from tests.one_node import NODE, ONE_RULE
from tests.program import run

SUPPORT = "# verified: 1.30 to 1.37 on 2027-01-01\nminor,end_of_life,source\n1.36,2029-01-01,https://example.org/1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dump.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [NODE]}))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "support.csv").write_text(SUPPORT)
    return tmp_path


def test_every_table_is_listed_with_its_range_date_rows_and_sources() -> None:
    head, *lines = list_tables().splitlines()
    assert head.split() == ["table", "Kubernetes", "as", "of", "rows", "sources"]
    assert [line.split()[0] for line in lines] == [table.info.table for table in tables.load()]
    for line in lines:
        _, _, to, _, day, rows, *_ = line.split()
        assert (to, len(day)) == ("to", 10)
        assert int(rows) > 0, line


def test_a_table_is_shown_with_its_files_and_sources() -> None:
    said = show_table("support")
    assert "verified for Kubernetes 1.15 to" in said
    assert "How long upstream supports each minor." in said
    assert "  endoflife.date" in said
    with pytest.raises(UsageError, match="Did you mean support"):
        show_table("suport")


def test_ones_own_file_is_used_and_named(folder: Path) -> None:
    listed = run("knowledge", "--knowledge", "own", folder=folder)
    (line,) = [line for line in listed.stdout.splitlines() if line.startswith("support ")]
    assert line.split() == ["support", "1.30", "to", "1.37", "2027-01-01", "1", "1", "yours:", "own/support.csv"]
    assert "https://example.org/1" in run("knowledge", "support", "--knowledge", "own", folder=folder).stdout
    scanned = run("scan", "dump.json", *ONE_RULE, "--knowledge", "own", "-o", "json", folder=folder)
    assert [one["table"] for one in json.loads(scanned.stdout)["knowledge"] if one["own"]] == ["support"]
    assert "support (1.30 to 1.37, 2027-01-01, own/support.csv)" in " ".join(
        run("scan", "dump.json", *ONE_RULE, "--knowledge", "own", folder=folder).stdout.split()
    )
    assert "support.csv" not in run("scan", "dump.json", *ONE_RULE, "-o", "json", folder=folder).stdout


def test_it_may_be_set_in_ones_own_configuration_and_never_beside_the_input(folder: Path) -> None:
    (folder / "kubepreflight.toml").write_text('knowledge = "own"\n')
    for name, own in (("dump.json", ["support"]), (".", [])):
        report = json.loads(run("scan", name, *ONE_RULE, "-o", "json", folder=folder).stdout)
        assert [one["table"] for one in report["knowledge"] if one["own"]] == own


@pytest.mark.parametrize("command", [("scan", "dump.json"), ("snapshot", "dump.json", "--to", "x"), ("knowledge",)])
def test_a_wrong_file_ends_it_before_it_begins(folder: Path, command: tuple[str, ...]) -> None:
    (folder / "own" / "support.csv").write_text(SUPPORT.replace("2029-01-01", "later"))
    done = run(*command, "--knowledge", "own", folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "own/support.csv:3: " in done.stderr
    assert not (folder / "x").exists()
