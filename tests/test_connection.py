"""What a request does that is not simply answered: how long it is waited for, and what is said when it fails."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes.client import Configuration

from kubepreflight.errors import SourceError
from kubepreflight.semantics.credential import ScanCredential
from kubepreflight.sources import connection as under_test
from kubepreflight.sources.connection import ApiError, Connection
from kubepreflight.sources.unreachable import advice, plain_reason
from tests.fake_api_server import FakeApiServer, serving
from tests.test_certificate_words import certificate

BUSY = (429, {"message": "too many requests"}, {"Retry-After": "1"})
LATE = (504, {"message": "took too long"})
FINE = (200, b"fine")


@pytest.fixture
def server() -> Iterator[FakeApiServer]:
    with serving() as fake:
        yield fake


def connected(server: FakeApiServer, token: str = "", proxy: str = "") -> Connection:
    configuration = Configuration()
    configuration.host = server.url
    configuration.proxy = proxy or None
    if token:
        configuration.api_key["BearerToken"] = f"Bearer {token}"
    return Connection(configuration, "fake")


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(under_test, "time", clock)
    return clock


def test_waits_for_a_busy_server(server: FakeApiServer, clock: Clock) -> None:
    server.answers["/a"] = [BUSY, BUSY, FINE]
    assert connected(server).get("/a") == b"fine"
    assert clock.now == 1002


@pytest.mark.parametrize("seconds", ["²", "soon", ""])
def test_waits_a_second_for_a_server_that_does_not_say_how_long(
    server: FakeApiServer, clock: Clock, seconds: str
) -> None:
    server.answers["/a"] = [(429, b"", {"Retry-After": seconds}), FINE]
    assert connected(server).get("/a") == b"fine"
    assert clock.now == 1001


def test_a_server_that_stays_busy_is_waited_for_once_and_not_for_each_kind(server: FakeApiServer, clock: Clock) -> None:
    server.answers["/a"] = server.answers["/b"] = BUSY
    server.answers["/c"] = [FINE, BUSY, FINE]
    connection = connected(server)
    for path in ("/a", "/b"):
        with pytest.raises(ApiError, match="429 too many requests"):
            connection.get(path)
    assert clock.now == 1000 + under_test.PATIENCE_SECONDS
    assert [connection.get("/c"), connection.get("/c")] == [b"fine", b"fine"]


def test_a_connection_that_broke_is_tried_once_more_while_the_server_lives(server: FakeApiServer) -> None:
    server.answers["/a"] = [None, FINE, None, None, FINE]
    connection = connected(server)
    assert connection.get("/a") == b"fine"
    with pytest.raises(ApiError, match="closed connection"):
        connection.get("/a")


def test_of_a_server_that_is_gone_nothing_more_is_asked(server: FakeApiServer) -> None:
    server.answers["/version"] = None
    server.answers["/a"] = [None]
    connection = connected(server)
    with pytest.raises(ApiError, match="closed connection"):
        connection.get("/a")
    asked = len(server.requests)
    with pytest.raises(ApiError, match="went away"):
        connection.get("/b")
    assert len(server.requests) == asked


def test_a_server_that_answers_nothing_in_time_is_given_up(server: FakeApiServer) -> None:
    server.answers["/a"] = LATE
    server.answers["/b"] = FINE
    connection = connected(server)

    def late(times: int, reason: str) -> None:
        for _ in range(times):
            with pytest.raises(ApiError, match=reason):
                connection.get("/a")

    late(under_test.TIMEOUTS - 1, "504 took too long")
    assert connection.get("/b") == b"fine"
    late(under_test.TIMEOUTS, "504 took too long")
    late(1, "gives no answer in time any more")


def test_asks_for_compressed_answers(server: FakeApiServer) -> None:
    server.answers["/a"] = (200, gzip.compress(b"fine"), {"Content-Encoding": "gzip"})
    assert connected(server).get("/a") == b"fine"
    assert server.sent("Accept-Encoding") == ["gzip"]


def test_a_compressed_answer_that_is_broken_is_no_answer(server: FakeApiServer) -> None:
    server.answers["/a"] = (200, b"fine", {"Content-Encoding": "gzip"})
    with pytest.raises(ApiError, match="decompressing"):
        connected(server).get("/a")


@pytest.mark.parametrize(("token", "sent"), [("plain", "Bearer plain"), ("from-a-file\n", "Bearer from-a-file")])
def test_a_token_may_end_with_the_end_of_its_file(server: FakeApiServer, token: str, sent: str) -> None:
    server.answers["/a"] = FINE
    connection = connected(server, token)
    connection.get("/a")
    assert server.sent("Authorization") == [sent]
    assert connection.credential == ScanCredential(context="fake", kind="token")


@pytest.mark.parametrize("token", ["planted\nsecret", "planted\x00", "planted€"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(server: FakeApiServer, token: str) -> None:
    with pytest.raises(SourceError, match="characters that no token can have") as caught:
        connected(server, token)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            b"Client sent an HTTP request to an HTTPS server.\n",
            "400 for /a: Client sent an HTTP request to an HTTPS server",
        ),
        (b"<html>a proxy's page</html>", "400 for /a"),
        (b"\x00\xff", "400 for /a"),
        (b'{"message": "no"}', "400 no"),
        (b"", "400 for /a"),
    ],
)
def test_a_refusal_is_quoted(server: FakeApiServer, body: bytes, reason: str) -> None:
    server.answers["/a"] = (400, body)
    with pytest.raises(ApiError) as caught:
        connected(server).get("/a")
    assert str(caught.value) == reason


def failed(code: int, text: str) -> ApiError:
    inner = ssl.SSLCertVerificationError(
        1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {text} (_ssl.c:9)"
    )
    inner.verify_code = code
    try:
        try:
            raise OSError("around it") from inner
        except OSError as error:
            raise ApiError(0, plain_reason(error)) from error
    except ApiError as error:
        return error


@pytest.mark.parametrize(
    ("error", "said", "todo"),
    [
        (failed(20, "unable to get local issuer certificate"), "unable to get local issuer certificate", "pki/ca.crt"),
        (failed(64, "IP address mismatch"), "IP address mismatch", "tls-server-name"),
        (failed(10, "certificate has expired"), "certificate has expired", "kubeadm certs check-expiration"),
        (ApiError(0, "Connection refused"), "Connection refused", "allowed to reach it"),
        (ApiError(401, "Unauthorized"), "401", "have they expired"),
        (ApiError(403, 'User "system:anonymous" cannot'), "403", "no credentials"),
        (ApiError(429, "too many"), "429", "busy"),
        (ApiError(503, "down"), "503", "readyz"),
        (ApiError(302, "elsewhere"), "302", ""),
    ],
)
def test_what_to_do_about_a_server_that_cannot_be_used(error: ApiError, said: str, todo: str) -> None:
    assert said in str(error)
    assert "_ssl" not in str(error)
    advised = advice(error.status, error, ScanCredential(context="home", kind="token"))
    assert todo in advised
    assert bool(todo) == bool(advised)


def test_of_a_client_certificate_that_has_ended_it_says_so(server: FakeApiServer) -> None:
    now = datetime.now(UTC)
    refused: Any = ApiError(401, "Unauthorized")
    for days, said in ((-1, "ended at"), (1, "have they expired")):
        ends = certificate("kubeconfig", now + timedelta(days=days))
        assert said in advice(401, refused, ScanCredential(context="home", kind="certificate", certificates=(ends,)))


def test_who_acts_as_another_is_told_that_it_may_be_that() -> None:
    assert "Without --as" in advice(403, ApiError(403, "no"), ScanCredential(context="home", kind="token"), "alice")


def test_goes_through_a_proxy_with_or_without_a_scheme_and_a_user(server: FakeApiServer) -> None:
    address = server.url.removeprefix("http://")
    server.url = "http://api.example"
    server.answers["http://api.example/a"] = server.answers["//api.example/a"] = server.answers["/a"] = FINE
    for proxy in (f"http://{address}", address, f"http://alice:pass%20word@{address}"):
        assert connected(server, proxy=proxy).get("/a") == b"fine"
    assert server.sent("Proxy-Authorization") == ["Basic YWxpY2U6cGFzcyB3b3Jk"]


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("ftp://127.0.0.1:1", "unsupported scheme ftp"),
        ("http://[", "the proxy of this environment or kubeconfig"),
        ("http://127.0.0.1:nan", "the proxy of this environment or kubeconfig"),
    ],
)
def test_a_proxy_that_cannot_be_used(server: FakeApiServer, proxy: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        connected(server, proxy=proxy)


def test_a_proxy_that_is_not_there_is_named_without_its_password(server: FakeApiServer) -> None:
    with pytest.raises(ApiError, match=r"through the proxy 127\.0\.0\.1:1\)") as caught:
        connected(server, proxy="http://alice:planted@127.0.0.1:1").get("/version")
    assert "planted" not in str(caught.value)
