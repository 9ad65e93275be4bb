"""What every rule owes: a page, references, a case that fires, one that stays silent, one that cannot be checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from kubepreflight.rule import SECTIONS, Rule, load_rules
from kubepreflight.testing import Case
from tools.make_docs import GENERATED, ROOT

CASES = Path(__file__).parent / "cases"
RULES = {one.name: one for one in load_rules() if one.module.startswith("kubepreflight.rules.")}
VERSION = re.compile(r"\b1\.\d\d\b")


def cases(rule: Rule) -> list[Case]:
    files = sorted((CASES / rule.name).glob("*/case.toml"))
    return [msgspec.convert(tomllib.loads(path.read_text()), Case) for path in files]


@pytest.fixture(params=list(RULES.values()), ids=list(RULES))
def rule(request: pytest.FixtureRequest) -> Rule:
    one: Rule = request.param
    return one


def test_it_lies_in_a_module_of_its_name(rule: Rule) -> None:
    assert rule.module == f"kubepreflight.rules.{rule.name.replace('-', '_')}"


def test_its_page_is_whole(rule: Rule) -> None:
    assert tuple(rule.page) == SECTIONS
    assert all(rule.page.values())
    assert rule.references
    assert rule.title.endswith(".")


def test_it_has_a_case_that_fires_one_that_is_silent_and_one_that_cannot_be_checked(rule: Rule) -> None:
    all_of = cases(rule)
    assert any(case.finding for case in all_of), "no case fires"
    assert any(not case.finding and case.status == "checked" for case in all_of), "no case is silent"
    assert any(case.status != "checked" for case in all_of), "no case cannot be checked"


def test_no_version_number_stands_in_its_code(rule: Rule) -> None:
    path = ROOT / "rules" / f"{rule.name.replace('-', '_')}.py"
    code = re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)
    assert not VERSION.findall(re.sub(r"#.*", "", code))


def test_cases_are_of_rules_that_exist() -> None:
    assert {path.name for path in CASES.iterdir() if path.is_dir()} <= RULES.keys()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_what_is_generated_is_not_stale(path: Path) -> None:
    assert path.read_text() == GENERATED[path](), "stale: run `make docs`"
