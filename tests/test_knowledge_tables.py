"""All tables together, and the user's own among them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubepreflight.errors import KnowledgeError
from kubepreflight.knowledge import tables
from kubepreflight.knowledge.addons import AddonMatrix
from kubepreflight.knowledge.checks import check
from kubepreflight.knowledge.table import DIRECTORY, LIMIT
from kubepreflight.knowledge.versions import SupportWindows
from kubepreflight.version import Minor

SHIPPED = tables.shipped_files()
SUPPORT = "# verified: 1.30 to 1.39 on 2027-01-01\nminor,end_of_life,source\n1.39,2029-01-01,https://example.org/\n"
FLAGS = "# verified: 1.15 to 1.37 on 2027-01-01\ncomponent,name,source\n"
GATES = "# verified: 1.15 to 1.37 on 2027-01-01\ncomponent,gate,history\n"
PLUGINS = "# verified: 1.15 to 1.37 on 2027-01-01\nname,default_since,default_until\nOwn,1.30,1.20\n"
COMPONENTS = """\
# verified: 1.37 to 1.38 on 2027-01-01
minor,since_patch,etcd,oldest_external_etcd,coredns,pause
1.37,0,3.7.0-0,3.5.24,1.14.6,3.10.2
"""
ADDON = """\
name: ours
title: Ours
homepage: https://example.org/
verified: {from: "1.30", to: "1.37", date: 2026-01-01}
source: https://example.org/
detect: {images: ["(^|/)ours$"]}
releases:
- {version: "1.2", kubernetes: {min: "1.30"}, status: works}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "own" / "addons").mkdir(parents=True)
    yield tmp_path / "own"
    tables.use_shipped()


def test_every_shipped_file_is_read_by_a_table_that_declares_itself() -> None:
    read = {path for table in tables.load() for path in table.files}
    assert read == set(SHIPPED), "a table is a class in a module of knowledge/ with `info` and `provide`"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_files_keep_to_what_is_asked_of_the_users(path: Path) -> None:
    check(path)


def test_a_file_of_the_same_name_replaces_and_one_more_add_on_adds(folder: Path) -> None:
    shipped = len(AddonMatrix.provide().addons)
    (folder / "support.csv").write_text(SUPPORT)
    (folder / "addons" / "ours.yaml").write_text(ADDON)
    own = {table.info.table: table.own for table in tables.use(folder) if table.own}
    assert own == {
        "addons": (str(folder / "addons" / "ours.yaml"),),
        "support": (str(folder / "support.csv"),),
    }
    assert [window.minor for window in SupportWindows.provide().windows] == [Minor(1, 39)]
    assert len(AddonMatrix.provide().addons) == shipped + 1
    tables.use_shipped()
    assert len(SupportWindows.provide().windows) > 1
    assert len(AddonMatrix.provide().addons) == shipped


