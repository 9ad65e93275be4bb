"""What is known by hand beside the generated tables: each cell corrects something, and says where it is from."""

import csv
import io

import pytest

from kubepreflight.version import Minor
from tools.knowledge import lives, makers
from tools.knowledge.pins import pins

TABLES = ("api_lifecycle", "component_config", "component_versions")
PROSE = {"source", "notes", "convertible", "unknown_fields"}
"""What no module tells."""
KEY = {
    "api_lifecycle": ("api_version", "kind"),
    "component_config": ("program", "api_version", "kind"),
    "component_versions": ("minor", "since_patch"),
}
READ = [pin.minor for pin in pins().pins]


def composed(table: str) -> dict[tuple[str, ...], dict[str, str]]:
    text = io.StringIO(makers.text_of(table))
    rows = csv.DictReader(line for line in text if not line.startswith("#"))
    return {tuple(row[name] for name in KEY[table]): row for row in rows}


@pytest.mark.parametrize("table", TABLES)
def test_each_has_its_source(table: str) -> None:
    assert all(cells.get("source") for cells in lives.corrections(table, KEY[table]).values())


@pytest.mark.parametrize("table", TABLES)
def test_none_says_what_was_read_anyhow(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    corrections = lives.corrections(table, KEY[table])
    monkeypatch.setattr(makers.maker(table), "corrections", lambda *_: {})
    read = composed(table)
    for key, cells in corrections.items():
        needless = [
            name for name, cell in cells.items() if name not in PROSE and read.get(key, {}).get(name, "") == cell
        ]
        assert needless == [], key


def test_a_life_has_a_beginning_and_an_end() -> None:
    assert lives.life(READ[3:5], READ) == lives.Life(tuple(READ[3:5]), Minor(1, 18), Minor(1, 20))
    assert lives.life(READ, READ) == lives.Life(tuple(READ), None, None)
    with pytest.raises(ValueError, match=r"it came twice: 1\.15, 1\.17"):
        lives.life([Minor(1, 17), Minor(1, 15)], READ)


def test_versions_have_an_order() -> None:
    versions = ["v1alpha1", "v1alpha2", "v2alpha1", "v1beta1", "v1beta2", "v2beta1", "v1", "v2"]
    assert sorted(sorted(versions), key=lives.rank) == versions
    assert [lives.stage(f"apps/{one}") for one in versions[2::2]] == ["alpha", "beta", "ga"]
    with pytest.raises(ValueError, match="not an API version"):
        lives.rank("apps/beta")


def test_a_correction_replaces_a_cell_or_empties_it() -> None:
    read = {"removed": "1.38", "introduced": "1.32", "source": "read"}
    assert lives.corrected(read, {"removed": "-", "source": "by hand"}) == {
        "removed": "",
        "introduced": "1.32",
        "source": "read; by hand",
    }
