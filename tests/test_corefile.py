"""How a Corefile is read: as kubeadm's migration reads it, whatever CoreDNS itself would make of it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.knowledge.coredns import CoreDnsMigrations
from kubepreflight.semantics.corefile import Line, Server, read_corefile
from kubepreflight.semantics.corefile_migration import path, removed, unmovable, unsupported
from kubepreflight.version import Minor, Version

TABLE = CoreDnsMigrations.provide()
VERSIONS = ComponentVersions.provide()
KUBEADM = Minor(1, 37)


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("", ()),
        (". {\n}\n", (Server((".",), ()),)),
        (".:53 a:53 {\n errors\n}\n", (Server((".:53", "a:53"), (Line("errors", ()),)),)),
        ("a {\n cache 30 {\n  ttl 5\n }\n}\n", (Server(("a",), (Line("cache", ("30",), (Line("ttl", ("5",)),)),)),)),
        ("a { errors\n log }\n", (Server(("a",), (Line("errors", ()), Line("log", ("}",)))),)),
        ("a {\n b { c {\n d\n }\n e\n }\n}\n", (Server(("a",), (Line("b", (), (Line("c", ()), Line("e", ()))),)),)),
        ("a { # x { y\n b # c\n}\n", (Server(("a",), (Line("b", ()),)),)),
        ('a {\n b "c d" "e\\"f"\n}\n', (Server(("a",), (Line("b", ("c d", 'e"f')),)),)),
        ('a {\n b "c\nd" e\n f\n}\n', (Server(("a",), (Line("b", ("c\nd", "e")), Line("f", ()))),)),
        ("a {\n}\nb {\n}\n", (Server(("a",), ()), Server(("b",), ()))),
        ("\ufeffa\n", (Server(("a",), ()),)),
        ("{\n x\n {\n y\n", ()),
        ("}\n}\na\n", ()),
        ('a "never closed', (Server(("a", "never closed"), ()),)),
    ],
)
def test_a_corefile(text: str, servers: tuple[Server, ...]) -> None:
    assert read_corefile(text) == servers


def test_a_hostile_one_is_read_in_no_time() -> None:
    read_corefile("a {\n" * 100_000 + '"' * 100_001 + "\\" * 100_000)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda count: "hosts {\n" + "".join(f"o{one}\n" for one in range(count)) + "}\n", id="options"),
        pytest.param(lambda count: "".join(f"p{one}\n" for one in range(count)), id="plugins"),
        pytest.param(lambda count: "".join(f"log {{\no{one}\n}}\n" for one in range(count)), id="equal plugins"),
        pytest.param(
            lambda count: "hosts {\n" + "".join(f"10.0.{one >> 8}.{one & 255} a\n" for one in range(count)) + "}\n",
            id="options by pattern",
        ),
    ],
)
def test_a_hostile_one_costs_few_steps_a_line_however_many_versions_are_between(body: Callable[[int], str]) -> None:
    few, many = 500, 1500
    more = steps(f".:53 {{\n{body(many)}}}\n") - steps(f".:53 {{\n{body(few)}}}\n")
    assert more / (many - few) < 200


def steps(text: str) -> int:
    """How many calls it takes to read a Corefile, and to judge it between the first version and the last."""
    versions = path(TABLE, KUBEADM, "1.3.1", "1.14.6")
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        servers = read_corefile(text)
        unsupported(TABLE, KUBEADM, versions, servers)
        removed(TABLE, KUBEADM, versions, servers)
        unmovable(TABLE, versions, servers)
    finally:
        sys.setprofile(None)
    return calls


def test_every_kubeadm_can_migrate_to_what_it_brings_from_what_the_one_before_brought() -> None:
    newest = {row.minor: row.coredns for row in VERSIONS.rows}
    for minor, goal in newest.items():
        start = newest.get(minor.plus(-1), goal)
        assert start == goal or path(TABLE, minor, start, goal)[-1] == goal


def test_an_early_patch_release_may_bring_an_older_one_than_the_minor_before() -> None:
    with pytest.raises(ValueError, match=r"to '1\.11\.1' from '1\.11\.3'"):
        path(TABLE, Minor(1, 31), "1.11.3", VERSIONS.of(Version.parse("1.31.0")).coredns)


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("1.14.7", "1.14.6", "start version '1.14.7' not supported"),
        ("v1.14.2", "1.14.6", "start version 'v1.14.2' not supported"),
        ("1.14.6", "1.14.2", "cannot migrate up to '1.14.2' from '1.14.6'"),
    ],
)
def test_where_there_is_no_way(start: str, end: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        path(TABLE, KUBEADM, start, end)


def one(plugin: str) -> tuple[Server, ...]:
    return read_corefile(f".:53 {{\n{plugin}\n}}\n")


@pytest.mark.parametrize(
    ("plugin", "start", "kubeadm", "said"),
    [
        ("errors {\n stacktrace\n}", "1.12.0", "1.37", []),
        ("errors {\n stacktrace\n}", "1.8.6", "1.37", ["errors: stacktrace"]),
        ("file /x", "1.12.0", "1.37", ["file"]),
        ('"a\nrm -r x"', "1.12.0", "1.37", [r"a\nrm -r x"]),
        ("hosts {\n 10.0.0.1 a\n fd00:1::1 b\n reload 0\n}", "1.12.0", "1.37", []),
        ("hosts {\n fd00::1 a\n}", "1.12.0", "1.37", ["hosts: fd00::1"]),
        ("hosts {\n a 10.0.0.1\n}", "1.12.0", "1.37", ["hosts: a"]),
        ("cache {\n keepttl\n}", "1.10.1", "1.33", []),
        ("cache {\n keepttl\n}", "1.10.1", "1.32", ["cache: keepttl"]),
    ],
)
def test_what_is_not_supported(plugin: str, start: str, kubeadm: str, said: list[str]) -> None:
    minor = Minor.parse(kubeadm)
    versions = path(TABLE, minor, start, VERSIONS.of(Version(*minor)).coredns)
    assert unsupported(TABLE, minor, versions, one(plugin)) == said


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ("proxy . 10.0.0.1", ["proxy"]),
        ("kubernetes a {\n upstream\n}", ["kubernetes: upstream"]),
        ("forward . 10.0.0.1", []),
    ],
)
def test_what_is_taken_out(plugin: str, said: list[str]) -> None:
    assert removed(TABLE, KUBEADM, path(TABLE, KUBEADM, "1.3.1", "1.14.6"), one(plugin)) == said


@pytest.mark.parametrize(
    ("corefile", "start", "said"),
    [
        (".:53 {\n proxy a 10.0.0.1\n}\n", "1.3.1", None),
        (".:5353 {\n proxy . 10.0.0.1\n}\n", "1.3.1", None),
        (".:5353 {\n proxy a 10.0.0.1\n}\n", "1.3.1", "unhandled migration of non-default domain/port server block"),
        ("a b {\n forward a 10.0.0.1\n}\n", "1.3.1", "unhandled migration of multi-domain/port server block"),
        (". {\n forward\n}\n", "1.4.0", "found invalid forward plugin declaration"),
        ("a b {\n forward a 10.0.0.1\n}\n", "1.5.0", None),
    ],
)
def test_stub_domains(corefile: str, start: str, said: str | None) -> None:
    assert unmovable(TABLE, path(TABLE, KUBEADM, start, "1.14.6"), read_corefile(corefile)) == said
