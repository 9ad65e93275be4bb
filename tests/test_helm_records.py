"""What is read of the records that Helm 3 keeps, what is not, and what a broken or hostile one does."""

from __future__ import annotations

import base64
import gzip
import json
import time
import zlib
from typing import Any

import pytest

from kubepreflight.semantics.helm_records import LARGEST, Record, record_of, reduced
from kubepreflight.testing import helm_secret

INGRESS = """---
# Source: web/charts/front/templates/ingress.yaml
apiVersion: networking.k8s.io/v1beta1
kind: Ingress
metadata:
  labels: {name: other}
  name: web
spec:
  rules: [{host: "a"}]
"""
BUDGET = """---
# Source: web/templates/budget.yaml
kind: PodDisruptionBudget
metadata: {name: 'web', namespace: "front"}
apiVersion: policy/v1beta1
"""
HOOK = {
    "name": "check",
    "path": "web/templates/tests/check.yaml",
    "events": ["test"],
    "manifest": "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata:\n  name: check\n",
}


def payload(**more: Any) -> str:
    """`data.release` of a Secret."""
    return str(helm_secret("web", **{"manifest": INGRESS + BUDGET, **more})["data"]["release"])


def packed(data: bytes, *, secret: bool = True) -> str:
    once = base64.b64encode(data)
    return (base64.b64encode(once) if secret else once).decode()


def heads(record: Record) -> list[tuple[str, ...]]:
    return [(one.api_version, one.kind, one.namespace, one.name, one.source) for one in record.manifests]


def test_of_a_record_the_names_and_the_heads_of_the_manifests_are_read() -> None:
    record = record_of(payload(version=7, status="superseded"), secret=True)
    assert (record.name, record.namespace, record.revision, record.status) == ("web", "shop", 7, "superseded")
    assert (record.chart, record.chart_version, record.app_version, record.problem) == ("web", "1.0.0", "2.0", "")
    assert heads(record) == [
        ("networking.k8s.io/v1beta1", "Ingress", "", "web", "web/charts/front/templates/ingress.yaml"),
        ("policy/v1beta1", "PodDisruptionBudget", "front", "web", "web/templates/budget.yaml"),
    ]


def test_hooks_are_told_apart_by_their_events() -> None:
    *_, hook = record_of(payload(hooks=[HOOK]), secret=True).manifests
    assert (hook.kind, hook.source, hook.hook) == ("CronJob", "web/templates/tests/check.yaml", ("test",))


def test_a_config_map_holds_the_same_without_the_outer_base64() -> None:
    release = base64.b64decode(payload()).decode()
    assert record_of(release, secret=False) == record_of(payload(), secret=True)


def test_releases_from_before_compression_are_read() -> None:
    plain = packed(json.dumps({"name": "old", "version": 1}).encode())
    assert record_of(plain, secret=True).name == "old"


SECRETS = {
    "config": {"password": "hunter2"},
    "chart": {"metadata": {"name": "web"}, "values": {"password": "hunter2"}, "templates": [{"data": "hunter2"}]},
    "info": {"status": "deployed", "notes": "hunter2", "description": "hunter2"},
    "manifest": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  password: hunter2\n",
}


def test_no_value_gets_beyond_the_payload() -> None:
    release = payload(**SECRETS)
    record = record_of(release, secret=True)
    assert [one.kind for one in record.manifests] == ["Secret"]
    assert "hunter2" not in repr(record)
    assert b"hunter2" not in gzip.decompress(base64.b64decode(base64.b64decode(reduced(release, secret=True))))


@pytest.mark.parametrize(
    "release",
    [payload(), payload(hooks=[HOOK]), payload(manifest="a: b\n---\n- c\n---\nkind: X\n"), "", "broken"],
)
@pytest.mark.parametrize("secret", [True, False])
def test_what_a_snapshot_keeps_says_the_same(release: str, secret: bool) -> None:
    release = release if secret else base64.b64decode(release + "=" * (-len(release) % 4)).decode(errors="ignore")
    assert record_of(reduced(release, secret=secret), secret=secret) == record_of(release, secret=secret)


GOOD = gzip.compress(b'{"name": "hunter2", "version": 3}')
UNREADABLE = {
    "nothing": ("", "it is empty"),
    "no base64": ("hunter2!", "it is not base64, as Helm writes it"),
    "base64 of what is none": (base64.b64encode(b"hunter2!").decode(), "it is not base64, as Helm writes it"),
    "cut off": (packed(GOOD[:-9]), "its gzip is cut off"),
    "a header alone": (packed(b"\x1f\x8b\x08"), "its gzip is cut off"),
    "another checksum": (packed(GOOD[:-8] + b"\0" * 8), "its gzip is damaged"),
    "no JSON": (packed(gzip.compress(b"hunter2")), "it is not JSON, or nested too deep"),
    "no UTF-8": (packed(gzip.compress(b'{"name": "\xff"}')), "it is not JSON, or nested too deep"),
    "other JSON": (packed(gzip.compress(b'["hunter2"]')), "it is JSON, but not of Helm's shape"),
    "another type": (packed(gzip.compress(b'{"manifest": {"hunter2": 1}}')), "it is JSON, but not of Helm's shape"),
    "too deep": (packed(gzip.compress(b'{"config": ' + b"[" * 100_000)), "it is not JSON, or nested too deep"),
}


