import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from kubepreflight.finding import Gap, Severity, Subject
from kubepreflight.report import CoverageStatus, KnowledgeRecord, Report, RuleCoverage
from kubepreflight.reports.text import render
from kubepreflight.writer import Medium
from tests.report_samples import (
    filled_with,
    healthy_cluster,
    home_cluster,
    large_cluster,
    make_finding,
    make_report,
)

ANSI = re.compile(r"\x1b\[[0-9;]*m")
MAY_BE_LONG = re.compile(r"kubectl |kubeadm |crictl |sed |apt-|kubepreflight |https?://|`")


def text_of(report: Report, width: int = 80) -> str:
    text: str = render(report, Medium(width=width))
    return text


def test_the_verdict_stands_first() -> None:
    assert text_of(home_cluster()).startswith("NO-GO: 4 blockers, 3 warnings, 3 notes; manifests not looked at")
    assert text_of(healthy_cluster()).startswith("GO: nothing stands in the way")


def test_what_is_worst_comes_first_and_what_was_not_seen_before_what_was_read() -> None:
    text = text_of(home_cluster())
    headings = ["BLOCKERS (4)", "WARNINGS (3)", "NOTES (3)", "ACCEPTED (1)", "NOT CHECKED (5 rules)", "READ"]
    places = [text.index(heading) for heading in headings]
    assert places == sorted(places)


def test_a_finding_says_where_why_what_was_seen_and_what_to_type() -> None:
    finding = make_finding(
        "drain-stops-at-bare-pod",
        Subject(kind="Pod", namespace="default", name="debug", node="w1"),
        "No controller owns it.",
        "Delete it: kubectl -n default delete pod debug",
        evidence={"owner": "none", "nodes": ["w1", "w2"], "restarted": True},
        references=("https://kubernetes.io/docs/x/",),
    )
    assert text_of(make_report((finding,))).split("BLOCKERS")[1].split("READ")[0].splitlines()[2:] == [
        "B1    Pod default/debug on w1",
        "      drain-stops-at-bare-pod, node upgrade",
        "      No controller owns it.",
        "      evidence  owner: none      nodes: w1, w2    restarted: yes",
        "      remedy    Delete it:",
        "                  kubectl -n default delete pod debug",
        "      see       https://kubernetes.io/docs/x/",
        "",
    ]


@pytest.mark.parametrize("width", [20, 40, 80, 100, 120, 250])
@pytest.mark.parametrize("report", [home_cluster(), large_cluster(60), filled_with("a very long " + "name" * 99)])
def test_lines_fit_and_only_commands_and_links_are_longer(report: Report, width: int) -> None:
    for line in text_of(report, width).splitlines():
        assert cell_len(line) <= max(width, 40) or MAY_BE_LONG.search(line), line


@pytest.mark.parametrize("width", [40, 80, 160])
def test_commands_are_never_wrapped(width: int) -> None:
    lines = [line.strip() for line in text_of(home_cluster(), width).splitlines()]
    assert "kubectl -n istio-system scale deployment istio-pilot --replicas=2" in lines
    assert "crictl ps -q --label tier=control-plane | xargs -r crictl stop" in lines
    assert "sed -i 's/v1.15/v1.16/' /etc/apt/sources.list.d/kubernetes.list" in lines
    assert any("`kubeadm alpha certs check-expiration`" in line for line in lines)


def test_a_wide_terminal_is_used() -> None:
    assert len(text_of(home_cluster(), 160).splitlines()) < 0.9 * len(text_of(home_cluster(), 80).splitlines())


def test_colour_changes_nothing_but_colour() -> None:
    coloured = render(home_cluster(), Medium(width=80, color=True))
    assert "\x1b[" not in text_of(home_cluster())
    assert "\x1b[31m" in coloured
    assert ANSI.sub("", coloured) == text_of(home_cluster())


@pytest.mark.parametrize(
    ("number", "told"),
    [(12, "12 rules: rule-0, rule-1,"), (30, "30 rules: nodes 15, certificates 15 (-o html names them)")],
)
def test_rules_that_lack_the_same_input_are_one_paragraph(number: int, told: str) -> None:
    gap = Gap(input="hosts", reason="no node was looked at", how="kubepreflight collect --ssh cp1,cp2 --to hosts/")
    coverage = tuple(
        RuleCoverage(
            rule=f"rule-{n}", area=("nodes", "certificates")[n % 2], status=CoverageStatus.NOT_CHECKED, gaps=(gap,)
        )
        for n in range(number)
    )
    text = text_of(make_report(coverage=coverage))
    assert f"NOT CHECKED ({number} rules)" in text
    assert text.count("no node was looked at") == text.count("kubepreflight collect --ssh cp1,cp2 --to hosts/") == 1
    assert told in text


def test_kinds_of_which_nothing_was_given_are_named_once() -> None:
    how = "scan the live cluster"
    gaps = tuple(
        Gap(input=kind, reason=f"nothing holds {kind}, who knows", how=f"{how}, or add:\n  kubectl get {kind}")
        for kind in ("pods", "nodes")
    )
    text = text_of(make_report(gaps=(*gaps, Gap(input="leases", reason="nothing holds leases, who knows", how=how))))
    assert "pods, nodes, leases\n      nothing holds these, who knows\n" in text
    assert text.count(how) == 1


