"""What is written to files: whole or not at all, and what stood there is kept until then."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import IO, Any

import pytest

from kubepreflight.commands.output_files import check_writable, replacing
from kubepreflight.errors import UsageError


def write(path: Path, text: str) -> None:
    with replacing(path) as stream:
        stream.write(text.encode())


def fail(path: Path) -> None:
    with replacing(path) as stream:
        stream.write(b"half")
        stream.flush()
        raise OSError("no room")


def content(folder: Path) -> dict[str, str]:
    return {one.name: one.read_text() for one in folder.iterdir()}


def test_a_file_is_replaced_when_all_of_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write(path, "old")
    with replacing(path) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_text() == "old"
    assert content(tmp_path) == {"report.html": "new"}


def test_what_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no room"):
        fail(tmp_path / "report.html")
    assert content(tmp_path) == {}
    write(tmp_path / "report.html", "old")
    with pytest.raises(OSError, match="no room"):
        fail(tmp_path / "report.html")
    assert content(tmp_path) == {"report.html": "old"}


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_permissions_stay(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "report.html"
    write(path, "old")
    path.chmod(mode)
    write(path, "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)


def test_a_new_file_has_the_permissions_of_any(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "report.html", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report.html").stat().st_mode) == 0o640


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "latest.html").symlink_to("report.html")
    check_writable(tmp_path / "latest.html")
    for text in ("first", "second"):
        write(tmp_path / "latest.html", text)
        assert content(tmp_path) == {"latest.html": text, "report.html": text}
        assert (tmp_path / "latest.html").is_symlink()


def test_a_pipe_and_what_is_open_are_written_directly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    came: list[str] = []
    reader = threading.Thread(target=lambda: came.append(pipe.read_text()), daemon=True)
    reader.start()
    write(pipe, "all")
    reader.join(10)
    assert came == ["all"]
    with (tmp_path / "out").open("w+b") as stream:
        write(Path(f"/dev/fd/{stream.fileno()}"), "all")
        assert stream.read() == b"all"
    write(Path(os.devnull), "all")
    assert Path(os.devnull).is_char_device()


def test_a_folder_in_which_nothing_can_be_made_costs_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "report.html", "old")
    kept = Path.open

    def refusing(path: Path, mode: str, **more: Any) -> IO[Any]:
        if mode == "xb":
            raise PermissionError(13, "Permission denied")
        return kept(path, mode, **more)

    monkeypatch.setattr(Path, "open", refusing)
    write(tmp_path / "report.html", "new")
    assert content(tmp_path) == {"report.html": "new"}


def test_nor_does_a_file_that_is_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "report.html", "old")

    def busy(path: Path, target: Path) -> Path:
        raise OSError(16, f"Device or resource busy: {target}")

    monkeypatch.setattr(Path, "replace", busy)
    write(tmp_path / "report.html", "new")
    assert content(tmp_path) == {"report.html": "new"}


@pytest.mark.parametrize("name", ["", "nowhere/report.html"])
def test_what_cannot_be_written_is_said_beforehand(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        check_writable(tmp_path / name)


def test_looking_changes_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "new.html")
    write(tmp_path / "old.html", "old")
    check_writable(tmp_path / "old.html")
    assert content(tmp_path) == {"old.html": "old"}
