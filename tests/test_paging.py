"""A list is read page by page, in order, and the next page is asked for as soon as it is known where it begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import Event
from typing import Any, cast

import msgspec
import pytest
from kubernetes.client import Configuration

from kubepreflight.sources.connection import ApiError, Connection
from kubepreflight.sources.paging import pages_of
from tests.fake_api_server import serving

SECONDS = 20


def page(name: str, token: str, *, metadata_last: bool = False) -> bytes:
    metadata, items = {"metadata": {"continue": token}}, {"items": [{"metadata": {"name": name}}]}
    rest = items | metadata if metadata_last else metadata | items
    return json.dumps({"kind": "PodList", "apiVersion": "v1", **rest}, separators=(",", ":")).encode()


class FakeConnection:
    """Three pages; the rest of one comes once the next has been asked for, when `patient`."""

    def __init__(self, *pages: bytes | ApiError, patient: bool = False) -> None:
        self.pages = pages
        self.patient = patient
        self.asked = [Event() for _ in pages]
        self.tokens: list[str] = []

    def get(self, _: str, began: Callable[[bytes], None], **query: Any) -> bytes:
        token = query["continue"]
        number = int(token or 0)
        self.tokens.append(token)
        self.asked[number].set()
        answer = self.pages[number]
        if isinstance(answer, ApiError):
            raise answer
        began(answer[: answer.find(b'"items"') + 10])
        if self.patient and number + 1 < len(self.pages):
            assert self.asked[number + 1].wait(SECONDS)
        return answer


def names(connection: FakeConnection) -> list[str]:
    pages = pages_of(cast(Connection, connection), "/api/v1/pods")
    return [json.loads(body)["items"][0]["metadata"]["name"] for body, version in pages if version == "v1"]


def test_while_a_page_comes_the_next_is_asked_for() -> None:
    connection = FakeConnection(page("a", "1"), page("b", "2"), page("c", ""), patient=True)
    assert names(connection) == ["a", "b", "c"]
    assert connection.tokens == ["", "1", "2"]


def test_no_more_than_one_page_is_asked_for_ahead() -> None:
    connection = FakeConnection(*(page(str(number), str(number + 1)) for number in range(5)), page("5", ""))
    pages = pages_of(cast(Connection, connection), "/api/v1/pods")
    next(pages)
    assert connection.asked[1].wait(SECONDS)
    assert not connection.asked[2].is_set()
    assert len(list(pages)) == 5


def test_a_list_of_custom_resources_says_at_its_end_how_it_goes_on() -> None:
    last = [page(name, token, metadata_last=True) for name, token in (("a", "1"), ("b", "2"), ("c", ""))]
    assert names(FakeConnection(*last)) == ["a", "b", "c"]


def test_what_came_before_a_failure_is_given() -> None:
    connection = FakeConnection(page("a", "1"), page("b", "2"), ApiError(500, "broken"))
    pages = pages_of(cast(Connection, connection), "/api/v1/pods")
    assert len([next(pages), next(pages)]) == 2
    with pytest.raises(ApiError, match=r"^500 broken$"):
        next(pages)


@pytest.mark.parametrize("body", [b"", b"\xff", b'{"metadata":{"continue":7},"items":[]}', b"[" * 100_000])
def test_what_is_no_list_is_said(body: bytes) -> None:
    with pytest.raises(ApiError, match=r"^the answer is no list: "):
        names(FakeConnection(body))


def test_no_struct_is_decoded_for_the_first_time_by_the_threads_that_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """msgspec 0.22 makes what it knows of a struct when it first decodes one, and crashes when two threads do."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a thread that fetches decodes with a decoder that was made before")

    monkeypatch.setattr(msgspec.json, "decode", refuse)
    with serving() as server:
        server.answers["/api/v1/pods"] = [(200, {"kind": "PodList", "items": []}), (403, {"message": "no"})]
        configuration = Configuration()
        configuration.host = server.url
        connection = Connection(configuration, "fake")
        assert len(list(pages_of(connection, "/api/v1/pods"))) == 1
        with pytest.raises(ApiError, match="403 no"):
            list(pages_of(connection, "/api/v1/pods"))
