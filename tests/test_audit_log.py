"""Audit logs: who asked for what is counted, in whatever pieces the log comes, and whatever else stands in it."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.semantics.api_requests import AuditLog
from kubepreflight.sources import audit_log as under_test
from kubepreflight.sources.audit_log import AuditLogReader, is_audit_log
from tests.audit_events import audit_line

GONE = {"batch/v1beta1", "policy/v1beta1"}
OTHER = audit_line("pods", "apps/v1", at="2026-11-19T08:00:00.000000Z", deprecated=False)


def read(text: bytes) -> AuditLog:
    reader = AuditLogReader(GONE)
    reader.read(io.BytesIO(text))
    return reader.finish("audit.log")


def test_who_asked_for_which_version_how_often_and_when() -> None:
    log = read(
        OTHER
        + audit_line(at="2026-11-20T08:00:00.000000Z")
        + audit_line(at="2026-11-22T08:00:00.000000Z", verb="watch")
        + audit_line(at="2026-11-21T08:00:00.000000Z", agent="reporter/v0.3 (linux/arm64) kubernetes/def")
        + audit_line("poddisruptionbudgets", "policy/v1beta1", user="jane", agent="kubectl/v1.24.9 (linux/amd64)")
        + audit_line("pods", "apps/v1", at="2026-11-23T08:00:00.000000Z", deprecated=False)
    )
    reporter, jane = log.clients
    assert (reporter.user, reporter.agent, reporter.program) == (
        "system:serviceaccount:tools:reporter",
        "reporter/v0.3",
        "reporter",
    )
    assert (reporter.api_version, reporter.resource) == ("batch/v1beta1", "cronjobs")
    assert reporter.verbs == {"list": 2, "watch": 1}
    assert reporter.first == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert reporter.last == datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert (reporter.deprecated, reporter.removed_release) == (True, "1.25")
    assert (jane.user, jane.program) == ("jane", "kubectl")
    assert (log.first, log.last) == (datetime(2026, 11, 19, 8, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=UTC))
    assert (log.events, log.gaps) == (6, ())


def test_neither_addresses_nor_contents_are_kept() -> None:
    line = audit_line(requestObject={"data": {"password": "hunter2"}}, responseObject={"items": ["hunter2"]})
    assert "hunter2" not in repr(read(line))
    assert "10.0.0.7" not in repr(read(audit_line()))


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        (audit_line(), True),
        (audit_line(deprecated=False), True),  # the table knows the version
        (audit_line("things", "example.com/v1beta1"), True),  # the server calls it deprecated
        (audit_line("things", "example.com/v1beta1", deprecated=False), False),
        (audit_line(code=404), True),  # served, and the object was not there
        (audit_line(code=404, deprecated=False), False),  # not served
        (audit_line(code=403, deprecated=False), False),
        (audit_line(stage="RequestReceived", deprecated=False), False),
        (audit_line(stage="ResponseStarted", verb="watch"), False),  # its end is counted
        (audit_line(stage="Panic", deprecated=True, code=500), True),
        (audit_line(api_version="batch/v1"), False),
        (audit_line(objectRef=None), False),
        (audit_line(requestURI=r"/apis/batch/v1beta1/cronjobs").replace(b"/apis/batch/", rb"\/apis\/batch\/"), True),
        (audit_line().replace(b'"requestURI":', b'"requestURI": '), True),
    ],
)
def test_which_events_count(line: bytes, counted: bool) -> None:
    assert bool(read(OTHER + line + OTHER).clients) is counted


@given(st.integers(1, 3000), st.booleans())
def test_it_does_not_matter_in_which_blocks_it_comes(block: int, crlf: bool) -> None:
    text = (OTHER + audit_line()) * 3
    whole = read(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(under_test, "BLOCK", block)
        assert read(text.replace(b"\n", b"\r\n") if crlf else text) == whole
        assert read(text.rstrip(b"\n")) == whole


@given(st.binary(max_size=200), st.integers(0, 2000))
def test_nothing_that_stands_in_it_stops_the_reader(nonsense: bytes, at: int) -> None:
    text = (OTHER + audit_line()) * 2
    read(text[:at] + nonsense + text[at:])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (audit_line()[:-40] + b"\n", "lines that cannot be read: 1 of 1"),
        (audit_line()[300:] + audit_line(), "lines that cannot be read: 1 of 2"),
        (audit_line() + b"journal: not an event\n" + audit_line(), "lines that cannot be read: 1 of 3"),
        (audit_line() + audit_line().replace(b'"list"', b"list"), "lines that cannot be read: 1 of 2"),
        (audit_line(stage="RequestReceived"), "it has no answers, only requests that came"),
    ],
)
def test_what_could_not_be_read_is_said(text: bytes, reason: str) -> None:
    (gap,) = read(text).gaps
    assert reason in gap.reason
    assert gap.asked


@pytest.mark.parametrize("length", [1, 100, 500])
def test_a_last_line_that_is_still_being_written_is_said_and_is_no_fault(length: int) -> None:
    log = read(audit_line() + audit_line()[:length])
    assert [one.verbs for one in log.clients] == [{"list": 1}]
    (gap,) = log.gaps
    assert "its last line is cut off" in gap.reason
    assert not gap.asked


def test_a_line_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "BLOCK", 1000)
    monkeypatch.setattr(under_test, "LONGEST_LINE", 5000)
    log = read(audit_line() + b"{" + b"x" * 20_000 + b"}\n" + audit_line() + b"{" + b"y" * 20_000)
    assert [one.verbs for one in log.clients] == [{"list": 2}]
    assert any("longer than" in gap.reason for gap in log.gaps)


def test_a_flood_of_clients_is_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "MOST_CLIENTS", 3)
    log = read(b"".join(audit_line(user=f"user-{number}") for number in range(10)))
    assert len(log.clients) == 3
    assert [gap.reason for gap in log.gaps] == ["more than 3 clients; requests of others: 7"]


def test_the_files_of_a_rotated_log_are_one() -> None:
    one = read(audit_line(at="2026-11-20T08:00:00.000000Z"))
    other = read(audit_line(at="2026-11-10T08:00:00.000000Z") + audit_line(user="jane"))
    both = other.joined(one)
    assert (both.files, both.events) == (2, 3)
    assert both.first == datetime(2026, 11, 10, 8, tzinfo=UTC)
    assert [(client.user, client.verbs) for client in both.clients] == [
        ("system:serviceaccount:tools:reporter", {"list": 2}),
        ("jane", {"list": 1}),
    ]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (audit_line(), True),
        (audit_line()[400:] + audit_line(), True),  # cut by rotation
        (b"\n" + audit_line(), True),
        (audit_line().replace(b"audit.k8s.io/v1", b"audit.k8s.io/v1beta1"), True),
        (audit_line().replace(b"audit.k8s.io/v1", b"events.k8s.io/v1"), False),
        (b"apiVersion: audit.k8s.io/v1\nkind: Policy\n", False),
        (b'{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[]}\n', False),
        (b"", False),
    ],
)
def test_how_a_log_is_told_from_other_files(head: bytes, expected: bool) -> None:
    assert is_audit_log(head) is expected


def test_a_time_without_a_zone_is_no_time() -> None:
    log = read(audit_line() + audit_line(at="2026-11-20T08:00:00"))
    assert [gap.reason for gap in log.gaps] == ["lines that cannot be read: 1 of 2"]
    assert [sum(one.verbs.values()) for one in log.clients] == [1]


def test_empty_lines_are_no_fault() -> None:
    log = read(OTHER + b"\n" + OTHER.replace(b"\n", b"\r\n") + b"\r\n  \n\n")
    assert not log.gaps


def test_what_is_kept_of_a_client_has_a_limit() -> None:
    flood = b"".join(
        audit_line(verb=f"{number}{'v' * 5000}", user="u" * 5000, agent="a" * 5000) for number in range(50)
    )
    (client,) = read(flood).clients
    assert len(repr(client)) < 10_000


@pytest.mark.parametrize("nonsense", [b"\n" * 65_000, b" " * 65_000, b"{\n" * 30_000])
def test_nonsense_is_told_from_a_log_at_once(nonsense: bytes) -> None:
    begun = time.process_time()
    assert not is_audit_log(b"audit.k8s.io\n" + nonsense)
    assert time.process_time() - begun < 1
