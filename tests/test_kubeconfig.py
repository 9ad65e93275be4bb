"""Kubeconfigs as people have them: with plugins, without a current context, broken."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubepreflight.errors import SourceError
from kubepreflight.sources.kubeconfig import connect
from tests.fake_api_server import FakeApiServer, serving
from tests.fake_node import make_certificate

CERTIFICATE, KEY = make_certificate("admin", "system:masters")
_, OTHER_KEY = make_certificate("other")


@pytest.fixture
def server() -> Iterator[FakeApiServer]:
    with serving() as fake:
        fake.answers["/a"] = (200, b"fine")
        yield fake


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def written(folder: Path, server: FakeApiServer, user: dict[str, Any], **changes: Any) -> str:
    content = {**server.kubeconfig(), "users": [{"name": "fake", "user": user}], **changes}
    path = folder / "config"
    path.write_text(json.dumps(content))
    return str(path)


def plugin(folder: Path, script: str) -> dict[str, Any]:
    path = folder / "login"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path)}}


def credential(**status: str) -> str:
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


def test_a_plugin_gives_the_token_and_is_not_run_for_every_request(tmp_path: Path, server: FakeApiServer) -> None:
    answer = credential(token="from-plugin", expirationTimestamp="2020-01-01T00:00:00Z")
    user = plugin(tmp_path, f"echo run >> {tmp_path}/runs\necho '{answer}'")
    connection = connect(written(tmp_path, server, user))
    for _ in range(5):
        assert connection.get("/a") == b"fine"
    assert set(server.sent("Authorization")) == {"Bearer from-plugin"}
    assert len((tmp_path / "runs").read_text().splitlines()) <= 2


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo log in first >&2; exit 1", "log in first"),
        ("echo hello", "failed to decode process output"),
        (f"echo '{credential()}'", "missing token"),
    ],
)
def test_a_plugin_that_fails_is_quoted(
    tmp_path: Path, server: FakeApiServer, script: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SourceError, match=said):
        connect(written(tmp_path, server, plugin(tmp_path, script)))
    assert capfd.readouterr() == ("", "")


def test_a_plugin_that_is_not_there_is_named(tmp_path: Path, server: FakeApiServer) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login"}}
    with pytest.raises(SourceError, match="no-such-login"):
        connect(written(tmp_path, server, user))


def test_a_client_certificate_and_its_key_are_left_nowhere(
    tmp_path: Path, server: FakeApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    server.url = server.url.replace("http:", "https:")
    user = {"client-certificate-data": encoded(CERTIFICATE), "client-key-data": encoded(KEY)}
    connection = connect(written(tmp_path, server, user))
    assert connection.credential.kind == "certificate"
    assert len(connection.credential.certificates) == 1
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (
            {"client-certificate-data": encoded(CERTIFICATE), "client-key-data": encoded(OTHER_KEY)},
            "client certificate",
        ),
        ({"client-certificate-data": encoded(CERTIFICATE)}, "client certificate"),
        ({"client-certificate-data": encoded(b"x"), "client-key-data": encoded(KEY)}, "client certificate"),
        ({"client-certificate": "nowhere.crt", "client-key": "nowhere.key"}, "nowhere.crt"),
    ],
)
def test_a_client_certificate_that_cannot_be_used(
    tmp_path: Path, server: FakeApiServer, user: dict[str, Any], said: str
) -> None:
    server.url = server.url.replace("http:", "https:")
    with pytest.raises(SourceError, match=said):
        connect(written(tmp_path, server, user))


def test_the_context_may_be_named_where_none_is_current(tmp_path: Path, server: FakeApiServer) -> None:
    path = written(tmp_path, server, {"token": "a"}, **{"current-context": ""})
    assert connect(path, "fake").context == "fake"
    with pytest.raises(SourceError, match="no current context"):
        connect(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "in line 1"),
        ("a: b\nc: [}", "in line 2"),
        ("", "empty"),
        ("[]", "cannot be used"),
        ("\x00", "cannot be used"),
    ],
)
def test_a_broken_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(SourceError, match=said):
        connect(str(path))


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"server": "127.0.0.1:6443"}, "no https://"),
        ({"server": "https://127.0.0.1:6443", "certificate-authority": "/nowhere/ca.crt"}, "/nowhere/ca.crt"),
        ({"server": "https://127.0.0.1:6443", "certificate-authority-data": encoded(b"x")}, "certificate authority"),
        ({}, "cannot be used"),
    ],
)
def test_a_cluster_that_cannot_be_reached_by_it(
    tmp_path: Path, server: FakeApiServer, cluster: dict[str, str], said: str
) -> None:
    path = written(tmp_path, server, {"token": "a"}, clusters=[{"name": "fake", "cluster": cluster}])
    with pytest.raises(SourceError, match=said):
        connect(path)