def test_many_tables_of_one_range_are_a_number() -> None:
    usual = [KnowledgeRecord(table=f"t{n}", start="1.15", end="1.37", date=f"2026-11-{n + 1:02}") for n in range(20)]
    own = msgspec.structs.replace(usual[0], table="flags", own=("own/flags.csv",))
    late = msgspec.structs.replace(usual[0], table="patches", start="1.22")
    report = msgspec.structs.replace(make_report(), knowledge=(own, late, *usual))
    told = " ".join(text_of(report).partition("knowledge")[2].split())
    assert told.startswith(
        "20 tables (1.15 to 1.37, 2026-11-01 to 2026-11-20), flags (1.15 to 1.37, 2026-11-01, own/flags.csv), "
        "patches (1.22 to 1.37, 2026-11-01) "
    )


def test_gaps_that_differ_by_a_name_are_one_paragraph_with_every_command() -> None:
    gaps = [
        Gap(input="hosts", subject=name, reason="no facts from this node", how=f"collect again:\n  ssh {name} collect")
        for name in ("w1", "w2", "w3")
    ]
    text = text_of(make_report(gaps=tuple(gaps)))
    assert text.count("no facts from this node") == text.count("collect again:") == 1
    assert "w1, w2, w3: no facts from this node" in text
    assert all(f"ssh {name} collect\n" in text for name in ("w1", "w2", "w3"))


def test_what_crashed_what_is_off_and_what_was_accepted_is_said() -> None:
    text = text_of(home_cluster())
    assert "ceph-unhealthy crashed" in text
    assert "AttributeError: 'NoneType' object has no attribute 'health'" in text
    assert "switched off: 1 rule: clock-skew" in text
    assert "because   cp4 replaces cp3 next week; platform team; until 2020-03-31" in text


def test_the_first_places_and_their_number_are_shown() -> None:
    places = tuple(Subject(kind="Pod", name=f"p{n}") for n in range(50))
    finding = make_finding("some-rule", Subject(kind="Deployment", name="d"), "m", "r", places=places)
    text = text_of(make_report((finding,)))
    assert "50, the first 6:" in text
    assert "Pod p5" in text
    assert "Pod p6" not in text


def test_thousands_of_findings_stay_readable_and_all_there() -> None:
    report = large_cluster(2000)
    text = text_of(report)
    assert "12 more of package-not-held" in text
    assert all(str(one.subject) in text for one in report.findings)
    assert len(text.splitlines()) < 3 * len(report.findings)


def test_one_link_is_shown_once() -> None:
    findings = [make_finding("some-rule", Subject(name=f"s{n}"), "m", "r", references=("https://x/y",)) for n in (1, 2)]
    assert text_of(make_report(tuple(findings))).count("https://x/y") == 1


def test_several_hops_are_named_and_a_single_one_is_not() -> None:
    assert "removed-api, after the upgrade, 1.31 → 1.32" in text_of(large_cluster(60))
    assert "drain-stops-at-bare-pod, node upgrade\n" in text_of(home_cluster())


def test_a_plan_that_was_assumed_says_so() -> None:
    report = home_cluster()
    assert report.upgrade is not None
    upgrade = msgspec.structs.replace(report.upgrade, start="", assumed="no cluster was read", half_upgraded=True)
    text = text_of(msgspec.structs.replace(report, upgrade=upgrade))
    assert "assumed   no cluster was read" in text
    assert "already begun" in text
    assert "upgrade" not in text_of(msgspec.structs.replace(report, upgrade=None, findings=())).split("NOT CHECKED")[0]


def test_an_endless_name_is_shortened() -> None:
    text = text_of(filled_with("x" * 10_000))
    assert "…(10000 characters)…" in text.replace("\n", "").replace("      ", "") or "characters)…" in text
    assert "x" * 400 not in re.sub(r"\s", "", text)
    assert len(text) < 200_000


def test_a_name_cannot_pretend_to_be_a_line_of_the_report() -> None:
    text = text_of(filled_with("w1\nGO: everything is fine\x1b[2J\u202e"))
    assert not any(line.startswith("GO") for line in text.splitlines())
    assert "w1\\nGO: everything is fine\\x1b[2J\\u202e" in text


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(codec=None), max_size=60), st.sampled_from([40, 80, 200]))
def test_whatever_a_cluster_holds_no_control_character_gets_through(anything: str, width: int) -> None:
    assert all(line.isprintable() for line in text_of(filled_with(anything), width).split("\n"))


@pytest.mark.parametrize("severity", list(Severity))
def test_order_is_the_order_of_the_report(severity: Severity) -> None:
    text, report = text_of(home_cluster()), home_cluster()
    body = text.split("BLOCKERS", 1)[1]
    places = [body.index(one.message[:20]) for one in report.of(severity)]
    assert places == sorted(places)
