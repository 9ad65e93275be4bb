from datetime import date
from pathlib import Path

import msgspec
import pytest

from kubepreflight.errors import KnowledgeError
from kubepreflight.knowledge.table import TableInfo, Verified, read_csv, read_toml
from kubepreflight.version import Minor

HEAD = "# verified: 1.15 to 1.37 on 2026-11-23\nkind,since,until\n"


class Row(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    since: Minor
    until: Minor | None = None


class File(msgspec.Struct, forbid_unknown_fields=True):
    verified: Verified
    row: tuple[Row, ...]


MINORS = frozenset({"since", "until", "from", "to"})


def written(directory: Path, text: str) -> Path:
    path = directory / "some_table"
    path.write_text(text)
    return path


def test_csv(tmp_path: Path) -> None:
    info, rows = read_csv(written(tmp_path, "# words\n" + HEAD + "Pod,1.9,\nJob,1.10,1.30\n"), Row, MINORS)
    assert info == TableInfo(table="some-table", start=Minor(1, 15), end=Minor(1, 37), date=date(2026, 11, 23))
    assert rows == [Row("Pod", Minor(1, 9)), Row("Job", Minor(1, 10), Minor(1, 30))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind,since\nPod,1.9\n", "has no line like '# verified: 1.15 to 1.37"),
        ("", "has no line like"),
        (HEAD + "Pod,1.9,\nJob,soon,\n", "some_table:4: "),
        (HEAD + "Pod,,\n", "some_table:3: .*since"),
        (HEAD + "Pod,1.9,1.20,more\n", "some_table:3: "),
        (HEAD.replace("since", "after") + "Pod,1.9,\n", "some_table:3: .*after"),
        (HEAD + 'Pod,"1.9,\n', r"some_table:\d: unexpected end"),
    ],
)
def test_csv_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(KnowledgeError, match=message):
        read_csv(written(tmp_path, text), Row, MINORS)


def test_toml(tmp_path: Path) -> None:
    text = 'verified = {from = "1.15", to = "1.37", date = 2026-11-23}\n[[row]]\nkind = "Pod"\nsince = "1.10"\n'
    file = read_toml(written(tmp_path, text), File, MINORS)
    assert file.row == (Row("Pod", Minor(1, 10)),)
    assert file.verified.info("t") == TableInfo(
        table="t", start=Minor(1, 15), end=Minor(1, 37), date=date(2026, 11, 23)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("verified = \n", "some_table: .*line 1"),
        ("row = []\n", "some_table: .*verified"),
        ('verified = {from = "1.15", to = "1.37", date = 2026-11-23}\nrow = [{kind = 1}]\n', r"row\[0\].kind"),
    ],
)
def test_toml_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(KnowledgeError, match=message):
        read_toml(written(tmp_path, text), File, MINORS)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="nothing: cannot be read"):
        read_toml(tmp_path / "nothing", File, MINORS)


@pytest.mark.parametrize(
    ("minor", "closed"), [("1.14", False), ("1.15", True), ("1.37", True), ("1.38", False), ("2.0", False)]
)
def test_what_a_table_covers(minor: str, closed: bool) -> None:
    known = Verified(start=Minor(1, 15), end=Minor(1, 37), date=date(2026, 11, 23))
    assert known.info("t").covers(Minor.parse(minor)) is closed
    assert known.info("t", open_ended=True).covers(Minor.parse(minor)), "it says unknown by itself"
