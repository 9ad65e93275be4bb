import json
from datetime import timedelta, timezone
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubepreflight.finding import Subject
from kubepreflight.report import Report, json_schema
from kubepreflight.reports.json import render
from kubepreflight.writer import Medium
from tests.report_samples import (
    START,
    filled_with,
    healthy_cluster,
    home_cluster,
    large_cluster,
    make_finding,
    make_report,
)
from tools import make_schema

SCHEMA = make_schema.SCHEMA


def written(report: Report) -> Any:
    return json.loads(render(report, Medium()))


def test_the_shipped_schema_is_that_of_the_structs() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == make_schema.text(), "stale: make docs"


@pytest.mark.parametrize(
    "report",
    [
        home_cluster(),
        healthy_cluster(),
        large_cluster(30),
        filled_with("<b>\x1b\u202e\ud800"),
        msgspec.structs.replace(home_cluster(), upgrade=None),
    ],
    ids=["trouble", "healthy", "large", "hostile", "no plan"],
)
def test_reports_are_as_the_schema_says(report: Report) -> None:
    validator = jsonschema.Draft202012Validator(
        json.loads(SCHEMA.read_text(encoding="utf-8")),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    validator.validate(written(report))


def test_the_schema_refuses_what_is_no_report() -> None:
    data = written(home_cluster())
    data["verdict"] = "maybe"
    data["created"] = 5
    errors = jsonschema.Draft202012Validator(json_schema()).iter_errors(data)
    assert {tuple(error.path) for error in errors} == {("verdict",), ("created",)}


def test_its_shape() -> None:
    data = written(home_cluster())
    assert data["schema"] == "kubepreflight.report/v1"
    assert list(data) == [
        *("schema", "cluster", "upgrade", "verdict", "summary", "findings", "coverage", "gaps", "sources"),
        *("knowledge", "tool", "created", "nodes", "certificates"),
    ]
    assert data["upgrade"] == {
        "from": "1.15.12",
        "to": "1.16",
        "hops": [{"from": "1.15", "to": "1.16"}],
        "start": "2020-03-02T08:00:00Z",
        "end": "2020-03-16T08:00:00Z",
        "halfUpgraded": False,
        "assumed": "",
        "controlPlanes": [],
        "upgraded": [],
    }
    finding = data["findings"][2]
    assert list(finding) == [
        *("rule", "severity", "area", "phase", "hop", "subject", "places", "count", "message", "evidence", "remedy"),
        *("references", "fingerprint", "waiver"),
    ]
    assert finding["subject"] == {
        "apiVersion": "policy/v1beta1",
        "kind": "PodDisruptionBudget",
        "namespace": "istio-system",
        "name": "istio-pilot",
    }
    assert data["knowledge"][0] == {
        "table": "API lifecycle",
        "from": "1.8",
        "to": "1.37",
        "date": "2026-11-20",
        "own": [],
    }


def test_every_place_and_every_traceback_is_kept() -> None:
    places = tuple(Subject(kind="Pod", name=f"p{n}") for n in range(500))
    finding = make_finding("some-rule", Subject(kind="Deployment", name="d"), "m", "r", places=places)
    assert len(written(make_report((finding,)))["findings"][0]["places"]) == 500
    crashed = [one for one in written(home_cluster())["coverage"] if one["status"] == "crashed"]
    assert "line 31, in ceph_unhealthy" in crashed[0]["traceback"]


@pytest.mark.parametrize("report", [home_cluster(), healthy_cluster(), filled_with("plain")])
def test_it_reads_back_as_the_same_report(report: Report) -> None:
    assert render(msgspec.json.decode(render(report, Medium()), type=Report), Medium()) == render(report, Medium())


def test_times_are_in_utc() -> None:
    elsewhere = START.astimezone(timezone(timedelta(hours=5, minutes=30)))
    report = msgspec.structs.replace(home_cluster(), created=elsewhere)
    assert written(report)["created"] == "2020-03-02T08:00:00Z"


@pytest.mark.parametrize(
    ("value", "written_as"),
    [
        ("a\x1b[31m\x9b\u202e\u2028b", "a\x1b[31m\x9b\u202e\u2028b"),
        ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"),
        ("not utf-8: \udcff", "not utf-8: \\udcff"),
        (float("nan"), "nan"),
        (1.5, 1.5),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_values_survive(value: Any, written_as: Any) -> None:
    finding = make_finding("some-rule", Subject(name="x"), "m", "r", evidence={"value": value})
    assert written(make_report((finding,)))["findings"][0]["evidence"] == {"value": written_as}


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.characters(codec=None), max_size=80))
def test_whatever_a_cluster_holds_it_is_utf8_and_safe_to_print(anything: str) -> None:
    text = render(filled_with(anything), Medium())
    assert all(line.isprintable() for line in text.split("\n"))
    name = json.loads(text.encode("utf-8"))["cluster"]["name"]
    assert name == anything.encode("utf-8", "backslashreplace").decode("utf-8")