def test_a_whole_copy_of_what_is_shipped_is_accepted(folder: Path) -> None:
    shutil.copytree(DIRECTORY, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    assert sum(len(table.own) for table in tables.use(folder)) >= len(SHIPPED)


WRONG = [
    *("support.cvs", "", "support.cvs: no table has a file of this name; did you mean support.csv?"),
    *("readme", "", "readme: no table has a file of this name; there are: "),
    *("addons/ours.yml", ADDON, "ours.yml: the name of an add-on's file ends in .yaml"),
    *("support.csv", SUPPORT.replace("1.39,", "1.39,soon"), r"support.csv:3: "),
    *("support.csv", SUPPORT.replace("# verified", "# seen"), "support.csv:1: has no line like '# verified: "),
    *("support.csv", SUPPORT.replace("1.30 to 1.39", "1.39 to 1.30"), "support.csv:1: from 1.39 is after to 1.30"),
    *("support.csv", SUPPORT.replace("2027-01-01", "2027-02-30"), "support.csv:1: 2027-02-30: day is out of range"),
    *("support.csv", SUPPORT + "1.39,2030-01-01,x\n", "support.csv:4: the same stands on line 3 already"),
    *("support.csv", SUPPORT + '1.38,"2030\n', r"support.csv:\d: unexpected end of data"),
    *("support.csv", SUPPORT + "1.38,2030-01-01\n", "support.csv:4: has 2 cells, not 3"),
    *("support.csv", SUPPORT.replace("source", "minor"), "support.csv:2: two columns have the same name"),
    *("support.csv", SUPPORT + "1.38,x\0,y\n", "support.csv:4: "),
    *("component_versions.csv", SUPPORT, "component_versions.csv:3: "),
    *("names.toml", "verified = [\n", "names.toml: .*"),
    *("names.toml", "a.b" * 10_000, "names.toml: more than 300 dots outside of quotes .at line 1"),
    *("names.toml", "a." * 9_000 + "b = 1", "names.toml: more than 300 dots outside of quotes .at line 1"),
    *("names.toml", "a = " + "[" * 9_000, "names.toml: nested too deep"),
    *(
        "component_versions.csv",
        f"{COMPONENTS}1.38,0,newest,3.5.24,1.14.6,3.10.2\n",
        "component_versions.csv:4: etcd: 'newest' is no version",
    ),
    *("addons/ours.yaml", ADDON.replace('"1.37"', '"1.29"'), "ours.yaml:4: from 1.30 is after to 1.29"),
    *(
        "addons/ours.yaml",
        ADDON.replace('min: "1.30"', 'min: "1.30", max: "1.2"'),
        "ours.yaml:8: min 1.30 is after max",
    ),
    *("addons/ours.yaml", ADDON + ADDON.splitlines()[-1], "ours.yaml:9: the same stands on line 8 already"),
    *("addons/ours.yaml", ADDON + "name: twice\n", "ours.yaml:9: name stands twice"),
    *("addons/ours.yaml", ADDON.replace("works", "fine"), r"ours.yaml:8: .*releases\[0\].status"),
    *("addons/ours.yaml", ADDON.replace("ours", "istio"), "two files are about the same add-on"),
    *("addons/ours.yaml", "a: &a [1]\nb: [*a, *a]\n", "ours.yaml:2: has an alias"),
    *("addons/ours.yaml", "- " * 100_000, "ours.yaml:1: has an alias, or is nested too deep"),
    *("addons/ours.yaml", "a: 2026-99-99\n", "ours.yaml: month must be"),
    *("flags.csv", f"{FLAGS}kublet,v,me\n", r"flags.csv:3: .* - at `\$.component`"),
    *("flags.csv", f"{FLAGS}kubelet,--v,me\n", r"flags.csv:3: .* - at `\$.name`"),
    *("flags.csv", f"{FLAGS}kubelet,v,me\nkubelet,v,other\n", "flags.csv:4: the same stands on line 3 already"),
    *("flags.csv", FLAGS, "flags.csv: has no rows"),
    *("feature_gates.csv", f"{GATES}core,A,1.30 betta on\n", "feature_gates.csv:3: the history .* '1.30 betta on'"),
    *("feature_gates.csv", f"{GATES}core,A,1.30 beta on; 1.29 gone\n", "feature_gates.csv:3: .* does not run forwards"),
    *("feature_gates.csv", f"{GATES}core,A,1.30 beta on\ncore,A,1.31 ga on\n", "feature_gates.csv:4: the same stands"),
    *(
        "flags.csv",
        f"# x\n{FLAGS}".replace("1.15 to", "1.38 to").replace("comp", "# y\ncomp"),
        "flags.csv:2: from 1.38 is",
    ),
    *("admission_plugins.csv", PLUGINS, "admission_plugins.csv:3: default_since 1.30 is after default_until 1.20"),
    *("support.csv", "#" * (LIMIT + 1), "support.csv: is larger than the 4 MB"),
    *("addons/ours.yaml", "a: \0\n", "ours.yaml:?.*"),
]


@pytest.mark.parametrize(
    ("name", "text", "said"), list(zip(WRONG[::3], WRONG[1::3], WRONG[2::3], strict=True)), ids=WRONG[2::3]
)
def test_one_wrong_file_and_none_is_used(folder: Path, name: str, text: str, said: str) -> None:
    (folder / "addons" / "fine.yaml").write_text(ADDON.replace("ours", "fine"))
    (folder / name).write_text(text)
    shipped = len(AddonMatrix.provide().addons)
    with pytest.raises(KnowledgeError, match=said):
        tables.use(folder)
    assert len(AddonMatrix.provide().addons) == shipped


def test_a_line_in_the_middle_of_a_toml_file_is_found(folder: Path) -> None:
    text = (DIRECTORY / "names.toml").read_text()
    heads = [number for number, line in enumerate(text.splitlines(), 1) if line == "[[drain_flag]]"]
    name = '[[drain_flag]]\nsince = "1.20"\nname = '
    (folder / "names.toml").write_text(text.replace(f'{name}"--delete-emptydir-data"', f"{name}5"))
    with pytest.raises(KnowledgeError, match=rf"names.toml:{heads[1] + 2}: .*drain_flag\[1\].name"):
        tables.use(folder)


def test_other_encodings_and_what_is_no_file(folder: Path, tmp_path: Path) -> None:
    (folder / "support.csv").write_bytes(SUPPORT.replace("example", "exämple").encode("latin-1"))
    with pytest.raises(KnowledgeError, match=r"support.csv:3: is not UTF-8"):
        tables.use(folder)
    (folder / "support.csv").unlink()
    (folder / "support.csv").mkdir()
    with pytest.raises(KnowledgeError, match=r"support.csv: cannot be read: it is no file"):
        tables.use(folder)
    with pytest.raises(KnowledgeError, match="there is no file of facts in it"):
        tables.use(folder / "support.csv")
    with pytest.raises(KnowledgeError, match=r"--knowledge .*nowhere: No such file or directory"):
        tables.use(tmp_path / "nowhere")


def test_a_table_of_two_files_holds_where_both_do(folder: Path) -> None:
    fields = (DIRECTORY / "component_config_fields.csv").read_text().replace("to 1.37", "to 1.20", 1)
    (folder / "component_config_fields.csv").write_text(fields)
    (found,) = (one.info for one in tables.use(folder) if one.info.table == "component-config")
    assert (found.start, found.end) == (Minor(1, 15), Minor(1, 20))
