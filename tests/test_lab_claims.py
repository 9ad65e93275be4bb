"""How a replay compares what was predicted with what was seen, and writes it down."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Phase, Severity, Subject
from kubepreflight.report import Cluster, CoverageStatus, Report, ReportFinding, RuleCoverage, Tool, Verdict
from tools.lab.claims import Claim, Concludes, Prediction, Row, Says, Shows, Silent, compare, line, sentence
from tools.lab.outcomes import Outcome, keep, kept, page, told
from tools.lab.plan import Plan
from tools.lab.replay import Scenario, all_scenarios

RULE, LOG = "drain-stops-at-bare-pod", "error: cannot delete Pods that declare no controller\nThere are pending nodes"
STOPS = Shows("drain", "cannot delete Pods")


def finding(
    name: str = "alone", severity: Severity = WARNING, message: str = "Nobody makes it again."
) -> ReportFinding:
    return ReportFinding(
        rule=RULE,
        severity=severity,
        area="drain",
        phase=Phase.NODE_UPGRADE,
        hop=None,
        subject=Subject(kind="Pod", name=name),
        places=(),
        count=1,
        message=message,
        evidence={},
        remedy="",
        references=(),
        fingerprint="",
    )


def report(*findings: ReportFinding, status: CoverageStatus = CoverageStatus.CHECKED) -> Report:
    return Report(
        schema="",
        cluster=Cluster(),
        upgrade=None,
        verdict=Verdict.GO,
        summary="nothing found",
        findings=findings,
        coverage=(RuleCoverage(rule=RULE, area="drain", status=status),),
        gaps=(),
        sources=(),
        knowledge=(),
        tool=Tool(name="", version=""),
        created=datetime(2026, 11, 27, tzinfo=UTC),
    )


def agree(says: Prediction | None, shows: Shows, *findings: ReportFinding, rules: tuple[str, ...] = (RULE,)) -> str:
    return compare([Claim(says=says, shows=shows)], {"": report(*findings)}, {"drain": LOG}, rules)[0].agree


@pytest.mark.parametrize(
    ("says", "findings", "word"),
    [
        (Says(RULE, WARNING, "alone", "makes it again"), [finding()], "yes"),
        (Says(RULE, WARNING), [finding("other"), finding()], "yes"),
        (Says(RULE, BLOCKER, "alone"), [finding()], "no"),
        (Says(RULE, WARNING, "alone", "is kept"), [finding()], "no"),
        (Says(RULE, WARNING, "alone"), [finding("other")], "no"),
        (Says(RULE, WARNING, "alone"), [], "no"),
        (Silent(RULE, "alone"), [finding("other")], "yes"),
        (Silent(RULE, "alone"), [finding()], "no"),
        (Concludes([Verdict.GO]), [], "yes"),
        (Concludes([Verdict.NO_GO]), [], "no"),
        (None, [], "yes"),
    ],
)
def test_the_scan_has_to_say_what_is_claimed(says: Prediction | None, findings: list[ReportFinding], word: str) -> None:
    assert agree(says, STOPS, *findings) == word
    assert agree(says, Shows("drain", "evicting pod"), *findings) == "no", "whatever the scan says: it did not happen"
    assert agree(says, Shows("uncordon", ""), *findings) == "no", "nobody looked"


def test_a_rule_that_is_not_there_is_waited_for_and_what_happens_is_seen_all_the_same() -> None:
    assert agree(Says("to-come", BLOCKER), STOPS, rules=()) == "waiting"
    assert agree(Silent("to-come"), STOPS, rules=()) == "waiting"
    assert agree(Says("to-come", BLOCKER), Shows("drain", "evicting pod"), rules=()) == "no"


def test_silence_of_a_rule_that_could_not_look_is_no_prediction() -> None:
    blind = report(status=CoverageStatus.NOT_CHECKED)
    claims = [Claim(says=Silent(RULE), shows=STOPS)]
    assert compare(claims, {"": blind}, {"drain": LOG}, [RULE])[0].agree == "no"


def test_a_scan_that_was_not_made_agrees_with_nothing() -> None:
    claims = [Claim(says=Silent(RULE), shows=STOPS, scan="later")]
    assert compare(claims, {"": report()}, {"drain": LOG}, [RULE])[0].agree == "no"


def test_a_blocker_that_nothing_makes_true_disagrees() -> None:
    claims = [Claim(says=Says(RULE, BLOCKER, "alone"), shows=STOPS)]
    found = report(finding(severity=BLOCKER), finding("other", BLOCKER), finding("third", NOTE))
    assert [row.agree for row in compare(claims, {"": found}, {"drain": LOG}, [RULE])] == ["yes", "no"]


@pytest.mark.parametrize(
    ("pattern", "quoted"),
    [
        ("no controller", "error: cannot delete Pods that declare no controller"),
        ("pending", "There are pending nodes"),
    ],
)
def test_a_program_is_quoted_by_the_line(pattern: str, quoted: str) -> None:
    assert line(pattern, LOG) == quoted


@pytest.mark.parametrize(
    ("pattern", "text", "quoted"),
    [
        ("second", "The first one. The second: of 1.36.3. kubeadm is third.", "The second: of 1.36.3."),
        ("kubeadm", "The first one. The second: of 1.36.3. kubeadm is third.", "kubeadm is third."),
        ("", "all. Of it.", "all. Of it."),
        ("b+", "a" * 1000 + "bb" + "c" * 1000, "a" * 100 + "bb" + "c" * 297 + "…"),
        ("red", "\x1b[0;31mred\x1b[0m", "red"),
    ],
)
def test_a_finding_is_quoted_by_the_sentence(pattern: str, text: str, quoted: str) -> None:
    assert sentence(pattern, text) == quoted


def outcome(name: str, *agree: str, failure: str = "") -> Outcome:
    rows = tuple(Row(rule=RULE, predicted="a | b", observation="log", happened="<c>\nd", agree=word) for word in agree)
    return Outcome(
        name=name,
        title=f"Title of {name}.",
        story="Story.",
        versions="1.36.3 → 1.37.2",
        machine="1 + 1 nodes",
        date="2026-11-27",
        seconds=200,
        rows=rows,
        failure=failure,
    )


@pytest.mark.parametrize(
    ("one", "agrees", "result"),
    [
        (outcome("a", "yes", "yes"), True, "2 agree"),
        (outcome("a", "yes", "waiting"), True, "1 agree, 1 waiting"),
        (outcome("a", "yes", "no"), False, "1 agree, **1 disagree**"),
        (outcome("a", "yes", failure="kubeadm init fails"), False, "1 agree, **not finished**"),
    ],
)
def test_the_result_in_a_word(one: Outcome, agrees: bool, result: str) -> None:
    assert (one.agrees, one.result) == (agrees, result)
    assert result in told(one)
    assert "3 min 20 s" in page([one])


def test_another_run_of_one_scenario_renews_that_one_alone(tmp_path: Path) -> None:
    folder = tmp_path / "replays"
    keep(outcome("b", "yes"), folder)
    keep(outcome("a", "no"), folder)
    keep(outcome("a", "waiting"), folder)
    assert kept(folder) == [outcome("a", "waiting"), outcome("b", "yes")]
    written = (tmp_path / "replays.md").read_text(encoding="utf-8")
    assert written == page(kept(folder))
    assert f"| {RULE} | a \\| b | *log*: \\<c\\> d | **waiting** |" in written


@pytest.mark.parametrize("one", all_scenarios().values(), ids=lambda one: one.name)
def test_every_scenario_tells_its_story_and_can_name_its_lab(one: Scenario) -> None:
    assert one.title.endswith(".")
    assert one.story
    assert one.claims
    assert Plan(name=f"replay-{one.name}", version="1.36.3")


def test_the_page_is_that_of_the_outcomes_beside_it() -> None:
    docs = Path(__file__).parent.parent / "docs"
    assert (docs / "replays.md").read_text(encoding="utf-8") == page(kept(docs / "replays"))