@pytest.mark.parametrize(("release", "why"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_says_why_and_nothing_of_what_it_holds(release: str, why: str) -> None:
    assert record_of(release, secret=True) == Record(problem=why)


def test_a_bomb_is_not_inflated() -> None:
    deflating = zlib.compressobj(9, wbits=31)
    bomb = b"".join([deflating.compress(b" " * LARGEST), deflating.compress(b" " * (1 << 20)), deflating.flush()])
    assert len(bomb) < 100_000
    assert record_of(packed(bomb), secret=True).problem == "it is larger than 64 MB"


MANIFESTS = {
    "a list": (
        "{apiVersion: v1, kind: List, items: [{apiVersion: a/v1, kind: A}, {kind: B, apiVersion: b/v1}]}",
        [("a/v1", "A", ""), ("b/v1", "B", "")],
    ),
    "keys behind the rest": (
        "spec:\n  kind: No\nkind: A\nmetadata:\n  name: a\napiVersion: a/v1",
        [("a/v1", "A", "a")],
    ),
    "JSON": ('{"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "a"}}', [("a/v1", "A", "a")]),
    "comments alone": ("# nothing\n---\n\n---\n", []),
    "a template of something else within": (
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  x: |\n    kind: No\n    ---\n    kind: No\nmetadata:\n  name: a\n",
        [("v1", "ConfigMap", "a")],
    ),
    "broken behind its head": ("apiVersion: a/v1\nkind: A\nmetadata:\n  name: a\nx: [\n", [("a/v1", "A", "a")]),
}


@pytest.mark.parametrize(("text", "expected"), MANIFESTS.values(), ids=MANIFESTS)
def test_manifests(text: str, expected: list[tuple[str, str, str]]) -> None:
    record = record_of(payload(manifest=text), secret=True)
    assert [(one.api_version, one.kind, one.name) for one in record.manifests] == expected
    assert not record.problem


ODD_MANIFESTS = {
    "no YAML": "a: [hunter2",
    "no kind": "apiVersion: hunter2\nmetadata:\n  name: hunter2",
    "too deep": "a: " + "[" * 100_000,
    "a name that breaks out of its line": 'apiVersion: a/v1\nkind: A\nmetadata:\n  name: "hunter2\\n"',
    "a name without end": f"apiVersion: a/v1\nkind: A\nmetadata:\n  name: {'hunter2' * 1000}",
}


@pytest.mark.parametrize("text", ODD_MANIFESTS.values(), ids=ODD_MANIFESTS)
def test_of_an_odd_manifest_the_others_are_read_and_it_is_named(text: str) -> None:
    started = time.monotonic()
    record = record_of(payload(manifest=f"{text}\n{INGRESS}"), secret=True)
    assert [one.kind for one in record.manifests] == ["Ingress"]
    assert record.problem.startswith("a manifest in it cannot be read: ")
    assert "hunter2" not in record.problem
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("part", ["---\na: 1\n", "- [1, 2]\n", "---\n# nothing\n", BUDGET])
def test_a_record_that_is_made_to_take_long_is_left_and_named(part: str) -> None:
    release = helm_secret("web", part * (20_000_000 // len(part)))["data"]["release"]
    begun = time.process_time()
    record = record_of(release, secret=True)
    assert time.process_time() - begun < 15
    assert record.problem == "a manifest in it cannot be read: there is more in it than is read"


def test_hooks_without_end_count_as_one() -> None:
    release = helm_secret("web", hooks=[HOOK | {"manifest": "- [1]\n" * 1000}] * 1000)["data"]["release"]
    assert "more in it than is read" in record_of(release, secret=True).problem


def test_names_have_a_limit_and_events_are_words() -> None:
    hook = HOOK | {"events": ["test", "<b>", "\x1b[31m", "e" * 5000, "test"]}
    secret = helm_secret("n" * 5000, hooks=[hook], chart={"metadata": {"name": "c" * 5000, "version": "v" * 5000}})
    record = record_of(secret["data"]["release"], secret=True)
    assert [one.hook for one in record.manifests] == [("test",)]
    assert len(repr(record)) < 2000


@pytest.mark.parametrize("number", [-1, 1 << 40, 10**30])
def test_no_revision_has_such_a_number(number: int) -> None:
    release = helm_secret("web", version=number)["data"]["release"]
    assert record_of(release, secret=True).problem == "it is JSON, but not of Helm's shape"
