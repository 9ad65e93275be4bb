"""The options that are kept in a file, and those that make no sense together."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from kubepreflight.cli import cli
from kubepreflight.configuration import read_configuration
from kubepreflight.errors import UsageError

POD = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "%s", "namespace": "shop", "uid": "%s"}}'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("target = 1.30", "target has no such value: 1.3; write it in quotes"),
        ("target = 2026-12-01", "target has no such value"),
        ("window = 1.5", "window has no such value: 1.5"),
        ("window = 2026-12-01", "window has no such value"),
        ("at = 5", "at has no such value: 5"),
        ("fail-on = true", "fail_on has no such value: True"),
        ("allow-incomplete = 1", "allow_incomplete has no such value: 1"),
        ("context = []", "context has no such value"),
        ("exclude = [1]", "exclude has no such value"),
    ],
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "kubepreflight.toml").write_text(line)
    with pytest.raises(UsageError, match=said):
        read_configuration(tmp_path / "kubepreflight.toml")


def test_what_may_stand_there(tmp_path: Path) -> None:
    file = tmp_path / "kubepreflight.toml"
    file.write_text(
        'target = "1.30"\nwindow = 3\nat = 2026-12-01T22:00:00+01:00\nexclude = "a"\nallow-incomplete = true\n'
    )
    assert read_configuration(file)["exclude"] == ["a"]
    file.write_text('window = "3d"\nat = 2026-12-01\n')
    assert read_configuration(file)["window"] == "3d"


@pytest.mark.parametrize("option", ["--context", "--kubeconfig", "--as"])
@pytest.mark.parametrize("command", [["scan"], ["snapshot", "--to", "c.tar.gz"]])
def test_what_is_said_of_a_cluster_that_is_not_read_is_an_error(
    tmp_path: Path, command: list[str], option: str
) -> None:
    done = CliRunner().invoke(cli, [*command, option, "prod", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == f"{option}: where PATHS are given the cluster is not read; add --live"


def test_a_snapshot_is_read_with_ones_own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dump").mkdir()
    for name in ("wanted", "unwanted"):
        (tmp_path / "dump" / f"{name}.json").write_text(POD % (name, name))
    (tmp_path / "kubepreflight.toml").write_text('exclude = "unwanted.json"\nonly = "no-such-rule"\n')
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["snapshot", "dump", "--to", "c.tar.gz"])
    assert done.exception is None, done.exception
    with tarfile.open("c.tar.gz") as archive:
        stored = b"".join(stream.read() for one in archive if (stream := archive.extractfile(one)))
    assert b"wanted" in stored
    assert b"unwanted" not in stored
