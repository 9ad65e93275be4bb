"""Rules that are none, and folders of rules that do not load: each is refused with the reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubepreflight.errors import PluginError
from kubepreflight.finding import NOTE, Finding
from kubepreflight.inputs import parameters_of
from kubepreflight.objects import Pod
from kubepreflight.rule import load_rules, rule


def test_a_rule_without_a_page_or_with_an_untyped_parameter_is_refused() -> None:
    def no_page(pods: list[Pod]) -> Iterator[Finding]:
        yield from ()

    with pytest.raises(PluginError, match="no docstring"):
        rule(severity=NOTE, area="drain", phase="before")(no_page)
    with pytest.raises(PluginError, match="no area 'weather'"):
        rule(severity=NOTE, area="weather", phase="before")(no_page)
    with pytest.raises(TypeError, match="has no type"):
        parameters_of(lambda pods: pods)


RULE_OF_ONES_OWN = """
from kubepreflight.finding import NOTE
from kubepreflight.rule import rule

@rule(severity=NOTE, area="nodes", phase="before")
def mine():
    "It is mine."
    return ()
"""


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a/mine.py": RULE_OF_ONES_OWN, "b/mine.py": RULE_OF_ONES_OWN}, "two rules are called 'mine'"),
        ({"a/other.py": "", "b/mine.py": RULE_OF_ONES_OWN}, "no module in it has a rule"),
        ({"a/mine.py": RULE_OF_ONES_OWN, "b/ends.py": "raise SystemExit(0)"}, "does not load: SystemExit"),
    ],
)
def test_folders_of_rules_that_would_be_lost_in_silence_are_refused(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    folders = [tmp_path / one / "rules" for one in ("a", "b")]
    for name, text in files.items():
        path = tmp_path / name.replace("/", "/rules/")
        path.parent.mkdir(parents=True)
        path.write_text(text)
    with pytest.raises(PluginError, match=said):
        load_rules(folders)
