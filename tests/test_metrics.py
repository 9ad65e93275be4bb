"""The metrics of an API server: what is read of the text, however it is written and wherever it is cut."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client import Configuration

from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.semantics.api_requests import ApiServerMetrics, RequestedApi, ServerRequests
from kubepreflight.snapshot import Collector
from kubepreflight.sources import metrics as under_test
from kubepreflight.sources.cluster import read_cluster
from kubepreflight.sources.connection import Connection
from kubepreflight.sources.metrics import (
    LONGEST_LINE,
    MetricsReader,
    is_metrics,
    metrics_of_file,
    sample,
)
from tests.fake_api_server import serving

TEXT = b"""\
# HELP apiserver_request_total [STABLE] Counter of apiserver requests.
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",group="batch",resource="cronjobs",verb="LIST",version="v1beta1"} 3
apiserver_request_total{code="201",group="batch",resource="cronjobs",verb="LIST",version="v1beta1"} 1e+00
apiserver_request_total{code="403",group="batch",resource="cronjobs",verb="POST",version="v1beta1"} 7
apiserver_request_total{code="200",group="batch",resource="cronjobs",verb="LIST",version="v1"} 900
# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs that have been requested.
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group="batch",removed_release="1.25",resource="cronjobs",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="",removed_release="",resource="endpoints",version="v1"} 1
apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="ingresses",version="v1beta1"} 0
apiserver_requested_deprecated_apis_created{group="x",resource="y",version="v1beta1"} 1
kubernetes_build_info{git_version="v1.24.9",major="1",minor="24"} 1
process_start_time_seconds 1.7950896e+09
# EOF
"""
READ = ServerRequests(
    name="server",
    version="v1.24.9",
    since=datetime(2026, 11, 19, 12, 0, tzinfo=UTC),
    requested=(
        RequestedApi(api_version="batch/v1beta1", resource="cronjobs", verbs={"list": 4}),
        RequestedApi(api_version="v1", resource="endpoints"),
    ),
)


def read(*pieces: bytes) -> ServerRequests:
    reader = MetricsReader()
    for piece in pieces:
        reader.take(piece)
    return reader.finish("server")


def test_of_all_that_a_server_counts_four_metrics_are_read() -> None:
    assert read(TEXT) == READ
    assert read(TEXT.replace(b"\n", b"\r\n")) == READ


@given(st.lists(st.integers(0, len(TEXT)), max_size=20))
def test_it_does_not_matter_where_the_text_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    assert read(*(TEXT[start:end] for start, end in pairwise(edges))) == READ


@given(st.binary(max_size=300), st.integers(0, len(TEXT)))
def test_nothing_that_stands_in_it_stops_the_reader(nonsense: bytes, at: int) -> None:
    read(TEXT[:at], nonsense, TEXT[at:])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('name{a="1"} 2', ("name", {"a": "1"}, 2.0)),
        ('name{a="1",b="2",} 2 1795089600000', ("name", {"a": "1", "b": "2"}, 2.0)),
        ('name { a = "1" , b = "2" } 2', ("name", {"a": "1", "b": "2"}, 2.0)),
        (r'name{a="x\"}\\,\n"} 1', ("name", {"a": 'x"}\\,\n'}, 1.0)),
        ('name{a="1"} 2 # {trace_id="abc"} 0.5 1795089600', ("name", {"a": "1"}, 2.0)),
        ("name 1.5e3", ("name", {}, 1500.0)),
        ("name{} +Inf", ("name", {}, float("inf"))),
        ('name{a="1" 2', None),
        ("name{a=1} 2", None),
        ('name{a="1"}', None),
        ('name{a="1"} two', None),
        ("name", None),
    ],
)
def test_a_line(line: str, expected: tuple[str, dict[str, str], float] | None) -> None:
    assert sample(line) == expected


def test_a_line_without_an_end_is_passed_over_and_the_rest_is_read() -> None:
    reader = MetricsReader()
    for _ in range(3):
        reader.take(b"x" * LONGEST_LINE)
    reader.take(b"\n" + TEXT)
    assert reader.finish("server") == READ
    assert reader.broken


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (TEXT, True),
        (b"\n" + TEXT, True),
        (b"\xef\xbb\xbf" + TEXT, True),
        (TEXT[TEXT.index(b"apiserver_requested_deprecated_apis{") :], True),
        (b"# TYPE up gauge\nup 1\n", True),
        (b"# HELP wanted\nkind: Pod\n", False),
        (b"# TYPE of manifest\napiVersion: v1\n", False),
        (b"apiVersion: v1\nkind: Pod\n", False),
        (b"", False),
    ],
)
def test_how_metrics_are_told_from_other_files(head: bytes, expected: bool) -> None:
    assert is_metrics(head) is expected


def saved(text: bytes) -> ApiServerMetrics:
    reader = MetricsReader()
    reader.read(io.BytesIO(text))
    return metrics_of_file(reader, "metrics.txt")


def test_metrics_of_something_else_are_said_to_be() -> None:
    found = saved(b"# TYPE up gauge\nup 1\n")
    assert found.servers == ()
    assert [gap.reason for gap in found.gaps] == ["metrics, but not of an API server"]
    assert saved(TEXT).gaps == ()


@pytest.mark.parametrize(
    "line",
    [
        b"apiserver_requested_deprecated_apis{group= 1",
        b"apiserver_requested_deprecated_apis 1",
        b'apiserver_requested_deprecated_apis{group="batch",resource="cronjobs"} 1',
        b'apiserver_requested_deprecated_apis{group="batch",resource="cronjobs",version="v1beta1"} NaN',
        b'apiserver_requested_deprecated_apis{group="batch",resource="cronjobs",version="v1beta1"} +Inf',
    ],
)
def test_broken_lines_are_counted(line: bytes) -> None:
    (gap,) = saved(TEXT + line + b"\n").gaps
    assert gap.reason == "lines that cannot be read: 1"
    assert gap.asked


def test_the_same_server_read_twice_counts_once_and_two_count_both() -> None:
    collector = Collector(Wanted.by([]))
    for text in (TEXT, TEXT, TEXT.replace(b"1.7950896e+09", b"1.7950897e+09")):
        collector.give(saved(text))
    assert len(collector.given[ApiServerMetrics].servers) == 2


def live(answer: object, *, wanted: bool = True) -> ApiServerMetrics | None:
    with serving() as server:
        server.answers["/metrics"] = answer  # type: ignore[assignment]
        configuration = Configuration()
        configuration.host = server.url
        collector = Collector(Wanted.by([Parameter("", None, ApiServerMetrics, False)] if wanted else []))
        read_cluster(collector, Connection(configuration, "fake"))
        return collector.given.get(ApiServerMetrics)


def test_a_live_scan_asks_the_server_that_it_talks_to() -> None:
    found = live((200, b"# a long text\n" * 50_000 + TEXT))
    assert found is not None
    assert [one.requested for one in found.servers] == [READ.requested]


def test_nobody_is_asked_for_what_no_rule_wants() -> None:
    assert live((200, TEXT), wanted=False) is None


def test_a_connection_that_breaks_is_tried_anew_from_the_start() -> None:
    found = live([None, (200, TEXT)])
    assert found is not None
    assert [one.requested for one in found.servers] == [READ.requested]


@pytest.mark.parametrize(
    ("answer", "reason", "how"),
    [
        ((403, {"message": "forbidden"}), "403 forbidden", "kubepreflight rbac"),
        ((404, {"message": "not found"}), "404 not found", "scan again"),
        ((200, b"<html>a proxy</html>"), "are not an API server's", "kubectl get --raw"),
    ],
)
def test_what_it_does_not_give_is_a_gap(answer: object, reason: str, how: str) -> None:
    found = live(answer)
    assert found is not None
    (gap,) = found.gaps
    assert reason in gap.reason
    assert how in gap.how
    assert gap.asked
    assert found.servers == ()


def test_a_flood_of_series_is_said_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "MOST_SERIES", 10)
    lines = (f'{under_test.DEPRECATED}{{group="g{number}",version="v1beta1",resource="r"}} 1' for number in range(12))
    (gap,) = saved("\n".join(lines).encode()).gaps
    assert gap.reason == "more than 10 versions of resources; left out: 2"


def test_neither_verbs_without_end_nor_endless_names_are_kept() -> None:
    labels = 'group="batch",version="v1beta1",resource="cronjobs"'
    verbs = "".join(f'{under_test.REQUESTS}{{{labels},verb="V{number}"}} 1\n' for number in range(1000))
    endless = f'{under_test.DEPRECATED}{{group="{"g" * 5000}",version="v1beta1",resource="r"}} 1\n'
    (asked,) = read(f"{verbs}{endless}{under_test.DEPRECATED}{{{labels}}} 1\n".encode()).requested
    assert len(asked.verbs) == under_test.MOST_VERBS
